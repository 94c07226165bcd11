/** What the tests of validation share: a run of examples/mlp.mdl on arrays, and what its log says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import type { TrainingOptions } from '../../src/compiler/workbench/training/options.ts';
import { isStep, isValidation, type LogRecord, type ValidationRecord } from '../../src/runtime/train/index.ts';
import { example } from './data-kinds.ts';
import { DEFAULTS, type Recorded, recorder } from './support.ts';

export const SIZES = { config: 'small', init: 1, batchSize: 16, lr: 2e-2, seed: 3 };

export async function trained(out: string, options: Partial<TrainingOptions>): Promise<Recorded> {
  const output = recorder();
  await trainCommand(output, [example('mlp')], { ...DEFAULTS, ...SIZES, out, ...options });
  return output;
}

export const recordsOf = (out: string): LogRecord[] =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogRecord);

export const looksOf = (out: string): ValidationRecord[] => recordsOf(out).filter(isValidation);

/** What does not depend on how fast the machine is. */
export const comparable = (out: string): string[] =>
  recordsOf(out).flatMap((record) => {
    if (isStep(record)) return [JSON.stringify([record.stage, record.step, record.loss, record.metrics])];
    if (!isValidation(record)) return [];
    const { seconds: _, ...rest } = record;
    return [JSON.stringify(rest)];
  });
