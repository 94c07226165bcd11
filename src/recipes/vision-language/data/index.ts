/**
 * Data for training and evaluation, in Node.
 *
 *     const data = await openData('emoji', { tasks: 'captions', endSymbol: '\\n', tokenizer, imageSize: 56, imageTokens: 8, batchSize: 16, … });
 *     const { feeds } = await data.batch(0);                 // what the `loss` entry takes
 *     const examples = await openExamples('emoji', { …, split: 'held-out', count: 200 });
 *     const report = await evaluate((example) => answerOf(example), examples);
 */

import type { DataSource } from '../../../runtime/train/data-source.ts';
import { emojiSet } from './emoji.node.ts';
import type { Example, SampleSet } from './example.ts';
import { folderSet } from './folder/folder.node.ts';
import { type DataOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { pretrainSet } from './pretrain.node.ts';
import { batchesOf, exampleOf } from './source.ts';

export { type Box, boxIou, formatBox, parseBoxes } from './box.ts';
export { CONCEPTS, type Concept } from './emoji/concepts.ts';
export { emojiTexts } from './emoji/draw.ts';
export { heldOutPairs } from './emoji/scene.ts';
export type { Example, Meta, Thing } from './example.ts';
export { type Layout, type LayoutOptions, layoutRows, type Row, type TurnIds } from './layout.ts';
export {
  evaluate,
  type Judged,
  normaliseAnswer,
  type Report,
  reportOf,
  type TaskReport,
  vqaAccuracy,
} from './metrics.ts';
export type { BadImage, DataOptions, Split } from './options.ts';

/** The sets that come with the program; any other name is the path of a folder. */
const BUILT_IN: ReadonlyMap<string, (options: ResolvedOptions) => SampleSet> = new Map([
  ['emoji', emojiSet],
  ['emoji-pretrain', pretrainSet],
]);

/** What the sets with wording of their own have instead of a stage's template. */
export const OWN_TEMPLATE = 'none';

/** Whether a set has tasks and a template of its own. */
export function hasOwnWording(name: string): boolean {
  return name === 'emoji-pretrain';
}

/**
 * Batches of a data set: the same step gives the same batch, whatever came before.
 * @param name `emoji`, `emoji-pretrain`, or the path of a folder
 * @throws RuntimeError R0901–R0905, R0907; batches throw R0906–R0909
 */
export async function openData(name: string, options: DataOptions): Promise<DataSource> {
  const resolved = resolveOptions(options);
  return batchesOf(openSet(name, resolved), resolved);
}

export type ExampleOptions = Omit<DataOptions, 'batchSize' | 'tokenizer' | 'imageTokens' | 'bos' | 'pad'> & {
  /** 100 when absent; at most the records of a folder's split */
  readonly count?: number;
};

/**
 * The first examples of a data set, for `evaluate`: usually of the held-out split.
 * @throws RuntimeError R0901–R0907
 */
export async function openExamples(name: string, options: ExampleOptions): Promise<Example[]> {
  const { count = 100, ...rest } = options;
  const noTokens = { tokenizer: NO_TOKENIZER, imageTokens: 1, bos: 0, pad: 0, batchSize: Math.max(1, count) };
  const resolved = resolveOptions({ ...rest, ...noTokens });
  const set = openSet(name, resolved);
  const examples: Example[] = [];
  for (let i = 0; i < Math.min(count, set.size ?? count); i++) examples.push(exampleOf(await set.sample(i), resolved));
  return examples;
}

/** Examples are texts. */
const NO_TOKENIZER = { encode: () => [], decode: () => '' };

function openSet(name: string, options: ResolvedOptions): SampleSet {
  const builtIn = BUILT_IN.get(name);
  return builtIn
    ? builtIn(options.split === 'all' ? { ...options, split: 'held-out' } : options)
    : folderSet(name, options);
}
