/** examples/gpt.mdl trained as test/fixtures/training/gpt/make.py trains it in PyTorch: same weights, batches and optimiser. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { readLog } from '../../src/compiler/workbench/training/log.ts';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { isStep, type LogRecord } from '../../src/runtime/train/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { fixture, readJson } from '../support/reference.ts';
import { example } from './data-kinds.ts';
import { DEFAULTS, recorder } from './support.ts';

const FIXTURE = 'training/gpt/losses.json';
export const reference = readJson<{ lr: number; losses: number[]; batches: number[][][] }>(FIXTURE);

/** The formula of make.py. */
function initial(): Map<string, HostTensor> {
  const { model } = loadModel(example('gpt'), { config: 'bytes' }, recorder());
  const keys = [...model.parameters.keys()].sort();
  return new Map(
    keys.map((key, k) => {
      const { shape } = model.parameters.get(key)!;
      const size = shape.reduce((product, dim) => product * dim, 1);
      const around = shape.length === 1 && key.endsWith('weight') ? 1 : 0;
      const data = Float32Array.from({ length: size }, (_, i) => {
        const word = (Math.imul(i, 2654435761) + k * 40503) >>> 0;
        return Math.fround((word / 2 ** 32 - 0.5) / 10) + around;
      });
      return [key, { dtype: 'f32', shape, data }];
    }),
  );
}

/** The losses of the steps, from the log. */
export async function lossesOn(backend: string, folder: string): Promise<number[]> {
  const [weights, data, log] = ['start.safetensors', 'rows.mjs', `${backend}.jsonl`].map((name) => join(folder, name));
  writeFileSync(weights!, encodeSafetensors(initial()));
  writeFileSync(
    data!,
    `import { readFileSync } from 'node:fs';
    const { batches } = JSON.parse(readFileSync(${JSON.stringify(fixture(FIXTURE))}, 'utf8'));
    const tensor = (rows, value) => ({
      dtype: 'i64', shape: [rows.length, rows[0].length], data: BigInt64Array.from(rows.flat(), (id) => BigInt(value ?? id)),
    });
    export default {
      name: 'rows',
      async batch(step) {
        const rows = batches[step];
        const feeds = { input_ids: tensor(rows), attention_mask: tensor(rows, 1), labels: tensor(rows) };
        return { feeds, tokens: rows.flat().length, rows: rows.length };
      },
    };`,
  );
  const { lr, losses } = reference;
  const options = { config: 'bytes', weights: weights!, data: data!, lr, steps: losses.length, batchSize: 2, backend };
  await trainCommand(recorder(), [example('gpt')], { ...DEFAULTS, ...options, log: log! });
  return (readLog(log!) as LogRecord[]).filter(isStep).map(({ loss }) => loss);
}

/** Largest distance from PyTorch's losses. */
export const distance = (losses: readonly number[]): number =>
  Math.max(...reference.losses.map((loss, step) => Math.abs(loss - losses[step]!)));
