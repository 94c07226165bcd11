/** What fusion is told beside the graph. */
import type { CacheStorage } from '../../../../shared/cache-storage.ts';
import type { ValueId } from '../../../ir/graph.ts';

/** A concat that appends to a key/value cache: `past` is an input, the result an output. */
export interface CacheAppend {
  readonly past: ValueId;
  readonly present: ValueId;
  readonly axis: number;
  /** in fewer bytes than a word, which are written in fours */
  readonly stored?: CacheStorage;
  /** of int8: codes by their scales, which are read where they lie and stored nowhere else */
  readonly read?: { readonly value: ValueId; readonly scales: ValueId };
}

export interface FuseOptions {
  readonly caches: readonly CacheAppend[];
  /** values to store whatever fusion would do: a kernel that reads too many buffers is split this way */
  readonly forced: ReadonlySet<ValueId>;
  /** values that no kernel writes beside others */
  readonly alone: ReadonlySet<ValueId>;
}
