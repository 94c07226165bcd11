/**
 * The tasks on emoji pictures: what is asked and what the answer is, and how often each is drawn in each set of tasks.
 *
 * Answers are a function of the picture and the question, so that "exact match" means something; all texts are short and
 * in lower case, for a vocabulary of 512 tokens.
 */

import type { Dice } from '../../../data/dice.ts';
import type { TaskSet } from '../../names.ts';
import { applyTemplate } from '../../prompt.ts';
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
  /**
   * What can be asked of a scene, each as likely as any other.
   * @param things from left to right
   */
  asks(things: readonly Thing[]): readonly Asked[];
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
    asks: (things) => [{ question: 'describe this image.', answer: caption(things) }],
  },
  /** human-like: a sentence, and for one thing what kind of thing it is */
  describe: {
    scenes: [single, several(2)],
    asks: (things) => {
      const [only] = things;
      const kind = things.length === 1 ? `, a kind of ${only!.category}` : '';
      return INSTRUCTIONS.map((question) => ({ question, answer: `the image shows ${nouns(things)}${kind}.` }));
    },
  },
  'vqa-name': {
    scenes: [single],
    identifier: '[vqa]',
    asks: ([only]) => [{ question: 'what is this?', answer: only!.noun }],
  },
  'vqa-category': {
    scenes: [single],
    identifier: '[vqa]',
    asks: ([only]) => [{ question: 'what kind of thing is this?', answer: only!.category }],
  },
  'vqa-count': {
    scenes: [copies],
    identifier: '[vqa]',
    asks: (things) =>
      things.map(({ noun }) => {
        const count = things.filter((thing) => thing.noun === noun).length;
        return { question: `how many ${plural(noun)} are there?`, answer: `${count}` };
      }),
  },
  /** of three in a row the middle one has a neighbour on both sides, so the place has to be looked at */
  'vqa-relation': {
    scenes: [row],
    identifier: '[vqa]',
    asks: (things) => {
      const extent = (side: 'x1' | 'y1'): number =>
        Math.max(...things.map(({ box }) => box[side])) - Math.min(...things.map(({ box }) => box[side]));
      const across = extent('x1') > extent('y1');
      const inOrder = [...things].sort((a, b) => (across ? a.box.x1 - b.box.x1 : a.box.y1 - b.box.y1));
      const [before, middle, after] = inOrder as [Thing, Thing, Thing];
      const asked = (relation: string, { noun }: Thing): Asked => ({
        question: `what is ${relation} the ${middle.noun}?`,
        answer: noun,
      });
      return [asked(across ? 'left of' : 'above', before), asked(across ? 'right of' : 'below', after)];
    },
  },
  refer: {
    scenes: [single, several(2), several(3)],
    identifier: '[refer]',
    asks: (things) =>
      unique(things).map(({ noun, box }) => ({ question: `where is the ${noun}?`, answer: formatBox(box) })),
  },
  /**
   * A caption with boxes. MiniGPT-v2 puts `<p>` tags around the nouns, which would take three tokens each here; and two
   * boxes in an answer would make these rows half as long again as all others.
   */
  grounding: {
    scenes: [single],
    identifier: '[grounding]',
    asks: (things) => [
      {
        question: 'what is where?',
        answer: listOf(things.map(({ noun, box }) => `${withArticle(noun)} ${formatBox(box)}`)),
      },
    ],
  },
  identify: {
    scenes: [several(2), several(3)],
    identifier: '[identify]',
    asks: (things) => things.map(({ noun, box }) => ({ question: `what is ${formatBox(box)}?`, answer: noun })),
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
  questions: {
    caption: 3,
    'vqa-name': 1,
    'vqa-category': 1,
    'vqa-count': 2,
    'vqa-relation': 1,
    refer: 2,
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
  return { template, identifiers: tasks === 'multitask', bareCaptions: tasks === 'captions' || tasks === 'questions' };
}

/** One exchange of a task on a scene's things. @throws RuntimeError R0603 for an unknown template */
export function exchangeOf(name: TaskName, things: readonly Thing[], dice: Dice, wording: Wording): Exchange {
  return worded(name, dice.pick(asksOf(name, things)), wording, instruction);
}

/**
 * A conversation about a scene's things: all that each task can ask, task after task, what is asked of one task in any
 * order. The picture stands before the first question.
 * @throws RuntimeError R0603 for an unknown template
 */
export function conversationOf(
  names: readonly TaskName[],
  things: readonly Thing[],
  dice: Dice,
  wording: Wording,
): readonly (Exchange & { readonly task: TaskName })[] {
  const asked = names.flatMap((name) => {
    const once = new Map(asksOf(name, things).map((each) => [each.question, each]));
    return shuffled([...once.values()], dice).map((each) => ({ name, each }));
  });
  return asked.map(({ name, each }, i) => ({
    task: name,
    ...worded(name, each, wording, i === 0 ? instruction : applyTemplate),
  }));
}

const asksOf = (name: TaskName, things: readonly Thing[]): readonly Asked[] => (TASKS[name] as Task).asks(things);

function worded(
  name: TaskName,
  { question, answer }: Asked,
  wording: Wording,
  write: (template: string, text: string) => string,
): Exchange {
  if (wording.bareCaptions && name === 'caption') return { prompt: NO_PROMPT, answer };
  const { identifier } = TASKS[name] as Task;
  return {
    prompt: write(wording.template, wording.identifiers && identifier ? `${identifier} ${question}` : question),
    answer,
  };
}

/** Fisher and Yates. */
function shuffled<T>(list: T[], dice: Dice): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = dice.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
