/** One model from weights in every format (test/fixtures/weights/small_files.py): what is compiled is the same to the byte. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture } from '../support/reference.ts';
import { folderWith, mdl, rawSafetensors, SMALL } from './support.ts';

const small = (name: string): string => join(fixture('weights/small'), name);

/** Digests of what a compile writes: graphs and weights, not what names where they came from. */
async function compiled(...args: string[]): Promise<Record<string, string>> {
  const folder = folderWith({ 'small.mdl': SMALL });
  const { code, stderr } = await mdl(folder, '-q', 'compile', 'small.mdl', ...args, '--out', 'out');
  expect({ code, stderr }, args.join(' ')).toEqual({ code: 0, stderr: '' });
  const all = readdirSync(join(folder, 'out'), { recursive: true }) as string[];
  const names = all.filter((name) => /\.(onnx|onnx_data|safetensors)$/.test(name));
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
    expect(Object.keys(expected)).toContain(target === 'onnx' ? 'onnx/main.onnx_data' : 'weights.safetensors');
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

it('what was compiled to ONNX is weights again', async () => {
  const folder = folderWith({ 'small.mdl': SMALL });
  await mdl(folder, '-q', 'compile', 'small.mdl', '--weights', small('small.safetensors'), '--out', 'first');
  const expected = await compiled('--weights', small('small.safetensors'));
  expect(await compiled('--weights', join(folder, 'first', 'onnx/main.onnx'))).toEqual(expected);
});

it('several files of several formats', async () => {
  const expected = await compiled('--weights', small('small.safetensors'));
  const shard = (n: number): string => small(`sharded/pytorch_model-0000${n}-of-00002.bin`);
  expect(await compiled('--weights', shard(1), '--weights', shard(2))).toEqual(expected);
  const folder = folderWith({ 'small.mdl': SMALL });
  const { stderr } = await mdl(folder, 'compile', 'small.mdl', '--weights', shard(1), '--weights', small('small.npz'));
  expect(stderr).toMatch(/error\[R0115\]: fc\.weight is in .*00001-of-00002\.bin and in .*small\.npz/);
});

describe('matrices that are F16 in the checkpoint', () => {
  // 1, 2, 3, 4, 5, 6; 0.5, −0.5 and 10, 100
  const halves = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
  const data = Buffer.concat([
    new Uint8Array(BigInt64Array.of(0n, 1n).buffer),
    halves(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600),
    halves(0x3800, 0xb800),
    halves(0x4900, 0x5640),
  ]);
  const entry = (dtype: string, shape: number[], from: number, to: number) => ({
    dtype,
    shape,
    data_offsets: [from, to],
  });
  const file = rawSafetensors(
    {
      steps: entry('I64', [2], 0, 16),
      'fc.weight': entry('F16', [2, 3], 16, 28),
      'fc.bias': entry('F16', [2], 28, 32),
      'scale.gain': entry('F16', [2], 32, 36),
    },
    data,
  );
  const stored = async (...args: string[]): Promise<Record<string, string>> => {
    const folder = folderWith({ 'small.mdl': SMALL, 'h.safetensors': file });
    const ran = await mdl(
      folder,
      '-q',
      'compile',
      'small.mdl',
      '--weights',
      'h.safetensors',
      ...args,
      '--target',
      'webgpu',
      '--out',
      'out',
    );
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    const { data: report } = await json(join(folder, 'out'), 'weights.safetensors');
    return Object.fromEntries(report.map(({ key, dtype }) => [key, dtype]));
  };
  async function json(folder: string, name: string) {
    const { stdout } = await mdl(folder, '--json', 'weights', '--no-norms', name);
    const { files } = JSON.parse(stdout) as { files: { tensors: { key: string; dtype: string }[] }[] };
    return { data: files[0]!.tensors };
  }

  it('stay F16 where the target can store them, unless another dtype is asked for', async () => {
    expect(await stored()).toEqual({ 'fc.weight': 'F16', 'fc.bias': 'F32', 'scale.gain': 'F32' });
    expect(await stored('--weights-dtype', 'f32')).toEqual({
      'fc.weight': 'F32',
      'fc.bias': 'F32',
      'scale.gain': 'F32',
    });
  });

  it('the same numbers as of f32', async () => {
    const folder = folderWith({ 'h.safetensors': file });
    const { code } = await mdl(folder, 'weights', 'h.safetensors', small('small.safetensors'), '--diff');
    expect(code).toBe(0);
  });
});
