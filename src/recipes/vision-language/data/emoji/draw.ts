/** The n-th sample of an emoji set as a scene and texts, without pixels; and the texts alone, for a tokenizer. */
import { type Dice, diceOf } from '../../../data/dice.ts';
import type { Exchange, Thing } from '../example.ts';
import type { Split } from '../options.ts';
import { CONCEPTS, type Concept } from './concepts.ts';
import { type Scene, type SceneMaker, thingOf, throwScene } from './scene.ts';
import { drawTask, exchangeOf, type Mix, TASK_MIX, TASKS, type TaskName, type Wording, wordingOf } from './tasks.ts';

export interface Drawn {
  readonly task: TaskName;
  readonly scene: Scene;
  readonly things: readonly Thing[];
  readonly exchange: Exchange;
}

export interface DrawSettings {
  readonly mix: Mix;
  readonly wording: Wording;
  readonly concepts: readonly Concept[];
  readonly split: Split;
}

export function draw({ mix, wording, concepts, split }: DrawSettings, dice: Dice): Drawn {
  const task = drawTask(mix, dice);
  const scene = throwScene(dice.pick<SceneMaker>(TASKS[task].scenes), concepts, split, dice);
  const things = scene.placed.map(thingOf);
  return { task, scene, things, exchange: exchangeOf(task, things, dice, wording) };
}

/** What a vocabulary is trained on, each with random numbers of its own. */
const TEXTS = [
  { tasks: 'captions', template: 'none', end: '\n', stream: 'emoji/texts/1' },
  { tasks: 'descriptions', template: 'human', end: '###', stream: 'emoji/texts/3' },
  { tasks: 'multitask', template: 'inst', end: '\n', stream: 'emoji/texts/4' },
] as const;

/**
 * Texts to train a vocabulary on (`trainBpe`): prompts and answers of all tasks as training draws them, with the end
 * symbols, `count` of each set.
 * @param concepts as in the options of the data: the first so many
 */
export function* emojiTexts(count: number, concepts: number = CONCEPTS.length): Generator<string> {
  for (const { tasks, template, end, stream } of TEXTS) {
    const settings: DrawSettings = {
      mix: TASK_MIX[tasks],
      wording: wordingOf(tasks, template),
      concepts: CONCEPTS.slice(0, concepts),
      split: 'train',
    };
    const dices = diceOf(0, stream);
    for (let i = 0; i < count; i++) {
      const { prompt, answer } = draw(settings, dices(i)).exchange;
      // the picture cuts the prompt in two texts
      yield* prompt.split('<ImageHere>').filter((text) => text !== '');
      yield answer + end;
    }
  }
}
