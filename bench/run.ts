/**
 * Running the nano model: prefill and one cached decode step in ONNX Runtime at both opsets, and in the float64
 * interpreter for scale. The nano model is so small that most of a step is the cost of calling ONNX Runtime.
 */

import { outputOf } from '../src/compiler/cli/output.ts';
import { loadModel, openWeights } from '../src/compiler/workbench/model.ts';
import { openForRun, type RunRequest } from '../src/compiler/workbench/session.ts';
import type { Feeds, HostTensor, Session } from '../src/runtime/index.ts';
import { MODEL, milliseconds, ms, table, times } from './support.ts';

const PREFILL = 64;
const TARGETS: readonly { readonly name: string; readonly target: RunRequest; readonly runs: number }[] = [
  { name: 'ONNX Runtime, opset 17', target: { backend: 'onnx', opset: 17 }, runs: 50 },
  { name: 'ONNX Runtime, opset 23', target: { backend: 'onnx', opset: 23 }, runs: 50 },
  { name: 'interpreter, float64', target: { backend: 'reference', opset: 17 }, runs: 3 },
];

export default async function run(): Promise<void> {
  const output = outputOf({ quiet: true });
  const rows: string[][] = [];
  let first: { readonly prefill: number; readonly step: number } | undefined;
  for (const { name, target, runs } of TARGETS) {
    const loaded = loadModel(MODEL, { config: 'nano' }, output);
    const weights = (await openWeights(loaded.model, { init: 0 }, output))!;
    const session = await openForRun(loaded, weights, { ...target, entries: ['decode'] });
    try {
      const cached = await session.run('decode', feeds(session, PREFILL, 0));
      const past = Object.fromEntries(
        session.entry('decode').cache.map((port) => [port.past, cached[port.present]!] as const),
      );
      const prefill = await milliseconds(() => session.run('decode', feeds(session, PREFILL, 0)), runs, {
        fastest: true,
      });
      const step = await milliseconds(() => session.run('decode', { ...feeds(session, 1, PREFILL), ...past }), runs, {
        fastest: true,
      });
      first ??= { prefill, step };
      rows.push([
        name,
        ms(prefill),
        `${((PREFILL * 1000) / prefill).toFixed(0)}/s`,
        times(prefill / first.prefill),
        ms(step),
        `${(1000 / step).toFixed(0)}/s`,
        times(step / first.step),
      ]);
    } finally {
      await session.dispose();
      await weights.close();
    }
  }
  const head = ['', `prefill of ${PREFILL}`, 'tokens', 'of first', `step at ${PREFILL}`, 'tokens', 'of first'];
  table('decode of the nano model, batch 1 (fastest run)', head, rows);
}

/** Inputs of `decode` for `length` new tokens after `past` others; an absent cache is empty. */
function feeds(session: Session, length: number, past: number): Feeds {
  const width = session.entry('decode').inputs.find(({ name }) => name === 'inputs_embeds')!.shape[2] as number;
  const embeds = Float32Array.from({ length: length * width }, (_, i) => Math.sin(i));
  const i64 = (shape: readonly number[], value: (i: number) => number): HostTensor => ({
    dtype: 'i64',
    shape,
    data: BigInt64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => BigInt(value(i))),
  });
  return {
    inputs_embeds: { dtype: 'f32', shape: [1, length, width], data: embeds },
    attention_mask: i64([1, past + length], () => 1),
    position_ids: i64([1, length], (i) => past + i),
  };
}
