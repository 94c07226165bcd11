/** The ablation of a user's own flag, for each recipe: at micro size, with what its report says. */
import { join } from 'node:path';
import ablateCommand from '../../src/compiler/cli/commands/ablate.ts';
import type { CellSummary } from '../../src/compiler/workbench/ablation/summary.ts';
import { folderWith } from '../support/folder.ts';
import { DOCS, emojiFolder, example } from './data-kinds.ts';
import { recorder } from './support.ts';

export const KINDS = {
  text: { file: 'gpt', flags: 'tie_embeddings', set: { config: 'bytes', length: 16 } },
  pictures: { file: 'resnet', flags: 'residual', set: { config: 'tiny' } },
} as const;

/** Final losses by variant. */
export type Ablated = ReadonlyMap<string, number>;

interface Result {
  readonly failed: readonly unknown[];
  readonly summary: readonly Pick<CellSummary, 'variant' | 'loss'>[];
}

/** Losses by variant after two steps of one seed. */
export async function ablated(kind: keyof typeof KINDS, backend: string): Promise<Ablated> {
  const { file, flags, set } = KINDS[kind];
  const output = recorder();
  const data = kind === 'text' ? join(DOCS, 'text.md') : emojiFolder();
  const common = { set: [], allowMissing: [], allowUnexpected: [], opset: '17', init: 1, seed: 0, seeds: 1, last: 1 };
  const run = { batchSize: 4, steps: 2, out: join(folderWith(), 'run') };
  await ablateCommand(output, [example(file)], { ...common, ...set, ...run, data, flags, backend });
  const { failed, summary } = output.results[0] as Result;
  if (failed.length > 0) throw new Error(JSON.stringify(failed));
  return new Map(summary.map(({ variant, loss }) => [variant, loss!.mean]));
}
