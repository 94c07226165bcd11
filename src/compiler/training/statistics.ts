/**
 * What is watched of each gradient, computed where the gradient is: [tensors, 4] with the sum of squares, the largest
 * magnitude, the number of zeros, and 1 if there are NaN or infinities (see shared/training.ts).
 */

import type { NodeSink } from '../ir/editor.ts';
import type { ValueId } from '../ir/graph.ts';

/** The largest finite f32: what is above it, or NaN, is not finite. */
const LARGEST_F32 = 3.4028234663852886e38;

/** @param inverseScale scalar that takes the loss scale off the gradients; absent where it is 1 */
export function gradientStatistics(b: NodeSink, gradients: readonly ValueId[], inverseScale?: ValueId): ValueId {
  const rows = gradients.map((gradient) => statisticsOf(b, gradient, inverseScale));
  return rows.length === 1 ? rows[0]! : b.node('concat', rows, { axis: 0 });
}

/** [1, 4] */
function statisticsOf(b: NodeSink, scaled: ValueId, inverseScale: ValueId | undefined): ValueId {
  const gradient = inverseScale === undefined ? scaled : b.node('mul', [scaled, inverseScale], {});
  const axes = [...b.typeOf(gradient).shape.keys()];
  const all = { axes, keepdims: false };
  const size = b.node('abs', [gradient], {});
  const count = (condition: ValueId): ValueId => b.node('sum', [b.node('cast', [condition], { to: 'f32' })], all);
  const zeros = count(b.node('equal', [size, b.scalar(0)], {}));
  const max = b.node('max', [size], all);
  // NaN if there is one, so one comparison tells of all
  const finite = b.node('less_equal', [max, b.scalar(LARGEST_F32)], {});
  const columns = [
    b.node('sum', [b.node('mul', [gradient, gradient], {})], all),
    max,
    zeros,
    b.node('cast', [b.node('not', [finite], {})], { to: 'f32' }),
  ];
  return b.node(
    'concat',
    columns.map((value) => b.node('reshape', [value], { shape: [1, 1] })),
    { axis: 1 },
  );
}
