/** Completion of path patterns: what there is in the model below the part that is typed already. */
import type { Model } from '../elaborate/model.ts';
import { compilePattern } from '../elaborate/pattern.ts';

/** `train a, b.` up to the cursor: the clause and what stands of the last pattern. */
const CLAUSE =
  /(?:^|\n)[ \t]*(?:train|no_decay|eval|adapt|quantise)[ \t]+((?:[^\n{]|\{[^}\n]*\}|\{[^}\n]*$|,[ \t]*\n[ \t]+)*)$/;

/** Next segments of the pattern that a text ends in; undefined where it ends in none. */
export function pathsAt(model: Model | undefined, text: string): string[] | undefined {
  const clause = CLAUSE.exec(text.slice(-2000))?.[1];
  if (clause === undefined || !model || /\bwith\b/.test(clause)) return undefined;
  const pattern = lastPattern(clause);
  const front = pattern.slice(0, Math.max(pattern.lastIndexOf('.'), 0));
  const fits = front === '' ? undefined : compilePattern(front);
  const found = new Set<string>();
  const paths = [
    ...[...model.instances].map(({ path }) => path),
    ...[...model.parameters.values()].map(({ path }) => path),
  ];
  for (const path of paths) {
    const parts = path.split('.');
    for (let length = 0; length < parts.length; length++) {
      const next = parts[length]!;
      if (next === '' || /^\d+$/.test(next)) continue;
      if (fits ? length === 0 || !fits.matches(parts.slice(0, length).join('.')) : length > 0) continue;
      found.add(next);
      if (/^\d+$/.test(parts[length + 1] ?? '')) found.add(`${next}[*]`);
    }
  }
  return [...found];
}

/** What stands after the last comma that is in no braces. */
function lastPattern(clause: string): string {
  let depth = 0;
  let start = 0;
  for (let at = 0; at < clause.length; at++) {
    if (clause[at] === '{') depth++;
    else if (clause[at] === '}') depth--;
    else if (clause[at] === ',' && depth === 0) start = at + 1;
  }
  return clause.slice(start).trim();
}
