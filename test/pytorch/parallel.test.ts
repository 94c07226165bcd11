/** train.py on one process and on several: the same steps, what each rank holds, and a run that goes on on other ranks. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeTorch } from './support.ts';
import { compiled, difference, stepsOf, type Trained, train, trainedOf } from './training.ts';

describeTorch('a step on several ranks is the step of one', () => {
  let folder: string;
  const runs: Record<string, Trained> = {};
  const at = (name: string): string => join(folder, name);
  const held = (name: string): number[] =>
    /holds (\d+) bytes of frozen weights and (\d+)/.exec(runs[name]!.output)!.slice(1, 3).map(Number);

  beforeAll(async () => {
    folder = await compiled('fit');
    runs.one = train(folder, 1, '--out', 'one', '--checkpoint-every', '3');
    runs.ddp = train(folder, 2, '--out', 'ddp', '--parallel', 'ddp');
    runs.two = train(folder, 2, '--out', 'two', '--parallel', 'fsdp2', '--recompute');
    runs.four = train(folder, 4, '--out', 'four', '--parallel', 'fsdp2', '--checkpoint-every', '3');
    for (const [name, { code, output }] of Object.entries(runs)) expect(code, `${name}: ${output}`).toBe(0);
  });

  it.each(['ddp', 'two', 'four'])('%s', (name) => {
    const [one, other] = [stepsOf(at('one')), stepsOf(at(name))];
    expect(one).toHaveLength(6);
    for (const [index, record] of one.entries()) {
      expect(Math.abs(other[index]!.loss / record.loss - 1)).toBeLessThan(1e-6);
      expect(Math.abs(other[index]!.grad_norm / record.grad_norm - 1)).toBeLessThan(1e-5);
      expect(other[index]!.tokens).toBe(record.tokens);
      expect(Math.abs(other[index]!.metrics!.largest! / record.metrics!.largest! - 1)).toBeLessThan(1e-5);
    }
    expect(difference(trainedOf(at('one')), trainedOf(at(name)))).toBeLessThan(1e-5);
  });

  it('a rank holds 1 / N of the frozen weights, and of those that train', () => {
    const [frozen, trained] = held('one') as [number, number];
    expect(frozen).toBe(4 * (64 * 16 + 2 * (2 * 16 + 64 * 16 + 64 + 16 * 64 + 16)));
    expect(held('ddp')).toEqual([frozen, trained]);
    expect(held('two')).toEqual([frozen / 2, trained / 2]);
    expect(held('four')).toEqual([frozen / 4, trained / 4]);
  });

  it('four ranks stop, one goes on', () => {
    cpSync(at('four'), at('resumed'), { recursive: true });
    rmSync(join(at('resumed'), 'checkpoints'), { recursive: true });
    const { code, output } = train(folder, 1, '--out', 'resumed', '--resume');
    expect(code, output).toBe(0);
    expect(output).toContain('step 3 of 6');
    expect(stepsOf(at('resumed')).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(difference(trainedOf(at('one')), trainedOf(at('resumed')))).toBeLessThan(1e-5);
  });

  it('a run is never begun over another', () => {
    const { code, output } = train(folder, 1, '--out', 'one');
    expect(code).toBe(1);
    expect(output).toContain('C0206: one holds a run');
  });
});
