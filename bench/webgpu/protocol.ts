/** What the benchmark and its contestants' processes say to each other (structured clones, so that tensors stay tensors). */
import type { Results } from './contestant.ts';
import type { Counts } from './gpu.ts';
import type { Limits } from './limits.ts';

export type Request =
  | { readonly kind: 'open' }
  /** compile, run once and read everything that is compared */
  | { readonly kind: 'prepare'; readonly row: string }
  /** run `runs` times */
  | { readonly kind: 'time'; readonly row: string; readonly runs: number }
  | { readonly kind: 'dispose'; readonly row: string }
  | { readonly kind: 'limits' };

export interface Opened {
  readonly about: string;
  /** as Dawn in this process names it; undefined for contestants that bring their own */
  readonly adapter: string | undefined;
}

export interface PreparedReply {
  readonly results: Results;
  /** compiling, uploading and the first run, ms */
  readonly first: number;
}

export interface Timed {
  /** each run, ms */
  readonly ms: readonly number[];
  /** of the last run; undefined where they cannot be seen */
  readonly counts: Counts | undefined;
  /** what the last run gave: a row is still right after the last time */
  readonly results: Results;
}

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly value: Opened | PreparedReply | Timed | Limits | undefined }
  /** the contestant has no way to do the row */
  | { readonly kind: 'unsupported'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };
