/** Two checkpoints, key by key. */
import type { Checkpoint } from '../../../runtime/index.ts';
import { type Difference, differenceOf, numbersOf } from './numbers.ts';

export interface Comparison {
  readonly only_a: readonly string[];
  readonly only_b: readonly string[];
  readonly shapes: readonly { readonly key: string; readonly a: readonly number[]; readonly b: readonly number[] }[];
  /** differ in how they are stored; not a difference by itself */
  readonly dtypes: readonly { readonly key: string; readonly a: string; readonly b: string }[];
  /** those of equal keys and shapes whose numbers differ, the largest relative error first */
  readonly numbers: readonly ({ readonly key: string; readonly size: number } & Difference)[];
  /** tensors that are equal in keys, shapes and numbers, or within the tolerance */
  readonly same: number;
}

/** @param tolerance of the relative error ‖a − b‖ / ‖a‖ of a tensor */
export async function compare(
  a: Checkpoint,
  b: Checkpoint,
  tolerance: number,
  progress: (bytes: number) => void,
): Promise<Comparison> {
  const both = [...a.tensors.keys()].filter((key) => b.tensors.has(key));
  const shapes: Comparison['shapes'][number][] = [];
  const dtypes: Comparison['dtypes'][number][] = [];
  const numbers: Comparison['numbers'][number][] = [];
  let done = 0;
  for (const key of both) {
    const [mine, other] = [a.tensors.get(key)!, b.tensors.get(key)!];
    const [own, others] = [mine.encoding ?? mine.dtype, other.encoding ?? other.dtype];
    if (own !== others) dtypes.push({ key, a: own, b: others });
    if (mine.shape.join() !== other.shape.join()) shapes.push({ key, a: mine.shape, b: other.shape });
    else {
      const difference = await differenceOf(numbersOf(a, key), numbersOf(b, key));
      // a NaN in only one of them is within no tolerance, and squares of small numbers may be 0
      if (difference.elements > 0 && (tolerance === 0 || !(difference.relative <= tolerance)))
        numbers.push({ key, size: mine.shape.reduce((all, n) => all * n, 1), ...difference });
    }
    done += mine.byteLength;
    progress(done);
  }
  const rank = ({ relative }: Difference): number => (Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative);
  return {
    only_a: [...a.tensors.keys()].filter((key) => !b.tensors.has(key)),
    only_b: [...b.tensors.keys()].filter((key) => !a.tensors.has(key)),
    shapes,
    dtypes,
    numbers: numbers.sort((x, y) => rank(y) - rank(x) || (x.key < y.key ? -1 : 1)),
    same: both.length - shapes.length - numbers.length,
  };
}

export function isEqual({ only_a, only_b, shapes, numbers }: Comparison): boolean {
  return [only_a, only_b, shapes, numbers].every((list) => list.length === 0);
}
