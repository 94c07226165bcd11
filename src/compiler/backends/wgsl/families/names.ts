/** Functions that templates of attention declare and call. */
import { Name } from '../text/name.ts';

export const QUERY4 = new Name('query4');
export const KEY4 = new Name('key4');
export const VALUE4 = new Name('value4');
export const DY4 = new Name('dy4');
export const CAPPED = new Name('capped');
export const CAPPED4 = new Name('capped4');
export const SLOPE4 = new Name('slope4');
export const MAX4 = new Name('max4');

/** Four elements of a row of a new position. */
export const FRESH4 = { q: new Name('fresh4_q'), k: new Name('fresh4_k'), v: new Name('fresh4_v') } as const;
