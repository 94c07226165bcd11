/** `mdl weights`: what it says of a file, and of the difference of two. */
import { describe, expect, it } from 'vitest';
import { fixture } from '../support/reference.ts';
import { f32, folderWith, i64, mdl, safetensors } from './support.ts';

const A = {
  w: f32([2, 2], [3, 0, 0, -4]),
  b: f32([3], [1, Number.NaN, Number.POSITIVE_INFINITY]),
  n: i64([2], [5, -12]),
};
const json = async (folder: string, ...args: string[]) => {
  const { code, stdout, stderr } = await mdl(folder, '--json', 'weights', ...args);
  expect(stderr).toBe('');
  return { code, data: JSON.parse(stdout) as Record<string, unknown> };
};

describe('a listing', () => {
  const folder = folderWith({ 'a.safetensors': safetensors(A) });

  it('has norms, largest values and what is not finite', async () => {
    const { code, stdout } = await mdl(folder, 'weights', 'a.safetensors');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'a.safetensors: safetensors, 3 tensors, 9 elements, 44 B as they are read',
      'key dtype shape bytes L2 norm max |x| not finite',
      'n I64 [2] 16 B 13 12 0',
      'w F32 [2, 2] 16 B 5 4 0',
      'b F32 [3] 12 B 1 1 1 NaN, 1 ∞',
      '',
    ]);
  });

  it('as JSON', async () => {
    const { data } = await json(folder, 'a.safetensors');
    expect(data).toEqual({
      files: [
        {
          path: 'a.safetensors',
          formats: ['safetensors'],
          files: ['a.safetensors'],
          metadata: {},
          bytes: 44,
          tensors: [
            {
              key: 'n',
              dtype: 'I64',
              shape: [2],
              bytes: 16,
              file: 'a.safetensors',
              l2: 13,
              max: 12,
              nan: 0,
              infinite: 0,
            },
            {
              key: 'w',
              dtype: 'F32',
              shape: [2, 2],
              bytes: 16,
              file: 'a.safetensors',
              l2: 5,
              max: 4,
              nan: 0,
              infinite: 0,
            },
            {
              key: 'b',
              dtype: 'F32',
              shape: [3],
              bytes: 12,
              file: 'a.safetensors',
              l2: 1,
              max: 1,
              nan: 1,
              infinite: 1,
            },
          ],
        },
      ],
    });
  });

  it('of headers alone, with what the format calls its numbers, and its metadata', async () => {
    const { stdout } = await mdl(folder, 'weights', '--no-norms', fixture('weights/gguf/model.gguf'));
    expect(stdout).toContain('GGUF, 12 tensors');
    expect(stdout).toContain('  general.name = tiny é\n');
    expect(stdout).toMatch(/^q4_k\.weight +Q4_K +\[2, 512\] +4\.10 KB$/m);
  });

  it('of several files, one of them sharded', async () => {
    const { data } = await json(folder, 'a.safetensors', fixture('weights/small/sharded'));
    const files = data.files as { path: string; files: string[]; tensors: { key: string; file: string }[] }[];
    expect(files.map(({ tensors }) => tensors.length)).toEqual([3, 4]);
    expect(files[1]!.tensors.find(({ key }) => key === 'steps')!.file).toMatch(/00002-of-00002\.bin$/);
  });

  it('control characters in a key do not reach the terminal', async () => {
    const bad = folderWith({ 'w.safetensors': safetensors({ 'a\u001b[2J\u009b\n': f32([1], [1]) }) });
    const { stdout } = await mdl(bad, 'weights', 'w.safetensors');
    expect(stdout).toContain('a\\u001b[2J?\\n');
  });
});

describe('a comparison', () => {
  const folder = folderWith({
    'a.safetensors': safetensors(A),
    'b.safetensors': safetensors({ w: f32([2, 2], [3, 0, 0, -3]), b: A.b, n: i64([2], [5, -12]), more: f32([1], [1]) }),
    'c.safetensors': safetensors({ w: f32([4], [3, 0, 0, -4]), b: f32([3], [1, 2, Number.POSITIVE_INFINITY]), n: A.n }),
  });

  it('of equal files exits with 0', async () => {
    const { code, stdout } = await mdl(folder, 'weights', 'a.safetensors', 'a.safetensors', '--diff');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '3 tensors are the same\n' });
  });

  it('has keys of one side and numbers that differ, and exits with 1', async () => {
    const { code, data } = await json(folder, 'a.safetensors', 'b.safetensors', '--diff');
    expect(code).toBe(1);
    expect(data).toEqual({
      a: 'a.safetensors',
      b: 'b.safetensors',
      equal: false,
      only_a: [],
      only_b: ['more'],
      shapes: [],
      dtypes: [],
      numbers: [{ key: 'w', size: 4, elements: 1, first: 3, max: 1, relative: 0.2 }],
      same: 2,
    });
    const { stdout } = await mdl(folder, 'weights', 'a.safetensors', 'b.safetensors', '--diff');
    expect(stdout).toMatch(/^only in b\.safetensors: more$/m);
    expect(stdout).toMatch(/^w +1 +4 +3 +1 +0\.2$/m);
  });

  it('a relative error within the tolerance is none', async () => {
    const both = (tolerance: string) =>
      json(folder, 'a.safetensors', 'b.safetensors', '--diff', '--tolerance', tolerance).then(
        ({ data }) => data.numbers,
      );
    expect(await both('0.2')).toEqual([]);
    expect(await both('0.19')).toHaveLength(1);
  });

  it('shapes that differ, and a NaN that one of them has', async () => {
    const { code, data } = await json(folder, 'a.safetensors', 'c.safetensors', '--diff', '--tolerance', '1e9');
    expect(code).toBe(1);
    expect(data).toMatchObject({
      shapes: [{ key: 'w', a: [2, 2], b: [4] }],
      numbers: [{ key: 'b', elements: 1, first: 1, max: null, relative: null }],
    });
  });

  it('a difference beside an infinity, or too small to square, is one', async () => {
    const pair = folderWith({
      'a.safetensors': safetensors({ x: f32([2], [Number.POSITIVE_INFINITY, 1]), y: f32([2], [1, 1e-30]) }),
      'b.safetensors': safetensors({ x: f32([2], [Number.POSITIVE_INFINITY, 2]), y: f32([2], [1, 2e-30]) }),
    });
    const { data } = await json(pair, 'a.safetensors', 'b.safetensors', '--diff');
    expect((data.numbers as { key: string }[]).map(({ key }) => key).sort()).toEqual(['x', 'y']);
  });

  it('integers past 2^53 that differ by 1', async () => {
    const big = (value: bigint) => safetensors({ n: { dtype: 'i64', shape: [1], data: BigInt64Array.of(value) } });
    const pair = folderWith({ 'a.safetensors': big(2n ** 60n), 'b.safetensors': big(2n ** 60n + 1n) });
    const { code, data } = await json(pair, 'a.safetensors', 'b.safetensors', '--diff');
    expect({ code, numbers: data.numbers }).toMatchObject({ code: 1, numbers: [{ elements: 1, max: 1 }] });
  });

  it('across formats: ggml’s blocks against the f32 that ggml makes of them', async () => {
    const { code, data } = await json(
      folder,
      fixture('weights/gguf/model.gguf'),
      fixture('weights/gguf/expected.safetensors'),
      '--diff',
    );
    expect({ code, equal: data.equal, same: data.same }).toEqual({ code: 0, equal: true, same: 12 });
    expect(data.dtypes).toContainEqual({ key: 'q6_k.weight', a: 'Q6_K', b: 'F32' });
  });

  it('of one file, or three, is refused, and so are options in vain', async () => {
    expect((await mdl(folder, 'weights', 'a.safetensors', '--diff')).stderr).toContain(
      'error[C0430]: --diff compares two',
    );
    const three = await mdl(folder, 'weights', 'a.safetensors', 'b.safetensors', 'c.safetensors', '--diff');
    expect(three.stderr).toContain('3 are given');
    expect((await mdl(folder, 'weights', 'a.safetensors', '--tolerance', '1')).stderr).toContain('error[C0208]');
    expect((await mdl(folder, 'weights', 'a.safetensors', 'b.safetensors', '--diff', '--no-norms')).code).toBe(2);
  });
});
