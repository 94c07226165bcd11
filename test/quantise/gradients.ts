/** A stage that trains a norm through frozen int4 matrices: its gradients on a target against the interpreter's. */
import { expect } from 'vitest';
import { compile, graphsOf } from '../../src/compiler/index.ts';
import type { OpenedTargetName } from '../../src/compiler/targets/names.ts';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { TEST_HOST } from '../support/host.ts';
import { memory } from '../support/project.ts';

const SOURCE = `import { LayerNorm, Linear } from "std"
model M {
  norm = LayerNorm(64)
  up = Linear(64, 128)
  down = Linear(128, 64)
  entry loss(x: [B, 64]) -> (loss: []) {
    let y = down(gelu(up(norm(x))))
    mean(y * y * x)
  }
}
quantise up as int4(group = 32)
quantise down as int4(group = 64, zeros = true)
stage tune {
  train norm
  optimize sgd()
  schedule constant(lr = 0.1, iters = 1)
}
`;

async function gradientsOn(backend: OpenedTargetName): Promise<ReadonlyMap<string, HostTensor>> {
  const { model } = compile('main.mdl', memory({ 'main.mdl': SOURCE }));
  const stage = model!.stages.find(({ name }) => name === 'tune')!;
  const graphs = graphsOf(model!, { entries: [], stage })!;
  expect([...graphs.quantised.keys()]).toEqual(['up.weight', 'down.weight']);
  const weights = seededWeights(model!, 0);
  const session = await openGraphs(graphs, weights, { backend, opset: 23 }, TEST_HOST);
  try {
    const feeds: Record<string, HostTensor> = {};
    for (const { name } of session.manifest.entries.gradient!.inputs) {
      if (name === 'x') feeds[name] = { dtype: 'f32', shape: [3, 64], data: wave(192) };
      else if (name.startsWith('parameter.')) feeds[name] = await weights.read(name.slice('parameter.'.length));
      else feeds[name] = { dtype: 'f32', shape: [], data: Float32Array.of(1) };
    }
    const results = await session.run('gradient', feeds);
    return new Map(
      Object.entries(results).flatMap(([name, tensor]) =>
        name === 'loss' || name.startsWith('gradient.') ? [[name, tensor as HostTensor] as const] : [],
      ),
    );
  } finally {
    await session.dispose();
  }
}

const wave = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(1 + 0.7 * i));

/** Within 1e-4 of the largest gradient, the loss within 1e-5. */
export async function expectGradients(backend: OpenedTargetName): Promise<void> {
  const [expected, found] = [await gradientsOn('reference'), await gradientsOn(backend)];
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  expect(expected.size).toBe(3);
  for (const [name, { data }] of expected) {
    const [want, have] = [data as Float32Array, found.get(name)!.data as Float32Array];
    const largest = Math.max(...want.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    const error = Math.max(...want.map((value, i) => Math.abs(value - have[i]!)));
    expect(error).toBeLessThanOrEqual((name === 'loss' ? 1e-5 : 1e-4) * largest);
  }
}
