/** One model from weights in every format (test/fixtures/weights/small_files.py): what is compiled is the same to the byte. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fixture } from '../support/reference.ts';
import { folderWith, mdl, SMALL } from './support.ts';

const small = (name: string): string => join(fixture('weights/small'), name);

/** Digests of what a compile writes: graphs and weights, not what names where they came from. */
async function compiled(...args: string[]): Promise<Record<string, string>> {
  const folder = folderWith({ 'small.mdl': SMALL });
  const { code, stderr } = await mdl(folder, '-q', 'compile', 'small.mdl', ...args, '--out', 'out');
  expect({ code, stderr }, args.join(' ')).toEqual({ code: 0, stderr: '' });
  const names = readdirSync(join(folder, 'out')).filter((name) => /\.(onnx|onnx_data|safetensors)$/.test(name));
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, 'out', name)))
        .digest('hex'),
    ]),
  );
}

it.each([
  ['small.pth#model'],
  ['small.npz'],
  ['small.onnx'],
  ['small.gguf'],
  ['sharded'],
  ['sharded/pytorch_model.bin.index.json'],
])('%s', async (name) => {
  for (const target of ['onnx', 'webgpu']) {
    const expected = await compiled('--weights', small('small.safetensors'), '--target', target);
    expect(Object.keys(expected)).toContain(target === 'onnx' ? 'main.onnx_data' : 'weights.safetensors');
    expect(await compiled('--weights', small(name), '--target', target)).toEqual(expected);
  }
});

it('the levels of a .pth are not guessed: the keys are as the file nests them, and the part is proposed', async () => {
  const folder = folderWith({ 'small.mdl': SMALL });
  const { code, stderr } = await mdl(folder, 'compile', 'small.mdl', '--weights', small('small.pth'), '--out', 'out');
  expect(code).toBe(1);
  expect(stderr).toContain('error[C0101]');
  expect(stderr).toContain('with "model." in front: give it as --weights FILE#model');
});

it('several files of several formats', async () => {
  const expected = await compiled('--weights', small('small.safetensors'));
  const shard = (n: number): string => small(`sharded/pytorch_model-0000${n}-of-00002.bin`);
  expect(await compiled('--weights', shard(1), '--weights', shard(2))).toEqual(expected);
  const folder = folderWith({ 'small.mdl': SMALL });
  const { stderr } = await mdl(folder, 'compile', 'small.mdl', '--weights', shard(1), '--weights', small('small.npz'));
  expect(stderr).toMatch(/error\[R0115\]: fc\.weight is in .*00001-of-00002\.bin and in .*small\.npz/);
});
