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
  const matchSegments = (path: readonly string[]): boolean => fits(segments, path);
  return {
    matches: (path) => matchSegments(path.split('.')),
    covers: (path) => {
      const parts = path.split('.');
      return parts.some((_, index) => matchSegments(parts.slice(0, index + 1)));
    },
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
  return (name) => fitsName(pieces, name);
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

/** Greedy with one point of return, as in glob matching: linear in practice, quadratic at worst. */
function fits(segments: readonly Segment[], path: readonly string[]): boolean {
  let at = 0;
  let seg = 0;
  let returnSegment = -1;
  let returnAt = 0;
  while (at < path.length) {
    const segment = segments[seg];
    if (segment === 'any depth') {
      returnSegment = seg++;
      returnAt = at;
    } else if (segment?.(path[at]!)) {
      seg++;
      at++;
    } else if (returnSegment >= 0) {
      seg = returnSegment + 1;
      at = ++returnAt;
    } else return false;
  }
  while (segments[seg] === 'any depth') seg++;
  return seg === segments.length;
}
