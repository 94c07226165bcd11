/** A run goes from MDL to PyTorch and back, with the optimiser's state: it is the run that neither left. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { mdl } from '../cli/support.ts';
import { readTensors } from '../support/reference.ts';
import { describeTorch } from './support.ts';
import { compiled, difference, drive, stepsOf, trainedOf } from './training.ts';

const TOLERANCE = 1e-5;

describeTorch('MDL on ONNX Runtime and PyTorch', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  const own = ['small.mdl', '--init', '5', '--stage', 'exact', '--data', './data.mjs'];
  const train = async (out: string, ...more: readonly string[]): Promise<void> => {
    const { code, stderr } = await mdl(folder, 'train', ...own, '--out', out, ...more);
    expect(code, stderr).toBe(0);
  };

  beforeAll(async () => {
    folder = await compiled('exact');
    await train('mdl');
    await train('there', '--steps', '3');
    const run = ['--data', 'shards', '--out'];
    const results = drive([
      { folder, argv: [...run, 'torch'] },
      { folder, argv: [...run, 'back', '--steps', '3'] },
      { folder, argv: [...run, 'there', '--resume'] },
    ]);
    for (const { code, output } of results) expect(code, output).toBe(0);
    cpSync(at('back'), at('back-in-torch'), { recursive: true });
    await train('back', '--resume');
  });

  it.each(['torch', 'there', 'back'])('%s: losses, norms and weights', (name) => {
    const [want, found] = [stepsOf(at('mdl')), stepsOf(at(name))];
    expect(found.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const [index, record] of want.entries()) {
      const other = found[index]!;
      expect(Math.abs(other.loss / record.loss - 1)).toBeLessThan(TOLERANCE);
      expect(Math.abs(other.grad_norm / record.grad_norm - 1)).toBeLessThan(1e-4);
      expect(other).toMatchObject({ lr: record.lr, tokens: record.tokens, loss_scale: record.loss_scale });
      expect(Object.keys(other.layers)).toEqual(Object.keys(record.layers));
      expect(Object.keys(other)).toEqual(Object.keys(record));
    }
    expect(difference(trainedOf(at('mdl')), trainedOf(at(name)))).toBeLessThan(TOLERANCE);
  });

  it('checkpoints hold the same tensors, the moments of Adam among them', () => {
    const state = (run: string) => readTensors(join(at(run), 'checkpoints', '00000-00000006-exact.safetensors'));
    const [mine, theirs] = [state('mdl'), state('torch')];
    expect([...mine.keys()]).toContain('state.exp_avg_sq.layers.0.up.weight');
    expect(difference(mine, theirs)).toBeLessThan(1e-4);
  });

  it('weights are written under the keys of MDL, all of them', () => {
    const keys = (run: string) => [...readTensors(join(at(run), 'model.safetensors')).keys()].sort();
    expect(keys('back-in-torch')).toEqual(keys('mdl'));
  });

  it('a run of other steps is refused by mdl train, by name: R0803', async () => {
    const [other] = drive([
      { folder, argv: ['--data', 'shards', '--out', 'other', '--steps', '2', '--accumulate', '2'] },
    ]);
    expect(other!.code, other!.output).toBe(0);
    const back = await mdl(folder, 'train', ...own, '--out', 'other', '--resume');
    expect(back.code).toBe(1);
    expect(back.stderr).toContain('micro-batches of a step');
  });
});
