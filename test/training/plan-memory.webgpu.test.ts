/** What `mdl train --plan` says of a stage's memory is what a device is asked for. */
import { describe, expect, it } from 'vitest';
import { trainingMemory } from '../../src/compiler/workbench/plan/training-memory.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { Session } from '../../src/runtime/session.ts';
import { initialState, train } from '../../src/runtime/train/index.ts';
import { webgpuBackend } from '../../src/runtime/webgpu/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { changedTensors } from '../../src/shared/training.ts';
import { unavailable } from '../support/adapter.ts';
import { buildStage, planOf, STAGE_ON_DEVICE } from '../support/build.ts';
import { compileOk, memory } from '../support/project.ts';
import { gpuOf, manifestOf } from '../support/webgpu.ts';

const source = (stage: string, ...more: string[]): string => `import { Embedding, LayerNorm, Linear, LoRA } from "std"
module Block(d) {
  norm = LayerNorm(d)
  up = Linear(d, 4 * d)
  down = Linear(4 * d, d)
  forward(x: [B, T, d]) -> [B, T, d] { x + down(gelu(up(norm(x)))) }
}
model M {
  embed = Embedding(1024, 128)
  blocks = [Block(128) for i in range(3)]
  head = Linear(128, 1024)
  entry loss(ids: int[B, T], labels: int[B, T]) -> (loss: []) {
    let x = embed(ids)
    for block in blocks { x = block(x) }
    cross_entropy(head(x), labels)
  }
}
${more.join('\n')}
stage s {
  ${stage}
  schedule constant(lr = 0.001, iters = 3)
}
`;

const ids = (rows: number, length: number): HostTensor => ({
  dtype: 'i64',
  shape: [rows, length],
  data: BigInt64Array.from({ length: rows * length }, (_, i) => BigInt((i * 37 + 5) % 1024)),
});

describe.skipIf(unavailable !== undefined)('a stage on WebGPU takes the predicted bytes, within 1 %', () => {
  it.each([
    ['all of a model with AdamW', 'train **', []],
    ['three micro-batches', 'train ** accumulate 3 optimize sgd(momentum = 0.9)', []],
    [
      'LoRA over int4',
      'train **.lora_*',
      ['adapt blocks[*].{up, down} with LoRA(r = 8, alpha = 8)', 'quantise blocks[*].{up, down}.weight as int4'],
    ],
    ['with recomputation', 'train ** recompute true', []],
  ] as const)('%s', async (_, stage, more) => {
    const model = compileOk('main.mdl', memory({ 'main.mdl': source(stage, ...more) }));
    const { plan, graphs } = buildStage(model, model.stages[0]!, STAGE_ON_DEVICE)!;
    const device = planOf(graphs);
    const gpu = await gpuOf('software');
    gpu.buffers.trim();
    const before = gpu.buffers.counts();
    const weights = seededWeights(model, 0);
    const backend = await webgpuBackend({ plan: device, weights: (key) => weights.read(key), device: gpu });
    const session = await Session.open(manifestOf(device), { backend });
    let taken = 0;
    const start = new Map<string, HostTensor>();
    for (const { key } of changedTensors(plan)) start.set(key, await weights.read(key));
    const batch = { ids: ids(4, 96), labels: ids(4, 96) };
    await train(initialState(plan, start), {
      plan,
      runner: session,
      data: { name: 'the test', batch: async () => ({ feeds: batch, tokens: 0, rows: 4 }) },
      steps: 3,
      onState: () => {
        taken = gpu.buffers.counts().bytes - before.bytes;
      },
      seed: 0,
    });
    await session.dispose();
    const predicted = trainingMemory(
      device,
      plan,
      new Map([
        ['B', 4],
        ['T', 96],
      ]),
      'software',
    );
    expect(Math.abs(taken - predicted.peak) / taken).toBeLessThan(0.01);
  });
});
