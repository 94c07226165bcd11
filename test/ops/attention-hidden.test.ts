/** The float64 interpreter leaves out what attention hides: each query alone over the keys that it sees gives the same. */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { wideDifference } from '../support/compare.ts';
import { graphOf, HIDINGS, type Hiding, ODD, oddOperands } from './attention-hidden.ts';

const parameters = (key: string): never => {
  throw new Error(`no parameter ${key}`);
};

/** Element [n, h, i] of [B or 1, H or 1, rows, width]: a row. */
function rowOf({ shape, data }: WideTensor, n: number, h: number, i: number): Float64Array {
  const [batch, heads, rows, width] = shape as [number, number, number, number];
  const start = (((batch === 1 ? 0 : n) * heads + (heads === 1 ? 0 : h)) * rows + i) * width;
  return data.subarray(start, start + width);
}

const stacked = (rows: readonly ArrayLike<number>[], width: number): WideTensor => ({
  dtype: 'f32',
  shape: [1, 1, rows.length, width],
  data: Float64Array.from(rows.flatMap((row) => Array.from(row))),
});

/** y, dq, dk and dv, from one attention without any hiding per query, image and head. */
function queryByQuery(hiding: Hiding, tensors: ReadonlyMap<string, WideTensor>): Map<string, WideTensor> {
  const [q, k, v, dy] = ['q', 'k', 'v', 'dy'].map((name) => tensors.get(name)!) as [
    WideTensor,
    WideTensor,
    WideTensor,
    WideTensor,
  ];
  const [mask, bias] = [tensors.get('mask'), tensors.get('bias')];
  const [batch, heads, queries, width] = q.shape as [number, number, number, number];
  const [groups, keys, valueWidth] = [k.shape[1]!, k.shape[2]!, v.shape[3]!];
  const { causal, window = keys + queries } = hiding.attributes;
  const zeros = (like: WideTensor): WideTensor => ({ ...like, data: new Float64Array(like.data.length) });
  const results = { y: zeros(dy), dq: zeros(q), dk: zeros(k), dv: zeros(v) };
  const add = (into: WideTensor, n: number, h: number, i: number, row: Float64Array): void => {
    const to = rowOf(into, n, h, i);
    for (const [at, x] of row.entries()) to[at]! += x;
  };
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < heads; h++) {
      const g = Math.floor((h * groups) / heads);
      for (let t = 0; t < queries; t++) {
        const last = keys - queries + t;
        const shown = (s: number) =>
          mask === undefined || (mask.shape.length === 2 ? mask.data[n * keys + s] : rowOf(mask, n, h, t)[s]) === 1;
        const seen = Array.from({ length: keys }, (_, s) => s).filter(
          (s) => (!causal || (s <= last && s > last - window)) && shown(s),
        );
        if (seen.length === 0) continue;
        const alone: Hiding = { ...hiding, queries: 1, keys: seen.length };
        const { mask: _, ...open } = alone;
        const inputs = new Map([
          ['q', stacked([rowOf(q, n, h, t)], width)],
          [
            'k',
            stacked(
              seen.map((s) => rowOf(k, n, g, s)),
              width,
            ),
          ],
          [
            'v',
            stacked(
              seen.map((s) => rowOf(v, n, g, s)),
              valueWidth,
            ),
          ],
          ['dy', stacked([rowOf(dy, n, h, t)], valueWidth)],
        ]);
        if (bias) inputs.set('bias', stacked([seen.map((s) => rowOf(bias, n, h, t)[s]!)], seen.length));
        const { window: _w, ...attributes } = hiding.attributes;
        const graph = graphOf(
          { ...open, heads: [1, 1], batch: 1, attributes: { ...attributes, causal: false } },
          'both',
        );
        const own = interpret(graph, { inputs, parameters });
        add(results.y, n, h, t, rowOf(own.get('y')!, 0, 0, 0));
        add(results.dq, n, h, t, rowOf(own.get('dq')!, 0, 0, 0));
        for (const [i, s] of seen.entries()) {
          add(results.dk, n, g, s, rowOf(own.get('dk')!, 0, 0, i));
          add(results.dv, n, g, s, rowOf(own.get('dv')!, 0, 0, i));
        }
      }
    }
  }
  return new Map(Object.entries(results));
}

describe.each(HIDINGS)('$name', (hiding) => {
  test.each(['k', 'v', 'q', 'dy'] as const)('what is odd in %s reaches only what sees it', (operand) => {
    for (const odd of ODD) {
      const inputs = oddOperands(hiding, odd, operand);
      const results = interpret(graphOf(hiding, 'both'), { inputs, parameters });
      for (const [name, expected] of queryByQuery(hiding, inputs))
        expect(wideDifference(results.get(name)!, expected), `${name} with ${odd}`).toBeUndefined();
    }
  });
});

test('a later value that is NaN reaches no query before it', () => {
  const [causal] = HIDINGS;
  const inputs = oddOperands(causal!, Number.NaN, 'v');
  const y = interpret(graphOf(causal!, 'result'), { inputs, parameters }).get('y')!;
  const rows = Array.from({ length: causal!.queries }, (_, t) => rowOf(y, 0, 0, t).some(Number.isNaN));
  expect(rows).toEqual([...new Array<boolean>(causal!.queries - 1).fill(false), true]);
});
