/** The learning rates of train.py are those of `mdl train`, at every step and past the end. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { learningRate, scheduleLength } from '../../src/runtime/train/schedule.ts';
import type { Schedule } from '../../src/shared/training.ts';
import { describeTorch, runPython } from './support.ts';

const SETTINGS = fileURLToPath(new URL('../../src/compiler/backends/pytorch/training', import.meta.url));
const NAMES = { linear_warmup_cosine: 'LinearWarmupCosine', step: 'Step', constant: 'Constant' };

const warm = { lr: 1e-2, min_lr: 1e-3, iters: 5, epochs: 3 };
const SCHEDULES: readonly Schedule[] = [
  { kind: 'constant', lr: 3e-4, iters: 5, epochs: 1 },
  { kind: 'linear_warmup_cosine', ...warm, warmup_lr: 1e-4, warmup: 3 },
  { kind: 'linear_warmup_cosine', ...warm, warmup_lr: 1e-4, warmup: 7 },
  { kind: 'linear_warmup_cosine', ...warm, warmup_lr: -1, warmup: 100 },
  { kind: 'step', ...warm, decay_rate: 0.5, warmup_lr: 0, warmup: 3 },
];

const PROGRAM = `
import json, sys
sys.path.insert(0, sys.argv[1])
import settings
made = [getattr(settings, name)(**given) for name, given in json.loads(sys.argv[2])]
print(json.dumps([[schedule.at(step) for step in range(schedule.steps * 3)] for schedule in made]))
`;

describeTorch('schedules', () => {
  it('have the same rates', () => {
    const given = SCHEDULES.map(({ kind, ...fields }) => [NAMES[kind], fields]);
    const found = JSON.parse(runPython('-c', PROGRAM, SETTINGS, JSON.stringify(given))) as number[][];
    for (const [index, schedule] of SCHEDULES.entries()) {
      const steps = Array.from({ length: scheduleLength(schedule) * 3 }, (_, step) => step);
      expect(found[index]!.length).toBe(steps.length);
      for (const step of steps) expect(found[index]![step], `${step}`).toBeCloseTo(learningRate(schedule, step), 15);
    }
  });
});
