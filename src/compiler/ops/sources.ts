/** Ops without operands: values that come from the dims alone. */
import type { Family } from './rules.ts';
import { expectAxesInRange } from './rules.ts';
import { alongAxis, staticShape, wide } from './strided.ts';

export const SOURCES: Family<'iota' | 'dim_size'> = {
  iota: {
    name: 'iota',
    doc: "Each element's index along the axis; i64.",
    operands: [],
    traits: {},
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
    infer: () => [{ dtype: 'i64', shape: [] }],
    evaluate: (_, { dim }) => [wide('i64', [], Float64Array.from(staticShape([dim])))],
  },
};
