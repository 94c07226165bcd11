/**
 * Patterns of a layout's rules, `model.layers.{i}.self_attn.{q,k,v}_proj.{p}`: `{i}` stands for a part of one segment, `{rest...}`
 * for any number of segments, `{q,k,v}` for each of some texts in this order.
 */

export type PatternPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'capture'; readonly name: string; readonly rest: boolean }
  | { readonly kind: 'each'; readonly texts: readonly string[] };

export interface KeyPattern {
  readonly text: string;
  readonly parts: readonly PatternPart[];
  readonly captures: ReadonlySet<string>;
}

/** What a path has at the captures of a pattern, and which of the alternatives. */
export interface PatternMatch {
  readonly captures: ReadonlyMap<string, string>;
  /** 0 where the pattern has none */
  readonly which: number;
}

/** Matching takes time that grows with a power of the captures, so they are few. */
const MAX_CAPTURES = 6;

/** @param fail called with what is wrong, as `the pattern … has …` */
export function parseKeyPattern(text: string, fail: (problem: string) => never): KeyPattern {
  const parts: PatternPart[] = [];
  const captures = new Set<string>();
  for (const piece of text.match(/\{[^{}]*\}|[^{}]+|[{}]/g) ?? []) {
    if (!piece.startsWith('{')) {
      if (!/^[\w.-]+$/.test(piece)) fail(`has ${JSON.stringify(piece)}, which no key has`);
      parts.push({ kind: 'text', text: piece });
      continue;
    }
    const inside = piece
      .slice(1, -1)
      .split(',')
      .map((name) => name.trim());
    const capture = inside.length === 1 ? /^([A-Za-z_]\w*)(\.\.\.)?$/.exec(inside[0]!) : null;
    if (capture) {
      const name = capture[1]!;
      if (captures.has(name)) fail(`has {${name}} twice`);
      captures.add(name);
      parts.push({ kind: 'capture', name, rest: capture[2] !== undefined });
    } else if (inside.length > 1 && inside.every((name) => /^[\w.-]+$/.test(name)))
      parts.push({ kind: 'each', texts: inside });
    else fail(`has ${piece}, and {name}, {name...} or {one,another} is expected`);
  }
  if (parts.length === 0) fail('is empty');
  if (captures.size > MAX_CAPTURES) fail(`has ${captures.size} names in braces, more than ${MAX_CAPTURES}`);
  if (parts.filter(({ kind }) => kind === 'each').length > 1) fail('lists alternatives twice');
  if (parts.filter((part) => part.kind === 'capture' && part.rest).length > 1) fail('has ... twice');
  parts.forEach((part, index) => {
    const next = parts[index + 1];
    if (part.kind === 'capture' && next !== undefined && next.kind !== 'text')
      fail(`has {${part.name}} and what follows it with nothing between them`);
  });
  return { text, parts, captures };
}

/** The texts of the alternatives; one, the empty text, where the pattern has none. */
export function alternativesOf({ parts }: KeyPattern): readonly string[] {
  const each = parts.find(({ kind }) => kind === 'each');
  return each?.kind === 'each' ? each.texts : [''];
}

/** Finds the captures of a pattern in a path; undefined where the path does not fit. */
export function matcherOf(pattern: KeyPattern): (path: string) => PatternMatch | undefined {
  const names = [...pattern.captures];
  const source = pattern.parts.map((part) => {
    if (part.kind === 'text') return escaped(part.text);
    if (part.kind === 'each') return `(?<$each>${part.texts.map(escaped).join('|')})`;
    return `(?<${part.name}>${part.rest ? '.+' : '[^.]+'})`;
  });
  const expression = new RegExp(`^${source.join('')}$`);
  const texts = alternativesOf(pattern);
  return (path) => {
    const found = expression.exec(path);
    if (!found) return undefined;
    const captures = new Map(names.map((name) => [name, found.groups![name]!]));
    return { captures, which: Math.max(0, texts.indexOf(found.groups?.$each ?? '')) };
  };
}

/** The keys that a pattern stands for: one for each of its alternatives. */
export function keysOf(pattern: KeyPattern, captures: ReadonlyMap<string, string>): string[] {
  return alternativesOf(pattern).map((text) =>
    pattern.parts
      .map((part) => (part.kind === 'text' ? part.text : part.kind === 'each' ? text : captures.get(part.name)!))
      .join(''),
  );
}

function escaped(text: string): string {
  return text.replace(/[.-]/g, '\\$&');
}
