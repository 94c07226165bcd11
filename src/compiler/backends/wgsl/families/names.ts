/** Names of the module that templates declare and use: functions and workgroup memory. */
import { libraryName } from '../text/library.ts';
import { Name } from '../text/wgsl.ts';

/** of text/library.ts */
export const EXP_OF = libraryName('exp_of');
export const EXP4_OF = libraryName('exp4_of');
export const LOG_OF = libraryName('log_of');
export const TANH_OF = libraryName('tanh_of');
export const TRUTH_OF = libraryName('truth_of');

export const QUERY4 = new Name('query4');
export const KEY4 = new Name('key4');
export const VALUE4 = new Name('value4');
export const DY4 = new Name('dy4');
export const CAPPED = new Name('capped');
export const CAPPED4 = new Name('capped4');
export const SLOPE4 = new Name('slope4');
export const MAX4 = new Name('max4');

/** A row of a new position, and four elements of it. */
export const FRESH = { q: new Name('fresh_q'), k: new Name('fresh_k'), v: new Name('fresh_v') } as const;
export const FRESH4 = { q: new Name('fresh4_q'), k: new Name('fresh4_k'), v: new Name('fresh4_v') } as const;

export const TILE_A = new Name('tile_a');
export const TILE_B = new Name('tile_b');
export const PARTIAL = new Name('partial');

export const BLOCK_Q = new Name('block_q');
export const WEIGHTS = new Name('weights');
export const SEEN = new Name('seen');
export const PARTS = new Name('parts');
export const MERGED = new Name('merged');
export const ROW_MOST = new Name('row_most');
export const ROW_FADE = new Name('row_fade');
export const ROW_TOTAL = new Name('row_total');
