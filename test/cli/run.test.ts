/** `mdl run`: the contract that outside checks drive the project through. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { readTensors } from '../support/reference.ts';
import { f32, folderWith, i64, mdl, type Ran, rawSafetensors, SMALL, SMALL_WEIGHTS, safetensors } from './support.ts';

let folder: string;
const X = f32([2, 3], [1, 0, 0, 0, 1, 0]);

beforeAll(() => {
  folder = folderWith({
    'small.mdl': SMALL,
    'w.safetensors': safetensors(SMALL_WEIGHTS),
    'x.safetensors': safetensors({ x: X }),
  });
});

const run = (...args: string[]): Promise<Ran> => mdl(folder, 'run', 'small.mdl', '--weights', 'w.safetensors', ...args);
const read = (name: string) => readTensors(join(folder, name));
const values = (name: string, tensor: string): number[] => Array.from(read(name).get(tensor)!.data, Number);

const TARGETS: [backend: string, opset: string][] = [
  ['onnx', '17'],
  ['onnx', '23'],
  ['reference', '17'],
];
if (unavailable === undefined) TARGETS.push(['webgpu', '17']);

describe.each(TARGETS)('--backend %s --opset %s', (backend, opset) => {
  it('reads inputs and writes outputs by name', async () => {
    const { code, stdout, stderr } = await run(
      '--entry',
      'main',
      '--inputs',
      'x.safetensors',
      '--outputs',
      'y.safetensors',
      '--backend',
      backend,
      '--opset',
      opset,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^main on .*: y\.safetensors\n +y +f32\[2, 2\]\n$/);
    // (x Wᵀ + b) · gain
    expect(values('y.safetensors', 'y')).toEqual([15, 350, 25, 450]);
  });

  it('taps: a let by its name, a module by its path', async () => {
    await run(
      '--entry',
      'main',
      '--inputs',
      'x.safetensors',
      '--outputs',
      't.safetensors',
      '--tap',
      'before',
      '--tap',
      'scale',
      '--backend',
      backend,
      '--opset',
      opset,
    );
    expect([...read('t.safetensors').keys()].sort()).toEqual(['before', 'scale', 'y']);
    expect(values('t.safetensors', 'before')).toEqual([1.5, 3.5, 2.5, 4.5]);
    expect(values('t.safetensors', 'scale')).toEqual(values('t.safetensors', 'y'));
  });
});

it.each(['I32', 'I64'])('integers may be %s', async (dtype) => {
  const data =
    dtype === 'I64'
      ? new Uint8Array(BigInt64Array.from([2n, 0n]).buffer)
      : new Uint8Array(Int32Array.from([2, 0]).buffer);
  const file = folderWith({
    'i.safetensors': rawSafetensors({ index: { dtype, shape: [2], data_offsets: [0, data.length] } }, data),
  });
  const { code } = await run('--entry', 'pick', '--inputs', join(file, 'i.safetensors'), '--outputs', 'r.safetensors');
  expect(code).toBe(0);
  expect(values('r.safetensors', 'row')).toEqual([3, 6, 1, 4]);
});

it('--json says the same', async () => {
  const { stdout } = await mdl(
    folder,
    '--json',
    'run',
    'small.mdl',
    '--init',
    '3',
    '--entry',
    'main',
    '--inputs',
    'x.safetensors',
    '--outputs',
    'j.safetensors',
  );
  expect(JSON.parse(stdout)).toMatchObject({ entry: 'main', outputs: { y: { dtype: 'f32', shape: [2, 2] } } });
});

it('--init gives the same numbers each time, and another seed others', async () => {
  const numbers = async (seed: string, backend: string): Promise<number[]> => {
    await mdl(
      folder,
      'run',
      'small.mdl',
      '--init',
      seed,
      '--entry',
      'main',
      '--inputs',
      'x.safetensors',
      '--outputs',
      'i.safetensors',
      '--backend',
      backend,
    );
    return values('i.safetensors', 'y');
  };
  const first = await numbers('1', 'onnx');
  expect(await numbers('1', 'onnx')).toEqual(first);
  expect((await numbers('1', 'reference')).map((x, i) => Math.abs(x - first[i]!) < 1e-6)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(await numbers('2', 'onnx')).not.toEqual(first);
});

describe('mistakes', () => {
  const index = rawSafetensors(
    { index: { dtype: 'I32', shape: [1], data_offsets: [0, 4] } },
    new Uint8Array(Int32Array.from([9]).buffer),
  );
  const cases: Readonly<
    Record<string, { readonly inputs?: Uint8Array; readonly args: string[]; readonly says: RegExp }>
  > = {
    'no such entry': {
      args: ['--entry', 'mian'],
      says: /error\[E0407\]: the model has no entry mian\n[\s\S]*did you mean `main`\?/,
    },
    'no such tap': { args: ['--entry', 'main', '--tap', 'scal'], says: /error\[E0412\][\s\S]*did you mean `scale`\?/ },
    'an input that is missing': {
      inputs: safetensors({}),
      args: ['--entry', 'main'],
      says: /error\[R0207\]: main needs the input x \[B, 3\]/,
    },
    'an input that is unknown': {
      inputs: safetensors({ xx: X }),
      args: ['--entry', 'main'],
      says: /error\[R0208\]: main has no input xx, did you mean x/,
    },
    'another rank': {
      inputs: safetensors({ x: f32([3], [1, 2, 3]) }),
      args: ['--entry', 'main'],
      says: /error\[R02\d\d\]: the input x of main/,
    },
    'another size': {
      inputs: safetensors({ x: f32([1, 2], [1, 2]) }),
      args: ['--entry', 'main'],
      says: /error\[R0210\]: the input x of main has size 2 on axis 1 and 3 of \[B, 3\]/,
    },
    'another dtype': {
      inputs: safetensors({ x: i64([1, 3], [1, 2, 3]) }),
      args: ['--entry', 'main'],
      says: /error\[R0209\]: the input x of main is i64/,
    },
    'an index outside, onnx': {
      inputs: index,
      args: ['--entry', 'pick'],
      says: /error\[R0222\]: the input index of pick holds 9 at \[0\], and integers from 0 to 2 are expected/,
    },
    'an index outside, reference': {
      inputs: index,
      args: ['--entry', 'pick', '--backend', 'reference'],
      says: /error\[R0222\]: the input index of pick holds 9 at \[0\]/,
    },
    // its kernels would give another row
    ...(unavailable === undefined && {
      'an index outside, webgpu': {
        inputs: index,
        args: ['--entry', 'pick', '--backend', 'webgpu'],
        says: /error\[R0222\]: the input index of pick holds 9 at \[0\]/,
      },
    }),
    'inputs that are no file': {
      args: ['--entry', 'main', '--inputs', 'none.safetensors'],
      says: /error\[C0104\]: the inputs none\.safetensors cannot be read: no such file or directory\n/,
    },
    'inputs that are no safetensors': {
      inputs: new TextEncoder().encode('hello world'),
      args: ['--entry', 'main'],
      says: /error\[R0123\]: .*in\.safetensors is text that begins with "hello world"/,
    },
    'outputs that cannot be written': {
      args: ['--entry', 'main', '--outputs', 'no/such/o.safetensors'],
      says: /error\[R0122\]: no\/such\/o\.safetensors was not written \(no such file or directory\)/,
    },
  };

  it.each(Object.entries(cases))('%s', async (_, { inputs, args, says }) => {
    const given = inputs ? join(folderWith({ 'in.safetensors': inputs }), 'in.safetensors') : 'x.safetensors';
    const before = readdirSync(folder).sort();
    const usual = [
      ['--inputs', given],
      ['--outputs', 'never.safetensors'],
    ].filter(([option]) => !args.includes(option!));
    const { code, stdout, stderr } = await run(...usual.flat(), ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(says);
    // one message, ours: the libraries below keep quiet
    expect(stderr).toMatch(/^error\[/);
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(existsSync(join(folder, 'never.safetensors'))).toBe(false);
  });

  it('no weights', async () => {
    const { code, stderr } = await mdl(
      folder,
      'run',
      'small.mdl',
      '--entry',
      'main',
      '--inputs',
      'x.safetensors',
      '--outputs',
      'y.safetensors',
    );
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error\[C0106\]: no weights were given.*--weights FILE or --init SEED/),
    });
  });

  it('--json puts the error on stdout, as data', async () => {
    const { code, stdout, stderr } = await mdl(
      folder,
      '--json',
      'run',
      'small.mdl',
      '--init',
      '0',
      '--entry',
      'main',
      '--inputs',
      'none.safetensors',
      '--outputs',
      'y.safetensors',
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      error: { code: 'C0104', message: expect.stringContaining('none.safetensors') },
    });
  });

  it.each([
    [['run', 'small.mdl']],
    [['run', 'small.mdl', '--entry', 'main', '--inputs', 'x', '--outputs', 'y', '--backend', 'webgpu9']],
  ])('a bad command line exits with 2', async (args) => {
    const { code, stdout, stderr } = await mdl(folder, ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: /);
  });
});

describe.skipIf(unavailable)('--profile', () => {
  const profiled = [
    '--entry',
    'main',
    '--inputs',
    'x.safetensors',
    '--outputs',
    'p.safetensors',
    '--profile',
    'trace.json',
  ];

  it('lists kernels with their times and writes a trace', async () => {
    const { code, stdout } = await run(...profiled, '--backend', 'webgpu');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\d+ dispatches, [\d.]+ ms on the device\n/);
    expect(stdout).toMatch(/ms +\d+ % +×1 .*GFLOP\/s .*linear/);
    const { traceEvents } = JSON.parse(readFileSync(join(folder, 'trace.json'), 'utf8')) as {
      traceEvents: readonly { name: string; ph: string }[];
    };
    expect(traceEvents.map(({ ph }) => ph)).toEqual(traceEvents.map(() => 'X'));
    expect(traceEvents.some(({ name }) => name.includes('linear'))).toBe(true);
  });

  it('is for webgpu', async () => {
    const { code, stderr } = await run(...profiled);
    expect(code).toBe(1);
    expect(stderr).toContain('C0208');
    expect(stderr).toContain('--backend webgpu');
  });
});

describe('--print', () => {
  it('prints the numbers of small outputs in rows, with their index', async () => {
    const { stdout } = await run('--entry', 'main', '--inputs', 'x.safetensors', '--print');
    expect(stdout).toMatch(/^main on .*\n {2}y +f32\[2, 2\]\n {4}\[0\] {3}15 350\n {4}\[1\] {3}25 450\n$/);
  });

  it('gives the same to programs', async () => {
    const { stdout } = await mdl(
      folder,
      ...['--json', 'run', 'small.mdl', '--weights', 'w.safetensors'],
      ...['--entry', 'main', '--inputs', 'x.safetensors', '--print'],
    );
    const { outputs } = JSON.parse(stdout);
    expect(outputs.y).toEqual({ dtype: 'f32', shape: [2, 2], values: [15, 350, 25, 450] });
  });
});
