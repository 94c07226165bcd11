/** A regular expression as a tree. */
import type { CharacterClass } from './class.ts';

export type Node =
  | { readonly kind: 'class'; readonly test: CharacterClass }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly body: Node;
      readonly least: number;
      readonly most: number;
      readonly lazy: boolean;
    }
  | { readonly kind: 'atomic'; readonly body: Node }
  | { readonly kind: 'look'; readonly body: Node; readonly negative: boolean }
  | { readonly kind: 'assert'; readonly at: Place };

/** Where a zero-width assertion holds; `^` and `$` are of lines, as in Oniguruma. */
export type Place =
  | 'line start'
  | 'line end'
  | 'text start'
  | 'text end'
  | 'last line end'
  | 'word edge'
  | 'no word edge';
