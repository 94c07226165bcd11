/** A chat model from conversations to answers: examples/gpt.mdl with the recipe chat, from the command line. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { folderWith, mdl, ROOT } from '../cli/support.ts';

const folder = folderWith();
const TEMPLATE =
  '{% for m in messages %}[{{ m.role }}]{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}';
const SIZES = ['--config', 'tiny', '--set', 'vocab=256', '--set', 'context=64'];
const ASK = ['--prompt', 'Hi', '--max-new-tokens', '4', '--json'];
const gpt = (recipe: string): string => {
  const text = readFileSync(join(ROOT, 'examples/gpt.mdl'), 'utf8');
  return `${text.replace(/^recipe [^}]*\}\n/m, '')}\nrecipe ${recipe}\n`;
};

beforeAll(() => {
  writeFileSync(
    join(folder, 'chat.mdl'),
    gpt('"chat" { tokenizer = "bytes", length = context, rows = "padded", pad = 0, eos = 10 }'),
  );
  writeFileSync(join(folder, 'text.mdl'), gpt('"text" { tokenizer = "bytes", length = context, eos = 0 }'));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ chat_template: TEMPLATE }));
  const say = (user: string, assistant: string) =>
    JSON.stringify({
      messages: [
        { role: 'user', content: user },
        { role: 'assistant', content: assistant },
      ],
    });
  writeFileSync(join(folder, 'chats.jsonl'), [say('Hi', 'Yo'), say('Bye', 'No')].join('\n'));
});

test('it learns to answer, and is asked through its template; compiled too', async () => {
  const training = [
    '--init',
    '1',
    '--data',
    'chats.jsonl',
    '--batch-size',
    '2',
    '--steps',
    '60',
    '--lr',
    '0.01',
    '--out',
    'run',
  ];
  const { stderr, code } = await mdl(folder, 'train', 'chat.mdl', ...SIZES, ...training);
  expect([code, stderr.includes('error')]).toEqual([0, false]);
  const weights = ['--weights', 'run/model.safetensors'];
  const answer = async (...args: string[]): Promise<{ prompt: string; text: string }> =>
    JSON.parse((await mdl(folder, 'generate', ...args)).stdout);
  const asked = await answer('chat.mdl', ...SIZES, ...weights, ...ASK);
  expect(asked).toMatchObject({ prompt: '[user]Hi\n[assistant]', text: expect.stringMatching(/^Yo/) });
  const system = await answer('chat.mdl', ...SIZES, ...weights, ...ASK, '--system', 'Be kind.');
  expect(system.prompt).toBe('[system]Be kind.\n[user]Hi\n[assistant]');
  expect((await answer('chat.mdl', ...SIZES, ...weights, ...ASK, '--raw')).prompt).toBe('Hi');
  expect((await mdl(folder, 'compile', 'chat.mdl', ...SIZES, ...weights, '--out', 'compiled')).code).toBe(0);
  expect(await answer('compiled', ...ASK)).toMatchObject({ prompt: asked.prompt, text: asked.text });
});

test.each([
  ['text.mdl', ['--system', 'a'], /error\[C0208\]: --system has no meaning without a model of the recipe chat/],
  ['chat.mdl', ['--raw', '--system', 'a'], /error\[C0103\]: --system is "a", and either --system or --raw/],
])('%s %j is refused', async (file, more, message) => {
  const { stderr, code } = await mdl(folder, 'generate', file, ...SIZES, '--init', '1', ...ASK.slice(0, 4), ...more);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
});

test('--raw of a model without a chat template is the prompt that it has anyway', async () => {
  const given = ['generate', 'text.mdl', ...SIZES, '--init', '1', ...ASK];
  const [plain, raw] = [await mdl(folder, ...given), await mdl(folder, ...given, '--raw')];
  expect([raw.code, raw.stdout]).toEqual([0, plain.stdout]);
});

test('--length is for rows of text and chat; --skip-bad-images has a new name', async () => {
  const options = ['--init', '1', '--data', 'chats.jsonl', '--batch-size', '1', '--steps', '1'];
  const { code } = await mdl(folder, 'train', 'chat.mdl', ...SIZES, ...options, '--length', '32');
  expect(code).toBe(0);
  const mlp = await mdl(folder, 'train', join(ROOT, 'examples/mlp.mdl'), ...options, '--length', '32');
  expect(mlp.stderr).toMatch(
    /error\[C0424\]: --length is the number of tokens of a row, and rows of the recipe tensors/,
  );
  const old = await mdl(folder, 'train', 'chat.mdl', ...SIZES, ...options, '--skip-bad-images');
  expect(old.stderr).toMatch(/error\[C0425\]: --skip-bad-images is now --on-bad-row skip: give that/);
});
