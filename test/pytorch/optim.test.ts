/** Five steps of AdamW by train.py on TinyGPT-V, as the released code takes them, and `mdl train` on ONNX Runtime: losses and parameters. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { folderWith, mdl, ROOT } from '../cli/support.ts';
import { fixture, readTensors, relativeError } from '../support/reference.ts';
import { lossInputs, TINY_SETTINGS, WEIGHTS } from '../tinygptv/support.ts';
import { describeTorch } from './support.ts';
import { difference, drive, stepsOf, trainedOf } from './training.ts';

const STEPS = [1, 2, 5];
const FLOAT: readonly string[] = ['pixel_values'];

/** The main batch of the fixture, at every step. */
function dataModule(): string {
  const feeds = Object.entries(lossInputs('')).map(([name, { shape, data }]) => {
    const array = FLOAT.includes(name) ? 'Float32Array' : 'BigInt64Array';
    const values = Array.from(data as ArrayLike<number>, (value) =>
      FLOAT.includes(name) ? String(value) : `${value}n`,
    );
    const dtype = FLOAT.includes(name) ? 'f32' : 'i64';
    return `${name}: { dtype: '${dtype}', shape: ${JSON.stringify(shape)}, data: ${array}.of(${values.join(', ')}) }`;
  });
  return `const feeds = { ${feeds.join(',\n')} };
export default () => ({ name: 'fixture', batch: async () => ({ feeds, tokens: 0, rows: ${lossInputs('').labels!.shape[0]} }) });
`;
}

describeTorch.each(['stage1', 'stage2'])('%s', (stage) => {
  const expected = readTensors(fixture('tinygptv-tiny/optim.safetensors'));
  const folder = folderWith({ 'data.mjs': '', 'config.json': JSON.stringify(TINY_SETTINGS) });
  const run = (name: string | number): string => join(folder, `run-${name}`);

  beforeAll(async () => {
    writeFileSync(join(folder, 'data.mjs'), dataModule());
    const own = [
      join(ROOT, 'models/tinygpt-v.mdl'),
      '--config-file',
      'config.json',
      '--weights',
      WEIGHTS,
      '--stage',
      stage,
    ];
    const unused = stage === 'stage1' ? ['--allow-unexpected', '**.lora_*'] : [];
    const fed = [...own, ...unused, '--data', './data.mjs', '--batch-size', '2', '--steps', '5'];
    for (const command of [
      ['compile', ...own, ...unused, '--target', 'pytorch', '--out', 'model'],
      ['data', 'write', ...fed, '--out', 'shards'],
      ['train', ...fed, '--lr', '1e-3', '--out', run('mdl'), '--backend', 'onnx'],
    ]) {
      const { code, stderr } = await mdl(folder, ...command);
      expect(code, stderr).toBe(0);
    }
    const ran = drive(
      STEPS.map((steps) => ({
        folder,
        argv: ['--data', 'shards', '--out', run(steps), '--steps', String(steps), '--lr', '1e-3', '--accumulate', '1'],
      })),
    );
    for (const { code, output } of ran) expect(code, output).toBe(0);
  }, 300_000);

  it('losses', () => {
    const losses = stepsOf(run(5)).map(({ loss }) => loss);
    expect(relativeError(losses, expected.get(`${stage}/losses`)!.data)).toBeLessThan(2e-6);
    expect(
      relativeError(
        losses,
        stepsOf(run('mdl')).map(({ loss }) => loss),
      ),
    ).toBeLessThan(2e-6);
  });

  it.each(STEPS)('parameters after step %i', (step) => {
    const trained = trainedOf(run(step));
    const wanted = [...expected].filter(([key]) => key.startsWith(`${stage}/step${step}/`));
    expect(wanted.length).toBeGreaterThan(10);
    for (const [key, { data }] of wanted) {
      const found = trained.get(key.slice(`${stage}/step${step}/`.length))!;
      expect(relativeError(found.data, data), key).toBeLessThan(2e-5);
    }
  });

  it('parameters of mdl train', () => {
    expect(difference(trainedOf(run('mdl')), trainedOf(run(5)))).toBeLessThan(2e-5);
  });
});
