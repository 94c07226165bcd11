/**
 * The `emoji` data: pictures made of emoji on a white square, and texts about them, new ones for ever.
 *
 *     captions       a picture alone → `a picture of a dog and a cat`
 *     descriptions   `<Img>…</Img> What do you see?` → `the image shows a dog, a kind of animal.`
 *     multitask      `<Img>…</Img> [refer] where is the dog?` → `{<10><25><45><60>}`, and seven more tasks
 */
import { runtimeError } from '../../../runtime/errors.ts';
import { diceOf } from '../../data/dice.ts';
import { CONCEPTS, type Concept } from './emoji/concepts.ts';
import { draw } from './emoji/draw.ts';
import { openPictures } from './emoji/pictures.node.ts';
import { drawScene } from './emoji/scene.ts';
import { type Mix, TASK_MIX, type Wording, wordingOf } from './emoji/tasks.ts';
import type { SampleSet } from './example.ts';
import { type ResolvedOptions, tasksOf } from './options.ts';

/** Fewer leave too few pairs to hold out. */
const FEWEST_CONCEPTS = 20;

/** @throws RuntimeError R0901 (no pictures), R0902 (concepts) */
export function emojiSet(options: ResolvedOptions): SampleSet {
  const tasks = tasksOf(options);
  return sceneSet('emoji', `emoji/${tasks}`, TASK_MIX[tasks], wordingOf(tasks, options.template), options);
}

/** The set of a mix of tasks; `stream` names its random numbers. */
export function sceneSet(
  name: string,
  stream: string,
  mix: Mix,
  wording: Wording,
  { seed, split, imageSize, concepts: count }: ResolvedOptions,
): SampleSet {
  const concepts = chooseConcepts(count);
  const pictures = openPictures(concepts);
  const dices = diceOf(seed, `${stream}/${split}`);
  const settings = { mix, wording, concepts, split };
  return {
    name,
    sample(index) {
      const { task, scene, things, exchange } = draw(settings, dices(index));
      const picture = drawScene(scene, imageSize, pictures);
      const meta = { things, source: `${stream}/${split}/${index}` };
      return Promise.resolve({ task, turns: [exchange], picture, meta });
    },
  };
}

/** Four of each category: what the nano model learns to tell apart in minutes. */
const USUAL_CONCEPTS = 56;

export function chooseConcepts(count: number = USUAL_CONCEPTS): readonly Concept[] {
  if (!Number.isSafeInteger(count) || count < FEWEST_CONCEPTS || count > CONCEPTS.length) {
    const expected = `an integer from ${FEWEST_CONCEPTS} to ${CONCEPTS.length}`;
    throw runtimeError('data_option', { option: 'concepts', value: count, expected });
  }
  return CONCEPTS.slice(0, count);
}
