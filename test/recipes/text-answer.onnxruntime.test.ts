/** `mdl generate` for a language model of the recipe text: examples/gpt.mdl on bytes, from a file and compiled. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { folderWith, mdl, ROOT } from '../cli/support.ts';

const folder = folderWith();
const SIZES = ['--config', 'tiny', '--set', 'vocab=256'];
const ASKED = ['--prompt', 'Hé', '--max-new-tokens', '6', '--json'];
const answerOf = async (...args: string[]): Promise<{ text: string; tokens: number[]; prompt: string }> => {
  const { stdout, stderr } = await mdl(folder, 'generate', ...args, ...ASKED);
  expect(stderr + stdout).not.toContain('error');
  return JSON.parse(stdout);
};
const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

beforeAll(() => {
  const gpt = readFileSync(join(ROOT, 'examples/gpt.mdl'), 'utf8').replace(/^recipe [^}]*\}\n/m, '');
  writeFileSync(join(folder, 'gpt.mdl'), `${gpt}\nrecipe "text" { tokenizer = "bytes", length = 16 }\n`);
});

test('a prompt is bytes, and so is what follows it, compiled on the way or before', async () => {
  const micro = [...SIZES, '--init', '1'];
  const answer = await answerOf('gpt.mdl', ...micro);
  expect(answer).toMatchObject({ prompt: 'Hé' });
  expect(answer.tokens).toHaveLength(6);
  expect(answer.text).toBe(new TextDecoder().decode(Uint8Array.from(answer.tokens)));
  expect((await mdl(folder, 'compile', 'gpt.mdl', ...micro, '--out', 'gpt')).code).toBe(0);
  expect((await answerOf('gpt')).tokens).toEqual(answer.tokens);
  // what streams is the same text
  const streamed = await mdl(folder, 'generate', 'gpt', '--prompt', 'Hé', '--max-new-tokens', '6');
  expect(streamed.stdout.trimEnd()).toBe(answer.text.trimEnd());
  expect(bytesOf('Hé')).toHaveLength(3);
});

test('what a prompt alone has no use for is refused by name', async () => {
  const { stderr } = await mdl(folder, 'generate', 'gpt.mdl', ...SIZES, '--init', '1', '--prompt', 'a', '--end', '#');
  expect(stderr).toMatch(/^error\[R1120\]: the recipe text has no setting end/m);
});
