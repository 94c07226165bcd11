/** `mdl import FOLDER`: the files that it writes are a project that the other commands take, without anything copied by hand. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture } from '../support/reference.ts';
import { folderWith, mdl } from './support.ts';

const FOLDERS = readdirSync(fixture('folders')).filter((name) =>
  existsSync(join(fixture('folders'), name, 'config.json')),
);
const LANGUAGE = [
  ['smollm2', 'chat.jsonl'],
  ['mistral', 'text.txt'],
  ['gpt2', 'text.txt'],
] as const;
const TEXT = 'Some text to learn from, which goes on for a while. '.repeat(200);
const MESSAGES = [
  { role: 'user', content: 'Which way?' },
  { role: 'assistant', content: 'To the left.' },
];
const CHAT = `${JSON.stringify({ messages: MESSAGES })}\n`.repeat(4);

describe.each(FOLDERS)('%s', (name) => {
  const from = fixture(`folders/${name}`);
  it('has no problems under any config and flag', async () => {
    const folder = folderWith();
    expect(await mdl(folder, 'import', from, '--out', 'model.mdl')).toMatchObject({ code: 0 });
    expect(await mdl(folder, 'check', 'model.mdl')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no problems'),
    });
    for (const file of ['tokenizer.json', 'chat_template.jinja'])
      expect(existsSync(join(folder, file))).toBe(existsSync(join(from, file)));
  });
});

it.each(LANGUAGE)('%s trains on %s from the written file', async (name, data) => {
  const folder = folderWith({ 'text.txt': TEXT, 'chat.jsonl': CHAT });
  const from = fixture(`folders/${name}`);
  expect(await mdl(folder, 'import', from, '--out', 'model.mdl', '--force')).toMatchObject({ code: 0 });
  const asked = ['--config', 'checkpoint', '--weights', from, '--data', data, '--length', '32'];
  const ran = await mdl(folder, 'train', 'model.mdl', ...asked, '--batch-size', '1', '--steps', '1', '--out', 'run');
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
});
