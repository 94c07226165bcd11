/** A model with quantised matrices on WebGPU, f32 weights quantised as they are uploaded, is the interpreter's function. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { memoryOf } from '../../src/compiler/workbench/plan/memory.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { Session } from '../../src/runtime/session.ts';
import { unavailable } from '../support/adapter.ts';
import { buildWebGpu } from '../support/build.ts';
import { memory } from '../support/project.ts';
import { sessionOn } from '../support/targets.ts';
import { backendOf, gpuOf, manifestOf } from '../support/webgpu.ts';
import { expectGradients } from './gradients.ts';
import { expectEqual, program, RULES } from './program.ts';
import { expectGradientsOfPeft, expectStepsOfPeft } from './qlora.ts';

describe.skipIf(unavailable !== undefined)('WebGPU', () => {
  it.each(RULES)('%s', async (_, rules) => {
    await expectEqual(await sessionOn('reference', program(...rules)), await sessionOn('webgpu', program(...rules)));
  });

  it('gradients flow through frozen matrices', () => expectGradients('webgpu'));

  it('QLoRA is that of PEFT over a dequantised base', async () => {
    await expectGradientsOfPeft('webgpu');
    await expectStepsOfPeft('webgpu');
  });

  it('takes the bytes that explain-plan --memory says, within 1 %', async () => {
    const source = `import { Embedding, Linear } from "std"
model M {
  embed = Embedding(4096, 256)
  up = Linear(256, 1024)
  down = Linear(1024, 256)
  entry run(ids: int[B, T]) -> (y: [B, T, 256]) { embed(ids) |> up |> gelu |> down }
}
quantise embed as int8(group = 128)
quantise up, down as int4(group = 32)
`;
    const { model } = compile('main.mdl', memory({ 'main.mdl': source }));
    const plan = buildWebGpu(model!)!;
    const gpu = await gpuOf('gpu');
    const before = gpu.buffers.counts().bytes;
    const weights = seededWeights(model!, 0);
    const session = await Session.open(manifestOf(plan), { backend: backendOf(gpu, plan, (key) => weights.read(key)) });
    const ids = { dtype: 'i64' as const, shape: [1, 4], data: BigInt64Array.of(1n, 2n, 3n, 4n) };
    await session.run('run', { ids });
    const taken = gpu.buffers.counts().bytes - before;
    const dims = new Map([
      ['B', 1],
      ['T', 4],
    ]);
    const { peak, weights: bytes, largest } = memoryOf(plan, () => dims);
    // int8 with a scale for 128, int4 with one for 32, two biases
    expect(bytes).toBe(4096 * 256 * (1 + 2 / 128) + 2 * 256 * 1024 * (1 / 2 + 2 / 32) + 4 * (1024 + 256));
    expect(largest.what).toBe('embed.weight');
    expect(Math.abs(taken - peak) / taken).toBeLessThan(0.01);
    await session.dispose();
  });
});
