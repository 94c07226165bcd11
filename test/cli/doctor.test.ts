/** `mdl doctor`: right numbers pass, the first module with wrong ones is named with its line, bad calls are refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import doctor from '../../src/compiler/cli/commands/doctor.ts';
import { format } from '../../src/compiler/format/index.ts';
import { examineEntry, examineKernels, isFine } from '../../src/compiler/workbench/doctor/examine.ts';
import { KERNELS } from '../../src/compiler/workbench/doctor/kernels.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { seededWeights, type WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
import { errorOf } from '../../src/runtime/self-test/compare.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { folderWith } from '../support/folder.ts';
import { recordingOutput } from './output.ts';

const folder = folderWith();
const file = join(folder, 'three.mdl');
writeFileSync(
  file,
  `import { Linear } from "std"
module Step(width) {
  inner = Linear(width, width)
  forward(x: [B, width]) -> [B, width] { x + tanh(inner(x)) }
}
model Three {
  steps = [Step(8) for i in range(3)]
  entry run(x: [B, 8]) -> (y: [B, 8]) {
    for step in steps { x = step(x) }
    x
  }
  entry pick(x: [B, 8], at: int[B]) -> (y: [B, B]) { gather(x[:, :1], at, 1) }
}
`,
);
const model = () => loadModel(file, {}, recordingOutput()).model;

/** As a backend that computes one parameter wrongly: the interpreter reads tensors whole, ONNX Runtime's files are made of chunks. */
function wrongInFiles(weights: WeightProvider, wrong: string): WeightProvider {
  return {
    ...weights,
    read: (key) => weights.read(key),
    close: () => weights.close(),
    async *chunks(key) {
      if (key !== wrong) return yield* weights.chunks(key);
      const { data } = await weights.read(key);
      yield new Uint8Array((data as Float32Array).map((value) => value + 0.5).buffer);
    },
  };
}

describe('kernels', () => {
  it('the program is formatted, and right on ONNX Runtime', async () => {
    expect(format(KERNELS).text).toBe(KERNELS);
    const findings = await examineKernels('onnx');
    expect(findings.filter((finding) => !isFine(finding))).toEqual([]);
    expect(findings.length).toBeGreaterThan(10);
  });
});

describe('a model', () => {
  it('is right', async () => {
    const finding = await examineEntry(model(), seededWeights(model(), 0), { entry: 'run', backend: 'onnx' });
    expect(finding.error).toBeLessThan(1e-5);
    expect(finding.first).toBeUndefined();
  });

  it('whose second step is off is named there, with the line that computes it', async () => {
    const weights = wrongInFiles(seededWeights(model(), 0), 'steps.1.inner.weight');
    const { error, first } = await examineEntry(model(), weights, { entry: 'run', backend: 'onnx' });
    expect(error).toBeGreaterThan(1e-3);
    expect(first).toMatchObject({ path: 'steps.1.inner', op: 'linear' });
    expect(first!.source).toContain('three.mdl:4:');
  });
});

describe('the command', () => {
  it('prints a line for each entry, says what it could not feed, and exits with 0', async () => {
    const output = recordingOutput();
    const pieces: string[] = [];
    await doctor({ ...output, piece: (text) => void pieces.push(text) }, [file], {
      backend: 'onnx',
      set: [],
      allowMissing: [],
      allowUnexpected: [],
    } as never);
    const text = pieces.join('');
    expect(text).toMatch(/ONNX Runtime {3}\d+\.\d+/);
    expect(text).toMatch(/ok {7}matmul/);
    expect(text).toMatch(/ok {7}run/);
    expect(text).toMatch(/not run {2}pick .*--entry pick --inputs FILE/);
    expect(output.results[0]!.text).toContain('onnx: all numbers within 0.0001');
    expect(process.exitCode ?? 0).toBe(0);
  });

  it.each([
    ['C0208', [], { entry: 'run' }],
    ['C0208', [file], { inputs: 'x.safetensors' }],
  ] as const)('%s: options without what they belong to', async (code, files, options) => {
    await expect(doctor(recordingOutput(), files, options as never)).rejects.toMatchObject({ code });
  });
});

it('errors are relative to the largest number, and nothing hides a NaN', () => {
  const of = (...values: number[]): HostTensor => ({
    dtype: 'f32',
    shape: [values.length],
    data: Float32Array.from(values),
  });
  expect(errorOf(of(1, -4), of(1, -3))).toBe(0.25);
  expect(errorOf(of(Number.NaN, 1), of(Number.NaN, 1))).toBe(0);
  expect(errorOf(of(Number.POSITIVE_INFINITY, 1), of(Number.POSITIVE_INFINITY, 1))).toBe(0);
  for (const bad of [of(Number.NaN, 1), of(0, Number.POSITIVE_INFINITY), of(0), undefined])
    expect(errorOf(of(0, 1), bad)).toBe(Number.POSITIVE_INFINITY);
  const ints = (value: bigint): HostTensor => ({ dtype: 'i64', shape: [], data: BigInt64Array.of(value) });
  expect(errorOf(ints(3n), ints(3n))).toBe(0);
  expect(errorOf(ints(3n), ints(4n))).toBe(Number.POSITIVE_INFINITY);
});
