/** Conversations as data: what is read, what counts in the loss, and what of a file is refused. */
import { describe, expect, it } from 'vitest';
import { chatRecipe } from '../../../src/recipes/chat/recipe.node.ts';
import { type ChatMessage, type ChatTemplate, chatTemplateOf } from '../../../src/recipes/chat/template.ts';
import { BYTE_TOKENIZER } from '../../../src/recipes/data/bytes.ts';
import type { SettingValues } from '../../../src/shared/recipe.ts';
import { folderWith } from '../../support/folder.ts';
import { readJson } from '../../support/reference.ts';
import { modelOf, requestOf } from '../text/support.ts';

const families =
  readJson<Record<string, { config: object; cases: { messages: ChatMessage[]; text?: string }[] }>>(
    'chat/templates.json',
  );
const templateOf = (name: string): ChatTemplate => chatTemplateOf({ config: families[name]!.config, file: name })!;

const say = (...contents: string[]): string =>
  JSON.stringify({ messages: contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })) });

const SETTINGS = { tokenizer: 'bytes', length: 200, rows: 'padded', pad: 0 };
const open = (path: string, settings: SettingValues = SETTINGS, template: string | undefined = 'chatml', more = {}) => {
  const request = requestOf(path, modelOf(settings), { batchSize: 1, ...more });
  const chatTemplate = async () => (template === undefined ? undefined : templateOf(template));
  return chatRecipe
    .dataset({ ...request, chatTemplate, note: request.note })
    .then((data) => ({ data, notes: request.notes }));
};
const textOf = (ids: readonly bigint[]): string => BYTE_TOKENIZER.decode(ids.map(Number));
const numbers = (data: unknown): bigint[] => [...(data as BigInt64Array)];

describe('a row', () => {
  it.each(['chatml', 'llama3', 'mistral', 'gemma'])(
    'of %s is the whole conversation, and answers count with their ends',
    async (name) => {
      const lines = say('Hi', 'Hello!', 'Why?', 'So.');
      const { data } = await open(folderWith({ 'a.jsonl': lines }), { ...SETTINGS, length: 400 }, name);
      const { feeds, tokens, rows } = await data.batch(0);
      const [ids, labels, mask] = ['input_ids', 'labels', 'attention_mask'].map((input) => numbers(feeds[input]!.data));
      const length = mask!.filter((there) => there === 1n).length;
      const whole = templateOf(name).render(JSON.parse(lines).messages);
      expect(textOf(ids!.slice(0, length))).toBe(whole);
      const counted = labels!.filter((label) => label !== -100n);
      expect(labels!.every((label, i) => label === -100n || label === ids![i])).toBe(true);
      const end = { chatml: '<|im_end|>\n', llama3: '<|eot_id|>', mistral: '</s>', gemma: '<end_of_turn>\n' }[name]!;
      const opening = name === 'mistral' ? ' ' : ''; // its prompts end before the space
      expect(textOf(counted)).toBe(`${opening}Hello!${end}${opening}So.${end}`);
      expect({ tokens, rows }).toEqual({ tokens: counted.length, rows: 1 });
    },
  );

  it('is of one conversation after the other where rows are packed', async () => {
    const path = folderWith({ 'a.jsonl': [say('a', 'b'), '', say('c', 'd')].join('\n') });
    const template = templateOf('llama3');
    const whole = [say('a', 'b'), say('c', 'd')].map((line) => template.render(JSON.parse(line).messages)).join('');
    const { data } = await open(path, { tokenizer: 'bytes', length: whole.length }, 'llama3');
    expect(data.rows).toBe(1);
    expect(textOf(numbers((await data.batch(0)).feeds.input_ids!.data))).toBe(whole);
  });

  it('is cut where it is too long, which is said', async () => {
    const { data, notes } = await open(folderWith({ 'a.jsonl': say('Hi', 'x'.repeat(200)) }));
    expect(notes).toEqual([expect.stringContaining('1 conversations of')]);
    expect((await data.batch(0)).feeds.input_ids!.shape).toEqual([1, 200]);
  });
});

const GOOD = say('Hi', 'Hello!');
const MISTAKES = [
  ['what is no JSON', '{', 'is not JSON ('],
  ['a list', '[1]', 'is not an object'],
  ['another field', '{"turns": []}', 'has no field "messages", only turns'],
  ['no messages', '{"messages": []}', 'has "messages" without a message'],
  ['messages that are a text', '{"messages": "Hi"}', 'has "messages" that is no list of messages'],
  ['tools', '{"tools": [{"name": "f"}], "messages": []}', 'has "tools", which the chat template would be given'],
  [
    'a call of a tool',
    '{"messages": [{"role": "assistant", "content": "", "tool_calls": [{"name": "f"}]}]}',
    'has message 1 with "tool_calls": of a message role and content are read',
  ],
  ['a message without a role', '{"messages": [{"content": "a"}]}', 'has message 1 without the text "role"'],
  [
    'a content of parts',
    '{"messages": [{"role": "user", "content": ["a"]}]}',
    'has message 1 without the text "content"',
  ],
  ['no answer', '{"messages": [{"role": "user", "content": "a"}]}', 'has no message of the role "assistant"'],
] as const;

describe('a line that cannot be used', () => {
  it.each(MISTAKES)('%s: R1140 with file and line', async (_, line, reason) => {
    const path = folderWith({ 'a.jsonl': `${GOOD}\n${line}\n` });
    await expect(open(path)).rejects.toMatchObject({
      code: 'R1140',
      message: expect.stringContaining(`line 2 of a.jsonl ${reason}`),
    });
    const { data, notes } = await open(path, SETTINGS, 'chatml', { badRows: 'skip' });
    expect(data.rows).toBe(1);
    expect(notes).toEqual([expect.stringContaining(`skipped line 2 of a.jsonl: it ${reason}`)]);
  });

  it('one that the template refuses', async () => {
    const line = JSON.stringify({ messages: [{ role: 'assistant', content: 'first' }] });
    await expect(open(folderWith({ 'a.jsonl': line }), SETTINGS, 'gemma')).rejects.toMatchObject({
      code: 'R1140',
      message: expect.stringContaining('Conversation roles must alternate'),
    });
  });

  it('one whose beginning the template writes otherwise', async () => {
    // only the last message has its content, as templates that leave out earlier thoughts
    const config = {
      chat_template: '{% for m in messages %}{{ m.role }}{% if loop.last %}{{ m.content }}{% endif %};{% endfor %}',
    };
    const request = requestOf(folderWith({ 'a.jsonl': say('a', 'b', 'c', 'd') }), modelOf(SETTINGS), {});
    const chatTemplate = async () => chatTemplateOf({ config, file: 't' });
    await expect(chatRecipe.dataset({ ...request, chatTemplate })).rejects.toMatchObject({
      code: 'R1140',
      message: expect.stringContaining('is written otherwise than its first 1 messages alone'),
    });
  });
});

it('data without a template is refused: R1192', async () => {
  const request = requestOf(folderWith({ 'a.jsonl': GOOD }), modelOf(SETTINGS), {});
  await expect(chatRecipe.dataset(request)).rejects.toMatchObject({ code: 'R1192' });
});
