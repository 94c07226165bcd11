/**
 * Path patterns: which modules an adapter goes on, which parameters a stage trains.
 *
 * Segments are joined by dots; `[*]` and `[3]` are segments of their own. `*` stands for any part of one segment,
 * `**` for any number of segments, `{a, b}` for alternatives. A pattern that names a module means all below it.
 */
import { nearest } from '../../shared/nearest.ts';

export interface CompiledPattern {
  /** Whether the whole path fits. */
  matches(path: string): boolean;
  /** Whether the path, or a module that encloses it, fits. */
  covers(path: string): boolean;
}

export function compilePattern(text: string): CompiledPattern {
  const segments = text
    .replace(/\[(\*|\d+)\]/g, '.$1')
    .split('.')
    .map(compileSegment);
  return {
    matches: (path) => lengthsThatFit(segments, path.split('.')).whole,
    covers: (path) => lengthsThatFit(segments, path.split('.')).some,
  };
}

/**
 * Why a pattern matches none of the paths, for a note: the path that was probably meant, or what there is below the
 * longest front part of the pattern that does match.
 */
export function explainNoMatch(text: string, paths: readonly string[]): string[] {
  if (text.length > MAX_EXPLAINED) return [];
  const general = (path: string): string => path.replace(/\.\d+(?=\.|$)/g, '[*]');
  const segments = text.split('.');
  const near = nearest(text.replace(/\.\*(?=\.|$)/g, '[*]'), new Set(paths.map(general)));
  if (near) return [`did you mean \`${near}\`?`];
  for (let length = segments.length - 1; length > 0; length--) {
    const front = segments.slice(0, length).join('.');
    if (front.endsWith('**')) continue;
    const pattern = compilePattern(front);
    const below = new Set<string>();
    for (const path of paths) {
      const parts = path.split('.');
      for (let end = 1; end < parts.length; end++) {
        if (pattern.matches(parts.slice(0, end).join('.'))) below.add(parts[end]!);
      }
    }
    if (below.size > 0)
      return [
        `below \`${front}\` there are ${[...below].slice(0, MAX_SHOWN).join(', ')}${below.size > MAX_SHOWN ? ', …' : ''}`,
      ];
  }
  const top = [...new Set(paths.map((path) => path.split('.')[0]!))].filter((name) => name !== '');
  return top.length === 0
    ? []
    : [`a path starts at the model: ${top.slice(0, MAX_SHOWN).join(', ')}${top.length > MAX_SHOWN ? ', …' : ''}`];
}

/** Characters of a pattern that anyone wrote by hand. */
const MAX_EXPLAINED = 200;
/** Names listed in a note. */
const MAX_SHOWN = 8;

type Segment = 'any depth' | ((name: string) => boolean);

/** A piece of one segment: any text, or one of some texts (a plain text is one of one). */
type Piece = 'any text' | readonly string[];

function compileSegment(text: string): Segment {
  if (text === '**') return 'any depth';
  const pieces = (text.match(/\*|\{[^}]*\}|[^*{]+/g) ?? []).map((piece): Piece => {
    if (piece === '*') return 'any text';
    return piece.startsWith('{')
      ? piece
          .slice(1, -1)
          .split(',')
          .map((name) => name.trim())
      : [piece];
  });
  // the layers of a model repeat their names
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const fitting = fitsName(pieces, name);
    known.set(name, fitting);
    return fitting;
  };
}

/** All places of the name that the pieces so far may end at, piece by piece: no backtracking, whatever the pattern. */
function fitsName(pieces: readonly Piece[], name: string): boolean {
  let ends = new Set([0]);
  for (const piece of pieces) {
    const next = new Set<number>();
    if (piece === 'any text') for (let end = Math.min(...ends); end <= name.length; end++) next.add(end);
    else for (const end of ends) for (const text of piece) if (name.startsWith(text, end)) next.add(end + text.length);
    if (next.size === 0) return false;
    ends = next;
  }
  return ends.has(name.length);
}

/**
 * Whether the whole path fits the segments, and whether some front part of it does. All segments that may come next are
 * followed at once, so a pattern with many `**` takes no longer than its length times the path's.
 */
function lengthsThatFit(segments: readonly Segment[], path: readonly string[]): { whole: boolean; some: boolean } {
  const end = segments.length;
  /** `here[k]`: the path so far fits the first k segments */
  let here = new Uint8Array(end + 1);
  here[0] = 1;
  let some = false;
  for (const name of path) {
    const next = new Uint8Array(end + 1);
    for (let k = 0; k < end; k++) {
      if (here[k] === 0) continue;
      const segment = segments[k]!;
      if (segment === 'any depth') {
        here[k + 1] = 1; // no segment at all
        next[k] = 1;
      } else if (segment(name)) next[k + 1] = 1;
    }
    here = next;
    some ||= ends(segments, here);
  }
  return { whole: ends(segments, here), some };
}

/** Whether all segments are used up, but for `**` at the end. */
function ends(segments: readonly Segment[], here: Uint8Array): boolean {
  let k = segments.length;
  while (k > 0 && here[k] === 0 && segments[k - 1] === 'any depth') k--;
  return here[k] === 1;
}
