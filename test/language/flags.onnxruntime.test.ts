/**
 * All 64 combinations of TinyGPT-V's six flags at small sizes: every entry traces, keeps its types through the
 * passes, loads in ONNX Runtime at both opsets and computes finite outputs of the declared shapes.
 */
import { describe, expect, it } from 'vitest';
import { lowerToOnnx } from '../../src/compiler/backends/onnx/index.ts';
import { bindDims, shapedInputs } from '../../src/compiler/ir/bind.ts';
import { typeOf } from '../../src/compiler/ir/graph.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { evaluateDim } from '../../src/shared/dim.ts';
import { disagreement, OPSETS, runOnnx } from '../backends/onnx/support.ts';
import { compileOk, repository } from '../support/project.ts';
import { feedsOf } from './feeds.ts';
import { combinations, FLAGS, nameOf, SMALL } from './flags.ts';
import { weightsOf } from './support.ts';

describe('each combination of flags', () => {
  it.each(combinations.map((flags) => [nameOf(flags), flags] as const))('%s', async (_, flags) => {
    const model = compileOk('models/tinygpt-v.mdl', repository, {
      config: 'nano',
      values: SMALL,
      set: FLAGS.map((name) => ({ name, text: String(flags[name]) })),
    });
    expect(Object.fromEntries(model.settings.flags)).toEqual(flags);
    const parameters = weightsOf(model, 'initial');
    const used = new Set<string>();
    for (const entry of model.entries) {
      const traced = model.entry(entry)!;
      verifyGraph(traced.graph);
      const graph = runPipeline(traced.graph, { after: (_name, after) => verifyGraph(after) });
      for (const { key } of graph.parameters) used.add(key);
      // one image token per query, or one per four patches
      const image = flags.q_former ? 2 : 1;
      const feeds = feedsOf(
        graph,
        { B: 1, N: 1, T: 5, P: 3 },
        { input_ids: (column) => (entry === 'loss' && column < image ? -1 : column + 1) },
      );
      const sizes = bindDims(
        shapedInputs(graph),
        new Map(Object.entries(feeds).map(([name, { shape }]) => [name, shape])),
      );
      for (const opset of OPSETS) {
        const outputs = await runOnnx(graph, feeds, { opset, parameters });
        for (const { name, value } of graph.outputs) {
          const { dtype, shape } = typeOf(graph, value);
          expect([name, outputs[name]!.dtype, outputs[name]!.shape]).toEqual([
            name,
            dtype,
            shape.map((dim) => evaluateDim(dim, sizes)),
          ]);
          expect(outputs[name]!.data.every((element) => Number.isFinite(Number(element)))).toBe(true);
        }
      }
    }
    // every parameter of the model serves some entry
    const idle = [...model.parameters.values()].filter((p) => !p.buffer && !used.has(p.keys[0])).map((p) => p.path);
    expect(idle).toEqual([]);
  });
});

it('the loss of a batch without images runs in ONNX Runtime as in the interpreter', async () => {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano', values: SMALL });
  const graph = runPipeline(model.entry('loss')!.graph);
  const feeds = feedsOf(graph, { B: 2, N: 0, T: 5 });
  for (const opset of OPSETS)
    expect(await disagreement(graph, feeds, { opset, parameters: weightsOf(model) })).toBeUndefined();
});

it('the graphs of two opsets differ where the modern one has an operator of its own', () => {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano', values: SMALL });
  const { graph } = model.entry('decode')!;
  const operators = (opset: (typeof OPSETS)[number]) => {
    const parameters = (key: string) =>
      ({
        kind: 'external',
        location: 'w.bin',
        offset: 0,
        length: 4 * model.parameters.get(key)!.shape.reduce((a, b) => a * b, 1),
      }) as const;
    return new Set(lowerToOnnx(graph, { opset, parameters }).model.graph!.node!.map((node) => node.opType));
  };
  expect([...operators(23)].some((op) => !operators(17).has(op))).toBe(true);
});
