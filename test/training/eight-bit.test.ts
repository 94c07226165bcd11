/** Adam with state in 8 bits: against NumPy, update by update, on the interpreter and ONNX Runtime; checkpoints; what is refused. */
import { describe, expect, it } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { dynamicMap } from '../../src/compiler/training/eight-bit.ts';
import { OPTIMISERS } from '../../src/compiler/training/optimisers.ts';
import { updateGraph } from '../../src/compiler/training/update.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { OPSETS, runOnnx } from '../backends/onnx/support.ts';
import { readJson, relativeError } from '../support/reference.ts';

interface Moment {
  readonly codes: readonly number[];
  readonly max: readonly number[];
}
interface Case {
  readonly name: 'adamw' | 'adam';
  readonly shape: readonly number[];
  readonly weight_decay: number;
  readonly lr: number;
  readonly start: readonly number[];
  readonly steps: readonly {
    readonly gradient: readonly number[];
    readonly parameter: readonly number[];
    readonly state: { readonly exp_avg: Moment; readonly exp_avg_sq: Moment };
  }[];
}
/** As test/fixtures/optimisers/eight_bit.py makes them. */
const { maps, cases } = readJson<{ maps: { signed: number[]; unsigned: number[] }; cases: Case[] }>(
  'optimisers/eight_bit.json',
);

it('the map is that of bitsandbytes: 256 values, in order', () => {
  for (const [name, signed] of [
    ['signed', true],
    ['unsigned', false],
  ] as const) {
    const map = [...dynamicMap(signed)];
    expect(map).toHaveLength(256);
    expect(map).toEqual(maps[name]);
    expect(map.every((value, i) => i === 0 || value > map[i - 1]!)).toBe(true);
  }
});

const f32 = (shape: readonly number[], data: ArrayLike<number>): WideTensor => ({
  dtype: 'f32',
  shape,
  data: Float64Array.from(data),
});

/** Three codes of each f32. */
const unpacked = ({ data }: WideTensor, count: number): number[] =>
  [...(data as Float64Array)].flatMap((word) => [word >> 16, (word >> 8) & 255, word & 255]).slice(0, count);

type Run = (inputs: ReadonlyMap<string, WideTensor>) => Promise<ReadonlyMap<string, WideTensor>>;

describe.each(cases)('$name of $shape', ({ name, shape, weight_decay, lr, start, steps }) => {
  const optimiser = OPTIMISERS[name]({ bits: 8, weight_decay });
  const graph = updateGraph({ trained: [{ key: 'w', shape, layer: 'w', decay: true }] }, optimiser);
  const runs: readonly (readonly [string, Run, number])[] = [
    ['the interpreter', async (inputs) => interpret(graph, { inputs, parameters: () => f32([], []) }), 0],
    ...OPSETS.map((opset): readonly [string, Run, number] => [
      `ONNX Runtime, opset ${opset}`,
      async (inputs) => {
        const results = Object.entries(await runOnnx(graph, Object.fromEntries(inputs), { opset }));
        return new Map(results.map(([key, tensor]) => [key, f32(tensor.shape, tensor.data as Float32Array)]));
      },
      // f32: a number between two codes may fall on the other side
      0.005,
    ]),
  ];

  it('is a graph that verifies', () => verifyGraph(graph));

  it.each(runs)('is NumPy on %s', async (_, run, others) => {
    const count = start.length;
    const blocks = Math.ceil(count / 256);
    let state = new Map<string, WideTensor>();
    for (const moment of ['exp_avg', 'exp_avg_sq']) {
      const words = Math.ceil((256 * blocks) / 3);
      state.set(`state.${moment}.w`, f32([words], new Float64Array(words)));
      state.set(`state.${moment}_max.w`, f32([blocks], new Float64Array(blocks)));
    }
    let parameter = f32(shape, start);
    for (const [i, { gradient, parameter: expected, state: kept }] of steps.entries()) {
      const results = await run(
        new Map([
          ...state,
          ['parameter.w', parameter],
          ['gradient.w', f32(shape, gradient)],
          ['learning_rate', f32([], [lr])],
          ['step', f32([], [i + 1])],
          ['gradient_scale', f32([], [1])],
        ]),
      );
      parameter = results.get('new.parameter.w')!;
      expect(relativeError(parameter.data, Float64Array.from(expected)), `parameter, update ${i + 1}`).toBeLessThan(
        others === 0 ? 1e-12 : 1e-5,
      );
      state = new Map([...state.keys()].map((key) => [key, results.get(`new.${key}`)!]));
      for (const [moment, { codes, max }] of Object.entries(kept)) {
        const found = unpacked(state.get(`state.${moment}.w`)!, codes.length);
        const different = found.filter((code, at) => code !== codes[at]).length;
        expect(different, `${moment}, update ${i + 1}`).toBeLessThanOrEqual(others * codes.length);
        expect(relativeError(state.get(`state.${moment}_max.w`)!.data, Float64Array.from(max))).toBeLessThan(
          others === 0 ? 1e-12 : 1e-5,
        );
      }
    }
  });
});
