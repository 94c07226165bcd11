/**
 * The `emoji-pretrain` data: what the nano model's Q-Former, projections and Phi learn from nothing, with all of them
 * trainable, before they are frozen for the four stages. The image encoder has learned before that what is where.
 *
 * EVA and Phi-2 come to TinyGPT-V trained on the world's pictures and texts; this stands for that. A sample is a
 * conversation: a picture with all that some tasks can ask of it, so that each picture teaches much, and no answer says
 * what a later one asks. The texts come without the templates and identifiers of the stages, which are left for the stages
 * to learn.
 */

import { runtimeError } from '../../../runtime/errors.ts';
import { diceOf } from '../../data/dice.ts';
import { openPictures } from './emoji/pictures.node.ts';
import { copies, drawScene, row, type SceneMaker, several, single, thingOf, throwScene } from './emoji/scene.ts';
import { conversationOf, type TaskName } from './emoji/tasks.ts';
import { chooseConcepts } from './emoji.node.ts';
import type { SampleSet } from './example.ts';
import type { ResolvedOptions } from './options.ts';

interface Conversation {
  readonly scenes: readonly SceneMaker[];
  readonly tasks: readonly TaskName[];
}

/** Each as frequent as any other; one that stands twice is twice as frequent. */
const ONE: Conversation = { scenes: [single], tasks: ['vqa-name', 'vqa-category', 'refer'] };
const WHERE: Conversation = { scenes: [several(2), several(3)], tasks: ['caption', 'refer'] };
const WHAT: Conversation = { scenes: [several(2), several(3)], tasks: ['identify'] };
const BESIDE: Conversation = { scenes: [row], tasks: ['vqa-relation'] };
const HOW_MANY: Conversation = { scenes: [copies], tasks: ['vqa-count'] };
export const CONVERSATIONS: readonly Conversation[] = [ONE, WHERE, WHERE, WHAT, BESIDE, HOW_MANY];

/** @throws RuntimeError R0901, R0902, also for tasks or a template, which this set does not take */
export function pretrainSet(options: ResolvedOptions): SampleSet {
  const refuse = (option: 'tasks' | 'template', value: string | undefined): void => {
    if (value !== undefined && value !== 'none')
      throw runtimeError('data_option', { option, value, expected: 'left out for emoji-pretrain, which has its own' });
  };
  refuse('tasks', options.tasks);
  refuse('template', options.template);
  const { seed, split, imageSize } = options;
  const concepts = chooseConcepts(options.concepts);
  const pictures = openPictures(concepts);
  const stream = `emoji/pretrain/${split}`;
  const dices = diceOf(seed, stream);
  const wording = { template: 'none', identifiers: false, bareCaptions: true };
  return {
    name: 'emoji-pretrain',
    sample(index) {
      const dice = dices(index);
      const { scenes, tasks } = dice.pick(CONVERSATIONS);
      const scene = throwScene(dice.pick(scenes), concepts, split, dice);
      const things = scene.placed.map(thingOf);
      const all = conversationOf(tasks, things, dice, wording);
      // the model is judged by the last answer, after those before it
      const turns = split === 'train' ? all : all.slice(0, dice.between(1, all.length));
      return Promise.resolve({
        task: split === 'train' ? tasks.join(', ') : turns.at(-1)!.task,
        turns,
        picture: drawScene(scene, imageSize, pictures),
        meta: { things, source: `${stream}/${index}` },
      });
    },
  };
}
