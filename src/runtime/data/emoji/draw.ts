/** The n-th sample of an emoji set as a scene and texts, without pixels; and the texts alone, for a tokenizer. */
import { type Dice, diceOf } from '../dice.ts';
import type { Exchange, Thing } from '../example.ts';
import type { Split } from '../options.ts';
import { CONCEPTS, type Concept } from './concepts.ts';
import { type Scene, type SceneMaker, thingOf, throwScene } from './scene.ts';
import { drawTask, exchangeOf, type Mix, STAGE_MIX, TASKS, type TaskName, type Wording } from './tasks.ts';

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

/** How stages ask: captions without any prompt in 1 and 2, identifiers in 4. */
export function stageWording(stage: 1 | 2 | 3 | 4, template: string): Wording {
  return { template, identifiers: stage === 4, bareCaptions: stage <= 2 };
}

/**
 * Texts to train a vocabulary on (`trainBpe`): prompts and answers of all stages as training draws them, with the end
 * symbols, `count` of each kind of stage.
 * @param concepts as in the options of the data: the first so many
 */
export function* emojiTexts(count: number, concepts: number = CONCEPTS.length): Generator<string> {
  const templates = { 1: 'none', 2: 'none', 3: 'human', 4: 'inst' } as const;
  for (const stage of [1, 3, 4] as const) {
    const wording = stageWording(stage, templates[stage]);
    const settings: DrawSettings = {
      mix: STAGE_MIX[stage],
      wording,
      concepts: CONCEPTS.slice(0, concepts),
      split: 'train',
    };
    const dices = diceOf(0, `emoji/texts/${stage}`);
    for (let i = 0; i < count; i++) {
      const { prompt, answer } = draw(settings, dices(i)).exchange;
      // the picture cuts the prompt in two texts
      yield* prompt.split('<ImageHere>').filter((text) => text !== '');
      yield `${answer}${stage === 3 ? '###' : '\n'}`;
    }
  }
}
