/** `did you mean …`: the known name nearest to a misspelt one. */
import { nearest } from '../../shared/nearest.ts';
import type { Suggestion } from './diagnostic.ts';
import type { Span } from './span.ts';

/** A fix that replaces `span` by the nearest candidate, or undefined if none is near. */
export function didYouMean(name: string, candidates: Iterable<string>, span: Span): Suggestion | undefined {
  const meant = nearest(name, candidates);
  return meant === undefined ? undefined : suggest(meant, span);
}

/** A fix as a list, which is empty where there is none. */
export function fix(suggestion: Suggestion | undefined): Suggestion[] {
  return suggestion ? [suggestion] : [];
}

/** A fix that replaces `span` by a name that is known to be meant. */
export function suggest(meant: string, span: Span): Suggestion {
  return { message: `did you mean \`${meant}\`?`, span, replacement: meant };
}
