/** Ops without operands: values that come from the dims alone. */
import { addDims, type Dim, type Shape } from '../../shared/dim.ts';
import type { Op } from './declare.ts';
import { expectAxesInRange } from './rules.ts';
import type { Family } from './spec.ts';
import { alongAxis, staticShape, wide } from './strided.ts';

export interface SourceOps {
  /** i64 tensor of this shape holding each element's index along `axis`. No inputs. */
  iota: Op<readonly [], { readonly shape: Shape; readonly axis: number }>;
  /** i64 scalar: the value of a dimension. No inputs. */
  dim_size: Op<readonly [], { readonly dim: Dim }>;
}

export const SOURCES: Family<SourceOps> = {
  iota: {
    name: 'iota',
    doc: "Each element's index along the axis; i64.",
    operands: [],
    traits: {},
    integers: (known, _, { shape, axis }) => known.between(0, addDims(shape[axis]!, -1), true),
    infer(_, { shape, axis }) {
      expectAxesInRange('iota', [axis], shape.length);
      return [{ dtype: 'i64', shape }];
    },
    evaluate(_, { shape, axis }) {
      const target = staticShape(shape);
      const { outer, size, inner } = alongAxis(target, axis);
      const out = new Float64Array(outer * size * inner);
      for (let at = 0; at < out.length; at++) out[at] = Math.floor(at / inner) % size;
      return [wide('i64', target, out)];
    },
  },
  dim_size: {
    name: 'dim_size',
    doc: 'The value of a dimension as an i64 scalar.',
    operands: [],
    traits: {},
    integers: (known, _, { dim }) => known.between(dim, dim, true),
    infer: () => [{ dtype: 'i64', shape: [] }],
    evaluate: (_, { dim }) => [wide('i64', [], Float64Array.from(staticShape([dim])))],
  },
};
