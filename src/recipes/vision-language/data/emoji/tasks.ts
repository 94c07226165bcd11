/**
 * The tasks on emoji pictures: what is asked and what the answer is, and how often each is drawn in each set of tasks.
 *
 * Answers are a function of the picture and the question, so that "exact match" means something; all texts are short and
 * in lower case, for a vocabulary of 512 tokens.
 */

import type { Dice } from '../../../data/dice.ts';
import type { TaskSet } from '../../names.ts';
import { formatBox } from '../box.ts';
import { type Exchange, instruction, NO_PROMPT, type Thing } from '../example.ts';
import { copies, row, type SceneMaker, several, single } from './scene.ts';
import { listOf, plural, withArticle } from './words.ts';

/** What is asked of a scene, and answered. `question` goes into the template, with the picture before it. */
interface Asked {
  readonly question: string;
  readonly answer: string;
}

interface Task {
  /** picked by the dice, so that each is equally frequent */
  readonly scenes: readonly SceneMaker[];
  /** what stands before the question in `multitask` */
  readonly identifier?: string;
  /** @param things from left to right */
  ask(things: readonly Thing[], dice: Dice): Asked;
}

const nouns = (things: readonly Thing[]): string => listOf(things.map(({ noun }) => withArticle(noun)));

/** Instructions of `descriptions`; the paper's goes on with `and describe what you notice`. */
const INSTRUCTIONS = ['Take a look at this image.', 'Describe this image.', 'What do you see?'] as const;

/** Nouns that occur once, so that "the dog" is clear. */
function unique(things: readonly Thing[]): readonly Thing[] {
  return things.filter(({ noun }) => things.filter((other) => other.noun === noun).length === 1);
}

const caption = (things: readonly Thing[]): string => `a picture of ${nouns(things)}`;

export const TASKS = {
  caption: {
    scenes: [single, several(2)],
    identifier: '[caption]',
    ask: (things) => ({ question: 'describe this image.', answer: caption(things) }),
  },
  /** human-like: a sentence, and for one thing what kind of thing it is */
  describe: {
    scenes: [single, several(2)],
    ask: (things, dice) => {
      const [only] = things;
      const kind = things.length === 1 ? `, a kind of ${only!.category}` : '';
      return { question: dice.pick(INSTRUCTIONS), answer: `the image shows ${nouns(things)}${kind}.` };
    },
  },
  'vqa-name': {
    scenes: [single],
    identifier: '[vqa]',
    ask: ([only]) => ({ question: 'what is this?', answer: only!.noun }),
  },
  'vqa-category': {
    scenes: [single],
    identifier: '[vqa]',
    ask: ([only]) => ({ question: 'what kind of thing is this?', answer: only!.category }),
  },
  'vqa-count': {
    scenes: [copies],
    identifier: '[vqa]',
    ask: (things, dice) => {
      const { noun } = dice.pick(things);
      const count = things.filter((thing) => thing.noun === noun).length;
      return { question: `how many ${plural(noun)} are there?`, answer: `${count}` };
    },
  },
  /** of three in a row the middle one has a neighbour on both sides, so the place has to be looked at */
  'vqa-relation': {
    scenes: [row],
    identifier: '[vqa]',
    ask: (things, dice) => {
      const extent = (side: 'x1' | 'y1'): number =>
        Math.max(...things.map(({ box }) => box[side])) - Math.min(...things.map(({ box }) => box[side]));
      const across = extent('x1') > extent('y1');
      const inOrder = [...things].sort((a, b) => (across ? a.box.x1 - b.box.x1 : a.box.y1 - b.box.y1));
      const first = dice.chance(0.5);
      const relation = across ? (first ? 'left of' : 'right of') : first ? 'above' : 'below';
      return { question: `what is ${relation} the ${inOrder[1]!.noun}?`, answer: inOrder[first ? 0 : 2]!.noun };
    },
  },
  refer: {
    scenes: [single, several(2), several(3)],
    identifier: '[refer]',
    ask: (things, dice) => {
      const { noun, box } = dice.pick(unique(things));
      return { question: `where is the ${noun}?`, answer: formatBox(box) };
    },
  },
  /**
   * A caption with boxes. MiniGPT-v2 puts `<p>` tags around the nouns, which would take three tokens each here; and two
   * boxes in an answer would make these rows half as long again as all others.
   */
  grounding: {
    scenes: [single],
    identifier: '[grounding]',
    ask: (things) => ({
      question: 'what is where?',
      answer: listOf(things.map(({ noun, box }) => `${withArticle(noun)} ${formatBox(box)}`)),
    }),
  },
  identify: {
    scenes: [several(2), several(3)],
    identifier: '[identify]',
    ask: (things, dice) => {
      const { noun, box } = dice.pick(things);
      return { question: `what is ${formatBox(box)}?`, answer: noun };
    },
  },
  /** nine places; pretraining only, so that the vision part learns where things are before it is frozen */
  place: {
    scenes: [several(2), several(3)],
    ask: (things, dice) => {
      const { noun, box } = dice.pick(unique(things));
      const third = (low: number, high: number, names: readonly [string, string, string]): string =>
        names[Math.min(2, Math.floor((3 * (low + high)) / 200)) as 0 | 1 | 2];
      const vertical = third(box.y1, box.y2, ['top', 'middle', 'bottom']);
      const horizontal = third(box.x1, box.x2, ['left', 'middle', 'right']);
      const place = vertical === horizontal ? vertical : `${vertical} ${horizontal}`;
      return { question: `on which side is the ${noun}?`, answer: place };
    },
  },
} as const satisfies { readonly [name: string]: Task };

export type TaskName = keyof typeof TASKS;
/** How often each task is drawn, relative to the others. */
export type Mix = { readonly [N in TaskName]?: number };

export const TASK_MIX: { readonly [S in TaskSet]: Mix } = {
  captions: { caption: 1 },
  descriptions: { describe: 1 },
  multitask: {
    caption: 1,
    'vqa-name': 1,
    'vqa-category': 1,
    'vqa-count': 1,
    'vqa-relation': 2,
    refer: 2,
    grounding: 1,
    identify: 1,
  },
};

/** One task, by weight. */
export function drawTask(mix: Mix, dice: Dice): TaskName {
  const weights = Object.entries(mix) as [TaskName, number][];
  let rest = dice.unit() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of weights) {
    rest -= weight;
    if (rest < 0) return name;
  }
  return weights.at(-1)![0];
}

/** How a question becomes a prompt. */
export interface Wording {
  readonly template: string;
  /** whether `[vqa]` and the like stand before the question */
  readonly identifiers: boolean;
  /** captions have no question: the picture is the whole prompt */
  readonly bareCaptions: boolean;
}

export function wordingOf(tasks: TaskSet, template: string): Wording {
  return { template, identifiers: tasks === 'multitask', bareCaptions: tasks === 'captions' };
}

/** The exchange of a task on a scene's things. @throws RuntimeError R0603 for an unknown template */
export function exchangeOf(name: TaskName, things: readonly Thing[], dice: Dice, wording: Wording): Exchange {
  const task: Task = TASKS[name];
  const { question, answer } = task.ask(things, dice);
  if (wording.bareCaptions && name === 'caption') return { prompt: NO_PROMPT, answer };
  const asked = wording.identifiers && task.identifier ? `${task.identifier} ${question}` : question;
  return { prompt: instruction(wording.template, asked), answer };
}
