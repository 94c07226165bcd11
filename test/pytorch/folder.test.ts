/** A folder that `mdl export` wrote and an adapter of `--save-adapter`, as transformers and PEFT load them. Counted as skipped where the Python has neither. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Tokenizer } from '../../src/runtime/index.ts';
import { folderWith, i64, mdl, safetensors } from '../cli/support.ts';
import { fixture, readTensors, relativeError } from '../support/reference.ts';
import { missing, runPython } from './support.ts';

function lacks(): boolean {
  if (missing !== undefined) return true;
  try {
    runPython('-c', 'import peft, transformers');
    return false;
  } catch {
    return true;
  }
}

it.skipIf(lacks())('says the same as MDL: LoRA beside the weights, and folded in', async () => {
  const base = fixture('folders/smollm2');
  const ids = i64([1, 6], [1, 5, 9, 20, 33, 7]);
  const row = { position_ids: i64([1, 6], [0, 1, 2, 3, 4, 5]), attention_mask: i64([1, 6], [1, 1, 1, 1, 1, 1]) };
  const folder = folderWith({
    'c.txt': 'the quick brown fox jumps over the lazy dog\n'.repeat(40),
    'in.safetensors': safetensors({ input_ids: ids, labels: ids, ...row }),
  });
  const run = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await mdl(folder, ...args);
    expect(code, stderr).toBe(0);
  };
  const data = ['--recipe', 'text', '--data', 'c.txt', '--steps', '4', '--lr', '0.05', '--length', '16'];
  await run('train', base, '--lora', 'r=2,alpha=6', ...data, '--save-adapter', 'adapter');
  await run('export', base, '--adapter', 'adapter', '--merge-lora', '--out', 'tuned/');
  await run(
    ...[
      'run',
      base,
      '--adapter',
      'adapter',
      '--entry',
      'loss',
      '--inputs',
      'in.safetensors',
      '--outputs',
      'o.safetensors',
    ],
  );
  const mine = Float64Array.from(readTensors(join(folder, 'o.safetensors')).get('logits')!.data, Number);

  const script = fileURLToPath(new URL('./folder.py', import.meta.url));
  const told = runPython(script, base, join(folder, 'adapter'), join(folder, 'tuned')).trim().split('\n').at(-1)!;
  const {
    base: plain,
    peft,
    exported,
    dtype,
    tokens,
  } = JSON.parse(told) as Record<'base' | 'peft' | 'exported', number[]> & {
    readonly dtype: string;
    readonly tokens: readonly number[];
  };
  expect(relativeError(peft, plain)).toBeGreaterThan(1e-3);
  expect(relativeError(peft, mine)).toBeLessThan(1e-5);
  expect(relativeError(exported, mine)).toBeLessThan(1e-5);
  expect(dtype).toBe('torch.float32');
  const tokenizer = Tokenizer.from(readFileSync(join(folder, 'tuned/tokenizer.json'), 'utf8'));
  expect(tokens).toEqual(tokenizer.encode('the quick'));
});
