/**
 * The lines of a user's .jsonl file:
 *
 *     {"image": "a.png", "caption": "a dog on a sofa"}
 *     {"image": "a.png", "question": "what is this?", "answer": "a dog"}
 *     {"image": "a.png", "conversations": [{"question": "…", "answer": "…"}, …]}
 *     {"image": "a.png", "conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}, …]}
 *
 * `"task": "vqa"` names the task, for the identifier of `multitask` and for the metrics. Other fields are ignored.
 */

import { reasonOf, runtimeError } from '../../../../runtime/errors.ts';
import type { TaskSet } from '../../names.ts';
import { applyTemplate, IMAGE_PLACEHOLDER } from '../../prompt.ts';
import { type Exchange, instruction, NO_PROMPT } from '../example.ts';

export interface DataRecord {
  readonly image: string;
  readonly task: string;
  /** captions have one turn without a question */
  readonly turns: readonly { readonly question?: string; readonly answer: string }[];
}

/** What a caption answers where there are prompts; the paper's. */
const CAPTION_INSTRUCTIONS: { readonly [S in TaskSet]: string | undefined } = {
  captions: undefined,
  descriptions: 'Take a look at this image and describe what you notice.',
  multitask: '[caption] describe this image.',
  questions: undefined,
};

type Fields = Readonly<Record<string, unknown>>;

/** @throws RuntimeError R0904 when the line is none of these */
export function parseRecord(line: string, file: string, number: number): DataRecord {
  const wrong = (reason: string, cause?: unknown) => runtimeError('data_line', { file, line: number, reason }, cause);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw wrong(`is not JSON (${reasonOf(error)})`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('is not an object');
  const fields = value as Fields;
  const text = (from: Fields, name: string): string => {
    const found = Object.hasOwn(from, name) ? from[name] : undefined;
    if (typeof found !== 'string' || found.trim() === '') throw wrong(`has no text "${name}"`);
    if (name !== 'image' && found.includes(IMAGE_PLACEHOLDER)) throw wrong(`has ${IMAGE_PLACEHOLDER} in "${name}"`);
    return found;
  };
  const image = text(fields, 'image');
  const named = (task: string): string => (Object.hasOwn(fields, 'task') ? text(fields, 'task') : task);
  if (Object.hasOwn(fields, 'caption'))
    return { image, task: named('caption'), turns: [{ answer: text(fields, 'caption') }] };
  if (!Object.hasOwn(fields, 'conversations')) {
    if (!Object.hasOwn(fields, 'question')) throw wrong('has neither "caption" nor "question" nor "conversations"');
    return {
      image,
      task: named('vqa'),
      turns: [{ question: text(fields, 'question'), answer: text(fields, 'answer') }],
    };
  }
  const list: unknown = fields.conversations;
  if (!Array.isArray(list) || list.length === 0) throw wrong('has no list of "conversations"');
  const entries = list.map((entry: unknown): Fields => {
    if (typeof entry !== 'object' || entry === null) throw wrong('has a turn that is not an object');
    return entry as Fields;
  });
  return { image, task: named('conversation'), turns: turnsOf(entries, text, wrong) };
}

function turnsOf(
  entries: readonly Fields[],
  text: (from: Fields, name: string) => string,
  wrong: (reason: string) => Error,
): DataRecord['turns'] {
  if (!Object.hasOwn(entries[0]!, 'from'))
    return entries.map((entry) => ({ question: text(entry, 'question'), answer: text(entry, 'answer') }));
  const speakers = ['human', 'gpt'];
  entries.forEach((entry, i) => {
    if (entry.from !== speakers[i % 2]) throw wrong(`has turn ${i + 1} not from ${speakers[i % 2]}`);
  });
  if (entries.length % 2 !== 0) throw wrong('ends with a question');
  return Array.from({ length: entries.length / 2 }, (_, turn) => ({
    // LLaVA marks the image's place in the first question; here it always comes first
    question: text(entries[2 * turn]!, 'value')
      .replace('<image>', '')
      .trim(),
    answer: text(entries[2 * turn + 1]!, 'value'),
  }));
}

/** A record's texts as the tasks want them. `multitask` puts identifiers where the question has none yet. */
export function exchangesOf({ task, turns }: DataRecord, tasks: TaskSet, template: string): readonly Exchange[] {
  return turns.map(({ question, answer }, turn) => {
    if (question === undefined) {
      const instructed = CAPTION_INSTRUCTIONS[tasks];
      return { prompt: instructed === undefined ? NO_PROMPT : instruction(template, instructed), answer };
    }
    const identify = tasks === 'multitask' && task !== 'conversation' && !question.startsWith('[');
    const asked = identify ? `[${task}] ${question}` : question;
    return { prompt: turn === 0 ? instruction(template, asked) : applyTemplate(template, asked), answer };
  });
}
