/** TinyGPT-V on WebGPU beyond sessions: key/value caches that stay on the device while tokens are generated. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import type { AnyTensors } from '../../src/runtime/device-tensor.ts';
import type { Gpu } from '../../src/runtime/webgpu/gpu.ts';
import { WebGpuProgram } from '../../src/runtime/webgpu/program.ts';
import { GpuTensor } from '../../src/runtime/webgpu/tensors.ts';
import { ModelBuffers } from '../../src/runtime/webgpu/weights.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { recordingOutput } from '../cli/output.ts';
import { unavailable } from '../support/adapter.ts';
import { buildWebGpu } from '../support/build.ts';
import { relativeError } from '../support/reference.ts';
import { gpuOf, PROFILES } from '../support/webgpu.ts';
import { configFile, feed, ids, input, output, TINY, TOLERANCE, WEIGHTS } from './support.ts';

const STEPS = 8;
const [rows, prompt] = input('generate/attention_mask').shape as [number, number];

const int = (shape: readonly number[], data: readonly number[]): HostTensor => ({
  dtype: 'i64',
  shape,
  data: BigInt64Array.from(data, BigInt),
});

describe.skipIf(unavailable).each(PROFILES)('profile %s', (profile) => {
  let gpu: Gpu;
  const programs = new Map<string, WebGpuProgram>();
  beforeAll(async () => {
    const said = recordingOutput();
    const { model } = loadModel('models/tinygpt-v.mdl', { configFile: configFile() }, said);
    const provider = await openWeights(model, { weights: WEIGHTS }, said);
    const plan = buildWebGpu(model, { entries: ['embed_tokens', 'decode'] })!;
    gpu = await gpuOf(profile);
    const buffers = new ModelBuffers(gpu, plan, (key) => provider!.read(key));
    for (const name of Object.keys(plan.entries))
      programs.set(name, await WebGpuProgram.open(gpu, plan, name, buffers));
    await provider!.close();
  });
  afterAll(async () => {
    for (const program of programs.values()) await program.dispose();
  });

  /** @param reserve positions that the caches have room for at once; absent: they grow on the way */
  async function greedy(reserve?: number): Promise<{ tokens: number[][]; logits: number[]; buffers: Set<GPUBuffer> }> {
    const presents = Array.from({ length: TINY.phi.num_layers }, (_, layer) =>
      ['key', 'value'].map((kind) => `${layer}.${kind}`),
    ).flat();
    const mask = Array.from({ length: rows }, (_, row) => ids('generate/attention_mask', row, prompt));
    const tokens: number[][] = mask.map(() => []);
    const steps: number[][][] = mask.map(() => []);
    const buffers = new Set<GPUBuffer>();
    let given = feed(output('generate/inputs_embeds')) as HostTensor;
    let past: AnyTensors = {};
    for (let step = 0; step < STEPS; step++) {
      const length = given.shape[1]!;
      const positions = mask.flatMap((row) => {
        let count = 0;
        return row.map((on) => (on ? count++ : 1)).slice(-length);
      });
      const results = await programs.get('decode')!.run(
        {
          inputs_embeds: given,
          attention_mask: int([rows, mask[0]!.length], mask.flat()),
          position_ids: int([rows, length], positions),
          ...past,
        },
        ['logits'],
        { keep: presents.map((name) => `present.${name}`), ...(reserve === undefined ? {} : { reserve }) },
      );
      const { shape, data } = results.logits as HostTensor;
      const vocab = shape[2]!;
      const chosen = mask.map((_, row) => {
        const last = Array.from(data.slice(((row + 1) * length - 1) * vocab, (row + 1) * length * vocab), Number);
        steps[row]!.push(last);
        return last.indexOf(Math.max(...last));
      });
      for (const [row, token] of chosen.entries()) tokens[row]!.push(token);
      past = Object.fromEntries(
        presents.map((name) => {
          const cache = results[`present.${name}`];
          if (!(cache instanceof GpuTensor)) throw new Error(`present.${name} has left the device`);
          expect(cache.shape[2]).toBe(mask[0]!.length);
          buffers.add(cache.buffer);
          return [`past_key_values.${name}`, cache] as const;
        }),
      );
      const next = await programs.get('embed_tokens')!.run({ input_ids: int([rows, 1], chosen) });
      given = next.inputs_embeds as HostTensor;
      for (const row of mask) row.push(1);
    }
    for (const cache of Object.values(past)) (cache as GpuTensor).destroy();
    return { tokens, logits: steps.flat(2), buffers };
  }

  const expected = (): number[][] =>
    Array.from({ length: rows }, (_, row) =>
      Array.from(output('generate/ids').data.subarray(row * STEPS, (row + 1) * STEPS) as Int32Array),
    );

  it('generates with caches that are appended in place', async () => {
    const { tokens, logits, buffers } = await greedy(prompt + STEPS);
    expect(tokens).toEqual(expected());
    expect(relativeError(logits, output('generate/step_logits').data)).toBeLessThan(TOLERANCE);
    expect(buffers.size).toBe(2 * TINY.phi.num_layers);
  });

  it('generates with caches that grow on the way', async () => {
    const { tokens, logits } = await greedy(prompt + 2);
    expect(tokens).toEqual(expected());
    expect(relativeError(logits, output('generate/step_logits').data)).toBeLessThan(TOLERANCE);
  });
});
