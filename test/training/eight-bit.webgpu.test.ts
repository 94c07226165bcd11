/** A stage whose Adam keeps 8 bits: the same on every engine, resumed to the bit, and told to be smaller; what is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initialise } from '../../src/runtime/init.ts';
import { decodeTraining, encodeTraining } from '../../src/runtime/train/checkpoint.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { buildStage, graphIn } from '../support/build.ts';
import { compileOk, memory } from '../support/project.ts';
import { relativeError } from '../support/reference.ts';
import { ENGINES, type Run, runStageOn } from './engines.ts';
import { noise } from './support.ts';

const SOURCE = (bits: number): string => `import { Linear } from "std"
model M {
  up = Linear(20, 40)
  down = Linear(40, 20)
  entry loss(x: [B, 20], y: [B, 20]) -> (loss: []) {
    let d = down(tanh(up(x))) - y
    mean(d * d)
  }
}
stage s {
  train **
  optimize adamw(bits = ${bits}, weight_decay = 0.1)
  schedule constant(lr = 0.01)
}
`;
const model = compileOk('m.mdl', memory({ 'm.mdl': SOURCE(8) }));
const f32 = (shape: readonly number[], seed: number): HostTensor => ({
  dtype: 'f32',
  shape,
  data: noise(
    shape.reduce((product, dim) => product * dim, 1),
    seed,
  ),
});
const RUN: Run = {
  stage: 's',
  weights: (key) => {
    const { shape, initializer } = model.parameters.get(key)!;
    return { dtype: 'f32', shape, data: initialise(initializer, { seed: 1, key, shape }) };
  },
  batches: [1, 2, 3].map((seed) => ({ x: f32([4, 20], seed), y: f32([4, 20], 9 + seed) })),
  steps: 5,
};

describe.each(ENGINES.filter((engine) => engine !== 'reference'))('%s', (engine) => {
  it('has the parameters of the interpreter', async () => {
    const [{ state: oracle }, { state, plan }] = [
      await runStageOn('reference', model, RUN),
      await runStageOn(engine, model, RUN),
    ];
    expect(plan.arenas).toBeUndefined();
    expect(plan.slots).toEqual(['exp_avg', 'exp_avg_max', 'exp_avg_sq', 'exp_avg_sq_max']);
    // a moment that is between two codes may fall on either side
    for (const [key, { data }] of oracle.parameters)
      expect(relativeError(state.parameters.get(key)!.data as Float32Array, data as Float32Array)).toBeLessThan(2e-3);
    // 800 numbers: 4 blocks, in 342 numbers and 4
    expect(state.slots.get('exp_avg')!.get('up.weight')!.shape).toEqual([342]);
    expect(state.slots.get('exp_avg_sq_max')!.get('up.weight')!.shape).toEqual([4]);
  });

  it('goes on from a checkpoint to the same bits', async () => {
    const { state: whole } = await runStageOn(engine, model, RUN);
    const { state: half } = await runStageOn(engine, model, { ...RUN, steps: 2 });
    const { tensors, metadata } = encodeTraining({ state: half, earlier: new Map(), settings: {}, logBytes: 0 });
    const { state: read } = decodeTraining('half', tensors, new Map(Object.entries(metadata)));
    const { state: resumed } = await runStageOn(engine, model, { ...RUN, from: read });
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.slots).toEqual(whole.slots);
  });
});

it('needs no look at indices after an update: they are in the map whatever the state is', () => {
  const { graphs } = buildStage(model, model.stages[0]!)!;
  const update = graphs.entries.find(({ name }) => name === 'update')!;
  expect(update.guarded.checks).toBeUndefined();
  expect(graphIn(graphs, 'update').outputs.map(({ name }) => name)).toContain('new.state.exp_avg_max.up.weight');
});

const run = (source: string, ...args: string[]) => {
  const folder = folderWith();
  writeFileSync(join(folder, 'm.mdl'), source);
  return mdl(folder, ...args);
};

describe('refuses', () => {
  it('other numbers of bits', async () => {
    const { code, stderr } = await run(SOURCE(4), 'compile', 'm.mdl', '--stage', 's', '--out', 'out');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/C0202.*bits is 4, and a number that is 8 or 32/)]);
  });

  it('PyTorch, whose train.py has no such optimiser', async () => {
    const args = ['compile', 'm.mdl', '--target', 'pytorch', '--stage', 's', '--out', 'out'];
    const { code, stderr } = await run(SOURCE(8), ...args);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/C0512.*no optimiser with state of 8 bits/)]);
  });
});
