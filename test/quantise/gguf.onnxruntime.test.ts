/** `mdl compile` of a GGUF file keeps its blocks: every target computes with the numbers of ggml. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSession } from '../../src/runtime/index.ts';
import { readTensor } from '../../src/runtime/weights/file.ts';
import { folderWith, mdl, ROOT } from '../cli/support.ts';
import { unavailable } from '../support/adapter.ts';
import { openBytes, weightsFixture } from '../support/weights-files.ts';

const RULES = ['q8_0 as int8(group = 32)', 'q4_0 as int4(group = 32)', 'q4_1 as int4(zeros = true, method = "hqq")'];

function setUp(rules: readonly string[] = RULES): string {
  const folder = folderWith();
  const layers = ['q8_0', 'q4_0', 'q4_1'];
  writeFileSync(
    join(folder, 'm.mdl'),
    `import { Linear } from "std"
model M {
${layers.map((name) => `  ${name} = Linear(64, 3, with_bias = false)`).join('\n')}
  entry run(x: [B, 64]) -> (${layers.map((name) => `${name}_y: [B, 3]`).join(', ')}) { (${layers.map((name) => `${name}(x)`).join(', ')}) }
}
${rules.map((rule) => `quantise ${rule}`).join('\n')}
`,
  );
  copyFileSync(join(ROOT, 'test/fixtures/weights/gguf/model.gguf'), join(folder, 'model.gguf'));
  return folder;
}

const compile = (folder: string, ...args: string[]) =>
  mdl(folder, 'compile', 'm.mdl', '--weights', 'model.gguf', '--allow-unexpected', '**', '--out', 'out', ...args);

const TARGETS = [
  ['onnx', ['--opset', '23']],
  ['onnx', ['--contrib-ops']],
  ['webgpu', ['--target', 'webgpu']],
] as const;

it.each(TARGETS.filter(([target]) => target === 'onnx' || unavailable === undefined))(
  '%s %j',
  async (backend, args) => {
    const folder = setUp();
    const { code, stderr } = await compile(folder, ...args);
    expect(code, stderr).toBe(0);
    for (const type of ['Q8_0', 'Q4_0', 'Q4_1'])
      expect(stderr).toContain(`codes kept as the file has them: 1 matrix of ${type}`);
    const session = await openSession(join(folder, 'out'), { backend });
    const x = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i));
    const outputs = await session.run('run', { x: { dtype: 'f32', shape: [2, 64], data: x } });
    const expected = await openBytes(weightsFixture('gguf/expected.safetensors'), 'expected.safetensors');
    for (const [name, tolerance] of [
      ['q8_0', 1e-6],
      ['q4_0', 1e-6],
      // its zeros are rounded to f16
      ['q4_1', 2e-3],
    ] as const) {
      const weight = (await readTensor(expected, `${name}.weight`)).data as Float32Array;
      const found = outputs[`${name}_y`]!.data as Float32Array;
      for (let row = 0; row < 2; row++)
        for (let out = 0; out < 3; out++) {
          let sum = 0;
          for (let i = 0; i < 64; i++) sum += x[64 * row + i]! * weight[64 * out + i]!;
          expect(Math.abs(found[3 * row + out]! - sum)).toBeLessThan(tolerance * 30);
        }
    }
    await session.dispose();
  },
);

it('says what it quantises again, and how it would be kept', async () => {
  const { code, stderr } = await compile(setUp(['q8_0 as int8(group = 64)']), '--opset', '23');
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(
    'quantised again from rounded numbers: 1 matrix of Q8_0; as int8(group = 32) it would be kept',
  );
});
