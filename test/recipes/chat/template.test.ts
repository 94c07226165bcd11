/** Chat templates of five families against `transformers`, which made the expected texts. */
import { describe, expect, it } from 'vitest';
import { openChatTemplate } from '../../../src/recipes/chat/files.node.ts';
import { type ChatMessage, chatTemplateOf } from '../../../src/recipes/chat/template.ts';
import { folderWith } from '../../support/folder.ts';
import { readJson } from '../../support/reference.ts';

interface Case {
  readonly messages: readonly ChatMessage[];
  readonly add_generation_prompt: boolean;
  readonly text?: string;
  readonly refused?: string;
}
interface Family {
  readonly config: Readonly<Record<string, unknown>>;
  readonly cases: readonly Case[];
}

const families = readJson<Record<string, Family>>('chat/templates.json');

describe('the templates of the families', () => {
  it.each(Object.entries(families))('%s writes what transformers writes', (name, { config, cases }) => {
    const template = chatTemplateOf({ config, file: name })!;
    expect(cases.length).toBeGreaterThanOrEqual(18);
    for (const { messages, add_generation_prompt: addGenerationPrompt, text, refused } of cases) {
      const render = (): string => template.render(messages, { addGenerationPrompt });
      if (refused === undefined) expect(render()).toBe(text);
      else
        expect(render).toThrow(
          expect.objectContaining({
            code: 'R1191',
            message: expect.stringContaining(`${name} refuses the conversation: ${refused}`),
          }),
        );
    }
  });
});

const HI: readonly ChatMessage[] = [{ role: 'user', content: 'Hi' }];

describe('where a template is read', () => {
  const read = async (files: Readonly<Record<string, string>>): Promise<string | undefined> =>
    (await openChatTemplate(folderWith(files)))?.render(HI);
  const config = (value: unknown): string => JSON.stringify({ eos_token: { content: '</s>' }, chat_template: value });

  it('tokenizer_config.json, with tokens that are texts or objects', async () => {
    expect(await read({ 'tokenizer_config.json': config('{{ messages[0].content + eos_token }}') })).toBe('Hi</s>');
  });
  it('the default one of a list', async () => {
    const list = [
      { name: 'rag', template: 'no' },
      { name: 'default', template: '{{ eos_token }}' },
    ];
    expect(await read({ 'tokenizer_config.json': config(list) })).toBe('</s>');
  });
  it('chat_template.jinja goes before it and has its tokens', async () => {
    const files = { 'tokenizer_config.json': config('no'), 'chat_template.jinja': 'file {{ eos_token }}' };
    expect(await read(files)).toBe('file </s>');
  });
  it('chat_template.json goes before it, and chat_template.jinja before that', async () => {
    const files = {
      'tokenizer_config.json': config('no'),
      'chat_template.json': '{"chat_template": "processor {{ eos_token }}"}',
    };
    expect(await read(files)).toBe('processor </s>');
    expect(await read({ ...files, 'chat_template.jinja': 'file' })).toBe('file');
  });
  it('nothing where there is none', async () => {
    expect(await read({})).toBeUndefined();
    expect(await read({ 'tokenizer_config.json': '{}' })).toBeUndefined();
  });
  it.each([
    ['what is no Jinja', { 'chat_template.jinja': '{% if %}' }, /chat_template\.jinja cannot be read/],
    [
      'a list without a default',
      { 'tokenizer_config.json': config([{ name: 'a', template: 'b' }]) },
      /a list with one called default/,
    ],
    [
      'what has no text',
      { 'chat_template.json': '{"chat_template": 3}' },
      /chat_template\.json cannot be read \(it has no chat_template/,
    ],
    ['what is no JSON', { 'tokenizer_config.json': '{' }, /tokenizer_config\.json cannot be read \(it is not JSON/],
  ])('%s is refused: R1190', async (_, files, message) => {
    await expect(read(files as Record<string, string>)).rejects.toMatchObject({
      code: 'R1190',
      message: expect.stringMatching(message),
    });
  });
});
