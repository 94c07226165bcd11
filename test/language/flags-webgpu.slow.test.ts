/**
 * All 64 combinations of TinyGPT-V's flags at small sizes on WebGPU: the kernels of `decode` and `loss` are accepted by
 * the device's own compiler, and the loss and a cached step (two rows, of which one is padded) are the interpreter's.
 * Combinations take turns at the two kinds of adapter.
 */
import { describe, expect, it } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { WebGpuProgram } from '../../src/runtime/webgpu/program.ts';
import { ModelBuffers } from '../../src/runtime/webgpu/weights.ts';
import { type HostTensor, narrow, type WideTensor } from '../../src/shared/tensor.ts';
import { unavailable } from '../support/adapter.ts';
import { planOfGraphs } from '../support/build.ts';
import { difference } from '../support/compare.ts';
import { compileOk, repository } from '../support/project.ts';
import { gpuOf, PROFILES } from '../support/webgpu.ts';
import { feedsOf } from './feeds.ts';
import { combinations, FLAGS, nameOf, SMALL } from './flags.ts';
import { weightsOf } from './support.ts';

type Sizes = Readonly<Record<string, number>>;

const cases = combinations.map((flags, i) => [nameOf(flags), PROFILES[i % 2]!, flags] as const);

describe.skipIf(unavailable)('each combination of flags', () => {
  it.each(cases)('%s, profile %s', async (_, profile, flags) => {
    const model = compileOk('models/tinygpt-v.mdl', repository, {
      config: 'nano',
      values: SMALL,
      set: FLAGS.map((name) => ({ name, text: String(flags[name]) })),
    });
    const graphs = ['decode', 'loss'].map((name) => {
      const { graph, cache } = model.entry(name)!;
      return { name, graph: runPipeline(graph), cache };
    });
    const gpu = await gpuOf(profile);
    const plan = planOfGraphs(model, graphs);
    const weights = weightsOf(model);
    const read = (key: string): WideTensor => weights.get(key)!;
    const buffers = new ModelBuffers(gpu, plan, async (key) => narrow(read(key)));
    const programs = await Promise.all(graphs.map(({ name }) => WebGpuProgram.open(gpu, plan, name, buffers)));

    const check = async (at: number, sizes: Sizes, fills: Parameters<typeof feedsOf>[2]): Promise<void> => {
      const { graph } = graphs[at]!;
      const feeds = feedsOf(graph, sizes, fills);
      const expected = interpret(graph, { inputs: new Map(Object.entries(feeds)), parameters: read });
      const host = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, narrow(tensor)]));
      const results = await programs[at]!.run(host);
      for (const [name, tensor] of expected)
        expect(difference(results[name] as HostTensor, tensor), name).toBeUndefined();
    };
    await check(0, { B: 2, T: 1, P: 5 }, { attention_mask: (_, index) => (index < 2 ? 0 : 1), position_ids: () => 4 });
    const image = flags.q_former ? 2 : 1;
    await check(1, { B: 2, N: 2, T: 6 }, { input_ids: (column) => (column < image ? -1 : column + 1) });
    for (const program of programs) await program.dispose();
  });
});
