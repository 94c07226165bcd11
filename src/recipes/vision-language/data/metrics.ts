/**
 * How good the answers are: exact match, VQA accuracy, boxes with IoU > 0.5, things that are named, and what a constant
 * answer would reach, task by task.
 */
import { boxIou, parseBoxes } from './box.ts';
import type { Example } from './example.ts';

/** What evaluation reads of an example. */
export type Judged = Pick<Example, 'task' | 'answer'> & { readonly meta?: Pick<Example['meta'], 'things'> };

/** Shares are from 0 to 1. */
export interface Scores {
  /** the answer, white space at the ends aside */
  readonly exact: number;
  /** after the normalisation of the VQA evaluation */
  readonly vqa: number;
  /** of the boxes wanted, how many were found with IoU > 0.5; absent where no answer has a box */
  readonly box?: number;
  /** of the things wanted, how many are named; absent where no answer names one */
  readonly named?: number;
}

export interface TaskReport extends Scores {
  readonly count: number;
  /** mean IoU of the boxes wanted; absent where no answer has a box */
  readonly iou?: number;
  /** the best constant answer for these very examples, so an upper bound of what guessing reaches */
  readonly baseline: Scores & { readonly answer: string };
}

export interface Report {
  readonly count: number;
  /** over all examples, not over tasks */
  readonly exact: number;
  /** of the tasks' best constant answers, for the same examples */
  readonly baselineExact: number;
  readonly tasks: Readonly<Record<string, TaskReport>>;
}

export interface Judgement<E extends Judged = Judged> {
  readonly example: E;
  /** the model's answer */
  readonly answer: string;
}

/** A box counts as found above this. */
const FOUND_IOU = 0.5;

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/**
 * The VQA evaluation's normalisation, without its table of contractions: lower case, punctuation and articles dropped,
 * numbers up to ten as digits.
 */
export function normaliseAnswer(text: string): string {
  const words = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]/gu, ' ')
    .split(/\s+/)
    .filter((word) => word !== '' && word !== 'a' && word !== 'an' && word !== 'the');
  return words.map((word) => (NUMBERS.includes(word) ? String(NUMBERS.indexOf(word)) : word)).join(' ');
}

/**
 * VQA accuracy (Antol et al. 2015): with ten references the mean, over leaving one out, of min(matches / 3, 1); with a
 * single one, 0 or 1.
 * @param references at least one
 */
export function vqaAccuracy(answer: string, references: readonly string[]): number {
  const given = normaliseAnswer(answer);
  const matches = references.map((reference) => (normaliseAnswer(reference) === given ? 1 : 0));
  const total = matches.reduce<number>((sum, match) => sum + match, 0);
  // with fewer than four references, three matches among the others cannot be asked for
  if (references.length < 4) return total > 0 ? 1 : 0;
  const perLeftOut = matches.map((match) => Math.min((total - match) / 3, 1));
  return perLeftOut.reduce((sum, accuracy) => sum + accuracy, 0) / references.length;
}

/** Asks for each answer in turn. `answer` gets the example and returns the model's text, without the end symbol. */
export async function evaluate<E extends Judged>(
  answer: (example: E) => Promise<string>,
  examples: readonly E[],
): Promise<Report & { readonly judgements: readonly Judgement<E>[] }> {
  const judgements: Judgement<E>[] = [];
  for (const example of examples) judgements.push({ example, answer: await answer(example) });
  return { ...reportOf(judgements), judgements };
}

/** The report of answers that are already there. */
export function reportOf(judgements: readonly Judgement[]): Report {
  const byTask = new Map<string, Judgement[]>();
  for (const judgement of judgements) {
    const { task } = judgement.example;
    byTask.set(task, [...(byTask.get(task) ?? []), judgement]);
  }
  const tasks = Object.fromEntries([...byTask].map(([task, group]) => [task, taskReport(group)] as const));
  const count = judgements.length;
  const overall = (share: (report: TaskReport) => number): number =>
    Object.values(tasks).reduce((sum, report) => sum + share(report) * report.count, 0) / Math.max(1, count);
  return { count, exact: overall((t) => t.exact), baselineExact: overall((t) => t.baseline.exact), tasks };
}

function taskReport(group: readonly Judgement[]): TaskReport {
  const { iou, ...scores } = scoresOf(group);
  const constant = bestConstant(group.map(({ example }) => example));
  const { iou: _, ...baseline } = scoresOf(group.map(({ example }) => ({ example, answer: constant })));
  const report = { count: group.length, ...scores, baseline: { answer: constant, ...baseline } };
  return iou === undefined ? report : { ...report, iou };
}

function scoresOf(group: readonly Judgement[]): Scores & { readonly iou?: number } {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const ious = group.flatMap(({ example, answer }) => boxMatches(example.answer, answer));
  const named = group.flatMap(({ example, answer }) => namesFound(example, answer));
  return {
    exact: mean(group.map(({ example, answer }) => (answer.trim() === example.answer.trim() ? 1 : 0))),
    vqa: mean(group.map(({ example, answer }) => vqaAccuracy(answer, [example.answer]))),
    ...(ious.length > 0 ? { box: mean(ious.map((iou) => (iou > FOUND_IOU ? 1 : 0))), iou: mean(ious) } : {}),
    ...(named.length > 0 ? { named: mean(named) } : {}),
  };
}

/** IoU of each wanted box with the given box at the same place in the text; 0 where there is none. */
function boxMatches(wanted: string, given: string): number[] {
  const found = parseBoxes(given);
  return parseBoxes(wanted).map((box, i) => (found[i] ? boxIou(box, found[i]) : 0));
}

/** For each thing that the right answer names: 1 if the given one does too, as a word of its own. */
function namesFound({ answer: wanted, meta }: Judged, given: string): number[] {
  const words = (text: string): Set<string> => new Set(normaliseAnswer(text).split(' '));
  const [inWanted, inGiven] = [words(wanted), words(given)];
  const nouns = new Set(meta?.things.map(({ noun }) => noun));
  return [...nouns].filter((noun) => inWanted.has(noun)).map((noun) => (inGiven.has(noun) ? 1 : 0));
}

/** The most frequent answer; where answers have boxes, the one whose boxes find most of the others. */
function bestConstant(examples: readonly Judged[]): string {
  const counts = new Map<string, number>();
  for (const { answer } of examples) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const candidates = [...counts.keys()];
  const boxed = candidates.some((answer) => parseBoxes(answer).length > 0);
  const found = (answer: string): number =>
    examples.reduce(
      (sum, example) => sum + boxMatches(example.answer, answer).filter((iou) => iou > FOUND_IOU).length,
      0,
    );
  const score = boxed ? found : (answer: string): number => counts.get(answer)!;
  let best = candidates[0]!;
  let most = score(best);
  for (const candidate of candidates) {
    const candidateScore = score(candidate);
    if (candidateScore > most) [best, most] = [candidate, candidateScore];
  }
  return best;
}
