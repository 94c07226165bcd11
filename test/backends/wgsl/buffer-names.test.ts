/** Buffers in WGSL go by the names of the model, whatever those are; adapters compile and run the texts. */
import { describe, expect, test } from 'vitest';
import { bufferName, unlike } from '../../../src/compiler/backends/wgsl/text/buffer-names.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { noise } from '../../passes/autodiff/support.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { disagreement, planOfGraphs } from './support.ts';

test.each([
  ['llama_model.layers.3.mlp.fc1.weight', 'mlp_fc1_weight'],
  ['past_key_values.3.key', 'past_key_values_key'],
  ['x', 'x_values'],
  ['x7', 'x_values'],
  ['fn', 'fn_values'],
  ['static.cast', 'static_cast_values'],
  ['store_0', 'store_values'],
  ['__a__.__b__', 'a_b'],
  ['a\u2028*/ @group(0)', 'a_group'],
  ['größe.gewicht', 'gr_e_gewicht'],
  ['7.8.9', 'some_values'],
  ['', 'some_values'],
  [`layer.${'long_'.repeat(30)}`, `${'long_'.repeat(10).slice(1, 49)}`],
])('%j is called %s', (path, name) => {
  expect(bufferName(path)).toBe(name);
  expect(bufferName(path)).toMatch(/^(?!.*__)[a-z][a-z0-9_]*_[a-z0-9_]*[a-z]$/);
});

test('a name that is taken gets a letter', () => {
  const taken = new Set(['w_x', ...Array.from('bcdefghijklmnopqrstuvwxyz', (letter) => `w_x_${letter}`)]);
  expect(unlike('w_y', (name) => taken.has(name))).toBe('w_y');
  expect(unlike('w_x', (name) => taken.has(name))).toBe('w_x_aa');
});

/** gelu(x · wᵀ + bias), under names that the kernel's own functions and variables have. */
function graphOf(x: string, w: string, bias: string): Graph {
  const b = new GraphBuilder('clash');
  const operands = [b.input(x, 'f32', [6, 8]), b.parameter(w, 'f32', [8, 8]), b.parameter(bias, 'f32', [8])] as const;
  b.output('y', b.node('gelu', [b.node('linear', operands, {})], { approximate: 'tanh' }));
  return b.build();
}

const CLASHES = [
  ['gelu_tanh', 'unless_nan', 'sigmoid_of'],
  ['tile.a', 'tile.b', 'is.nan'],
  ['num.workgroups', 'workgroup.id', 'local.invocation.index'],
  ['x', 'same.weight', 'same-weight'],
] as const;

describe.skipIf(unavailable)('kernels whose buffers clash with their own names', () => {
  test.each(CLASHES.flatMap((names) => PROFILES.map((profile) => [names, profile] as const)))(
    '%j, profile %s',
    async (names, profile) => {
      const graph = graphOf(names[0], names[1], names[2]);
      const plan = planOfGraphs({ main: { graph } });
      const declared = plan.kernels[0]!.wgsl.match(/var<storage, \w+> (\w+)/g)!;
      expect(new Set(declared).size).toBe(declared.length);
      const feeds = new Map([[names[0], noise([6, 8], 1)]]);
      const weights = new Map([
        [names[1], noise([8, 8], 2)],
        [names[2], noise([8], 3)],
      ]);
      expect(await disagreement(await gpuOf(profile), graph, feeds, weights)).toBeUndefined();
    },
  );
});
