/**
 * Every reference case on WebGPU against torch's float64: static and written for both kinds of adapter, and (where the case
 * allows) with a symbolic first axis; and the cases made by hand. Symbolic ones for GPUs: matrix-symbolic.slow.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { buildExtraCase, EXTRA_CASES, tensor } from '../../ops/extra-cases.ts';
import { batchInputs, loadCases } from '../../ops/reference-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { differences, expectTorch, runGraph } from './support.ts';

const cases = loadCases();

test('the fixtures hold 176 cases', () => {
  expect(cases).toHaveLength(176);
});

describe.skipIf(unavailable)('on a device', () => {
  describe.each(cases)('$name', (reference) => {
    test.each(PROFILES)('static, profile %s', (profile) => expectTorch(reference, profile));
    if (batchInputs(reference).length > 0)
      test('symbolic batch, profile software', () => expectTorch(reference, 'software', 'B'));
  });

  // integers on the device have 32 bits, and the seed by hand has more
  const extras = EXTRA_CASES.filter(({ name }) => name !== 'random_uniform');
  describe.each(extras)('$name', (extra) => {
    const inputs = new Map<string, WideTensor>(extra.inputs.map(({ name, tensor }) => [name, tensor]));
    const expected = new Map(extra.outputs.map((tensor, index) => [`out${index}`, tensor]));
    test.each(PROFILES)('as written and after the passes, profile %s', async (profile) => {
      const graph = buildExtraCase(extra);
      for (const form of [graph, runPipeline(graph)]) {
        expect(differences(await runGraph(await gpuOf(profile), form, inputs), expected)).toBeUndefined();
      }
    });
  });

  test.each(PROFILES)('random numbers are those of the interpreter, profile %s', async (profile) => {
    const b = new GraphBuilder('random');
    const [seed, x] = [b.input('seed', 'i64', []), b.input('x', 'f32', [symbol('B'), 3])];
    for (const [salt, shape] of [[5], [], [4, 1], b.typeOf(x).shape, [2, symbol('B'), 7]].entries())
      b.output(`out${salt}`, b.node('random_uniform', [seed], { shape, salt: 1000 * salt }));
    for (const number of [0, 1, 2 ** 24 - 17, 2 ** 31 - 1, 2 ** 32 - 1]) {
      const inputs = new Map([
        ['seed', tensor('i64', [], [number])],
        ['x', tensor('f32', [2, 3], [0, 0, 0, 0, 0, 0])],
      ]);
      const graph = b.build();
      const expected = interpret(graph, { inputs, parameters });
      const results = await runGraph(await gpuOf(profile), graph, inputs);
      for (const [name, { data }] of expected) expect([...results[name]!.data]).toEqual([...data]);
    }
  });
});

const parameters = (key: string): never => {
  throw new Error(`no parameter ${key}`);
};
