/** `mdl compile --calibrate` and `--quantise-report`: codes by GPTQ from batches of data, and what they cost. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSession } from '../../src/runtime/index.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { unavailable } from '../support/adapter.ts';

const MODEL = (rules: readonly string[]) => `import { Linear } from "std"
model M {
  up = Linear(64, 96)
  down = Linear(96, 64)
  aside = Linear(64, 64)
  entry run(x: [B, 64]) -> (y: [B, 64], z: [B, 64]) { (down(gelu(up(x))), aside(x)) }
  entry loss(x: [B, 64], y: [B, 64]) -> (loss: []) { let d = down(gelu(up(x))) - y  mean(d * d) }
}
${rules.join('\n')}
`;

/** Inputs of 5 directions in 64, and what is far from them to come to. @param broken a NaN in batch 1 */
const DATA = (broken = false) => `
const directions = Array.from({ length: 5 }, (_, k) => Float32Array.from({ length: 64 }, (_, i) => Math.sin(1 + k * 7.3 + i * (k + 1) * 0.61)));
export default {
  name: 'directions',
  batch: async (step) => {
    const x = new Float32Array(8 * 64);
    for (let row = 0; row < 8; row++)
      directions.forEach((direction, k) => direction.forEach((value, i) => { x[64 * row + i] += value * Math.cos(step * 13 + row * 3.1 + k); }));
    if (${broken} && step === 1) x[5] = NaN;
    const tensor = (data) => ({ dtype: 'f32', shape: [8, 64], data });
    return { feeds: { x: tensor(x), y: tensor(x.map((value) => 0.5 * value)) }, tokens: 8, rows: 8 };
  },
};
`;

const INT4 = (method: string) => [`quantise up, down as int4(group = 32, method = "${method}")`];

function setUp(rules: readonly string[], data = DATA()): string {
  const folder = folderWith();
  writeFileSync(join(folder, 'm.mdl'), MODEL(rules));
  writeFileSync(join(folder, 'data.mjs'), data);
  return folder;
}
const run = (folder: string, ...args: string[]) =>
  mdl(folder, 'compile', 'm.mdl', '--init', '3', '--out', 'out', '--opset', '23', ...args);
const CALIBRATE = ['--calibrate', 'data.mjs', '--calibrate-batches', '4'];

interface Report {
  readonly inputs: string;
  readonly matrices: readonly { key: string; as: string; weight_error: number; output_error: number | null }[];
  readonly loss: { batches: number; f32: number; quantised: number } | null;
}
async function reportOf(rules: readonly string[], ...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await run(setUp(rules), '--json', '--quantise-report', ...args);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).quantise_report;
}

it('GPTQ has less error in outputs and in the loss than rounding to nearest, and more in the weights', async () => {
  const nearest = await reportOf(INT4('nearest'), ...CALIBRATE);
  const calibrated = await reportOf(INT4('gptq'), ...CALIBRATE);
  expect(calibrated.matrices.map(({ key, as }) => [key, as])).toEqual([
    ['up.weight', 'int4(group = 32, method = "gptq")'],
    ['down.weight', 'int4(group = 32, method = "gptq")'],
  ]);
  expect(calibrated.inputs).toBe('batches 0 to 3 of directions');
  for (const [i, { output_error, weight_error }] of calibrated.matrices.entries()) {
    expect(output_error!).toBeLessThan(0.5 * nearest.matrices[i]!.output_error!);
    expect(weight_error).toBeGreaterThan(nearest.matrices[i]!.weight_error);
  }
  const change = ({ loss }: Report): number => Math.abs(loss!.quantised - loss!.f32);
  expect(calibrated.loss!.batches).toBe(4);
  expect(calibrated.loss!.f32).toBe(nearest.loss!.f32);
  expect(change(calibrated)).toBeLessThan(change(nearest));
});

it('without data products are judged by normal numbers, and nothing is said of the loss', async () => {
  const { inputs, matrices, loss } = await reportOf(INT4('nearest'));
  expect(inputs).toBe('normal numbers of seed 0');
  expect(loss).toBeNull();
  for (const { weight_error, output_error } of matrices) {
    // of independent inputs both are one number
    expect(Math.abs(output_error! / weight_error - 1)).toBeLessThan(0.1);
    expect(weight_error).toBeGreaterThan(0.05);
    expect(weight_error).toBeLessThan(0.2);
  }
});

it('a matrix that the loss does not read has no error of outputs', async () => {
  const { matrices } = await reportOf(['quantise aside as int8(group = 32)'], ...CALIBRATE);
  expect(matrices).toEqual([expect.objectContaining({ key: 'aside.weight', output_error: null })]);
});

it('prints a table', async () => {
  const folder = setUp(INT4('gptq'));
  const { code, stdout } = await mdl(
    folder,
    ...['compile', 'm.mdl', '--init', '3', '--out', 'out', '--opset', '23', '--quantise-report', ...CALIBRATE],
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(/matrix +shape +as +error of weights +of outputs/);
  expect(stdout).toMatch(/up\.weight +\[96, 64\] +int4\(group = 32, method = "gptq"\) +[\d.]+ % +[\d.]+ %/);
  expect(stdout).toMatch(
    /loss of the 4 batches behind those: [\d.]+ with f32 weights, [\d.]+ with these \([+−][\d.e-]+ %\)/,
  );
});

it.skipIf(unavailable !== undefined)('every target writes the codes that were found', async () => {
  const x = { dtype: 'f32' as const, shape: [3, 64], data: Float32Array.from({ length: 192 }, (_, i) => Math.sin(i)) };
  const found: Float32Array[] = [];
  for (const args of [['--opset', '23'], ['--contrib-ops'], ['--target', 'webgpu']]) {
    const folder = setUp(INT4('gptq'));
    const { code, stderr } = await mdl(
      folder,
      ...['compile', 'm.mdl', '--init', '3', '--out', 'out', ...args, ...CALIBRATE],
    );
    expect(code, stderr).toBe(0);
    const session = await openSession(join(folder, 'out'), { backend: args[1] === 'webgpu' ? 'webgpu' : 'onnx' });
    found.push((await session.run('run', { x })).y!.data as Float32Array);
    await session.dispose();
  }
  const [first, ...others] = found;
  const largest = Math.max(...first!.map(Math.abs));
  for (const other of others)
    expect(Math.max(...first!.map((value, i) => Math.abs(value - other[i]!)))).toBeLessThan(1e-5 * largest);
});

describe('refuses', () => {
  const GPTQ = INT4('gptq');
  it.each([
    ['gptq without data', GPTQ, [], /R1240.*up\.weight.*mdl compile --calibrate/],
    ['data without a use', INT4('nearest'), CALIBRATE, /C0208.*--calibrate.*--quantise-report/],
    ['a report of nothing', [], ['--quantise-report'], /C0208.*--quantise-report.*--quantise/],
    ['batches without data', GPTQ, ['--calibrate-batches', '4'], /--calibrate-batches.*--calibrate/],
    [
      'a matrix that the loss does not read',
      ['quantise aside as int4(method = "gptq")'],
      CALIBRATE,
      /C0508.*aside\.weight/,
    ],
  ] as const)('%s', async (_, rules, args, says) => {
    const { code, stderr } = await run(setUp(rules), ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });

  it('a NaN in the data', async () => {
    const { code, stderr } = await run(setUp(GPTQ, DATA(true)), ...CALIBRATE);
    expect(code).toBe(1);
    expect(stderr).toMatch(/C0507.*batch 1.*up\.weight.*NaN/);
  });

  it('a model without a loss', async () => {
    const folder = setUp(GPTQ);
    writeFileSync(join(folder, 'm.mdl'), MODEL(GPTQ).replace(/ {2}entry loss.*\n/, ''));
    const { code, stderr } = await run(folder, ...CALIBRATE);
    expect(code).toBe(1);
    expect(stderr).toMatch(/C0506.*M has run/);
  });
});
