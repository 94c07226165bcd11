/** `mdl generate FOLDER --adapter`, and what `mdl compile --swap-adapters` says. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { peftKey } from '../../src/runtime/index.ts';
import type { Manifest } from '../../src/shared/artifact.ts';
import { f32, folderWith, mdl, type Ran, safetensors, TINYGPTV } from './support.ts';

const folder = folderWith();
const NANO = [TINYGPTV, '--config', 'nano', '--init', '0'];
const generate = (...args: string[]): Promise<Ran> =>
  mdl(folder, '--json', 'generate', 'nano', '--prompt', 'hi', '--max-new-tokens', '4', ...args);
const scoreOf = ({ stdout }: Ran): number => (JSON.parse(stdout) as { score: number }).score;

/** An adapter for the compiled nano model, all values the same. */
function writeAdapter(name: string, value: number): void {
  const { adapter, entries } = JSON.parse(readFileSync(join(folder, 'nano/manifest.json'), 'utf8')) as Manifest;
  const tensors = entries.decode!.adapters!.map(({ key, shape }) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    return [
      peftKey(key),
      f32(
        shape,
        Array.from({ length: size }, (_, i) => value * ((i % 7) - 3)),
      ),
    ] as const;
  });
  mkdirSync(join(folder, name), { recursive: true });
  const config = { peft_type: 'LORA', r: adapter!.r, lora_alpha: adapter!.alpha };
  writeFileSync(join(folder, name, 'adapter_config.json'), JSON.stringify(config));
  writeFileSync(join(folder, name, 'adapter_model.safetensors'), safetensors(Object.fromEntries(tensors)));
}

beforeAll(async () => {
  const { code, stdout, stderr } = await mdl(folder, 'compile', ...NANO, '--swap-adapters', '--out', 'nano');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('adapters are inputs; the weights have none');
  writeAdapter('mine', 0.05);
  writeAdapter('nano/adapters/kept', 0.1);
});

it('answers with a folder anywhere, one by name, or none', async () => {
  const plain = scoreOf(await generate());
  expect(scoreOf(await generate('--adapter', 'none'))).toBe(plain);
  const mine = scoreOf(await generate('--adapter', 'mine'));
  const kept = scoreOf(await generate('--adapter', 'kept'));
  expect(new Set([plain, mine, kept]).size).toBe(3);
  expect(scoreOf(await generate('--adapter', 'nano/adapters/kept'))).toBe(kept);
});

it('says what is wrong with an adapter, or with the model', async () => {
  const none = await mdl(folder, 'generate', 'nano', '--prompt', 'hi', '--adapter', 'nowhere');
  expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error\[R0219\]: the adapter nowhere cannot/) });
  writeAdapter('nano/adapters/default', 0.2); // not named by the manifest
  const stale = await mdl(folder, 'generate', 'nano', '--prompt', 'hi', '--adapter', 'default');
  expect(stale).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error\[R0217\]: the session has no adapter/),
  });
  expect((await mdl(folder, 'compile', ...NANO, '--out', 'fixed')).code).toBe(0);
  const fixed = await mdl(folder, 'generate', 'fixed', '--prompt', 'hi', '--adapter', 'mine');
  expect(fixed).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error\[R0218\]: .*--swap-adapters/) });
  const off = await mdl(folder, 'compile', ...NANO, '--swap-adapters', '--set', 'lora=false', '--out', 'off');
  expect(off).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^error\[C0208\]: --swap-adapters has no meaning without LoRA in the model.*\n {2}the model has no adapters/,
    ),
  });
});
