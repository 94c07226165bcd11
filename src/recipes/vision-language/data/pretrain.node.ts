/**
 * The `emoji-pretrain` data: what the nano model's parts learn from nothing, with everything trainable, before they are
 * frozen for the four stages.
 *
 * EVA and Phi-2 come to TinyGPT-V trained on the world's pictures and texts; these tasks stand for that. ViT and Q-Former
 * learn from them what things are and where they are (what they drop here, no later stage can bring back), Phi learns
 * the words, the digits of boxes among them. The texts come without the templates and identifiers of the stages, which
 * are left for the stages to learn.
 */

import { runtimeError } from '../../../runtime/errors.ts';
import type { Mix } from './emoji/tasks.ts';
import { sceneSet } from './emoji.node.ts';
import type { SampleSet } from './example.ts';
import type { ResolvedOptions } from './options.ts';

/** Most of it names things; the rest asks where they are and how many. */
export const PRETRAIN_MIX: Mix = {
  caption: 5,
  'vqa-name': 4,
  'vqa-category': 1,
  'vqa-count': 1,
  'vqa-relation': 1,
  place: 1,
  refer: 1,
  identify: 1,
};

/** Names alone, at first. */
const NAMES: Mix = { 'vqa-name': 1 };
/**
 * Training samples that only ask for names. In the mix from the start, a model learns to guess from the texts and then
 * has little reason to look: at 700 steps the gradient of the ViT was a hundredth of what it is after names alone.
 */
const NAMES_FIRST = 16_000;

/** @throws RuntimeError R0901, R0902, also for tasks or a template, which this set does not take */
export function pretrainSet(options: ResolvedOptions): SampleSet {
  const refuse = (option: 'tasks' | 'template', value: string | undefined): void => {
    if (value !== undefined && value !== 'none')
      throw runtimeError('data_option', { option, value, expected: 'left out for emoji-pretrain, which has its own' });
  };
  refuse('tasks', options.tasks);
  refuse('template', options.template);
  const wording = { template: 'none', identifiers: false, bareCaptions: true };
  const mixed = sceneSet('emoji-pretrain', 'emoji/pretrain', PRETRAIN_MIX, wording, options);
  if (options.split === 'held-out') return mixed;
  const names = sceneSet('emoji-pretrain', 'emoji/pretrain-names', NAMES, wording, options);
  return { ...mixed, sample: (index) => (index < NAMES_FIRST ? names : mixed).sample(index) };
}
