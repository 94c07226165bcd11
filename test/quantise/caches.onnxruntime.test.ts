/** Caches stored as f16 and int8: their meaning on the interpreter, and ONNX Runtime beside it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { openSession } from '../../src/package/runtime.ts';
import { folderWith, mdl } from '../cli/support.ts';
import {
  expectAnswers,
  expectCaches,
  farthest,
  GPT,
  inParts,
  modelOf,
  openCached,
  REFERENCE,
  readOf,
  roundedRows,
} from './caches.ts';

const HEAD_DIM = 8;

describe.each(['f16', 'int8'] as const)('%s', (stored) => {
  it('is what rows of f32 are rounded to, and what attention reads of new rows too', async () => {
    const plain = await inParts(await openCached(REFERENCE), [9]);
    const session = await openCached(REFERENCE, stored);
    const whole = await inParts(session, [9]);
    for (const kept of ['key', 'value']) {
      // keys and values of the first layer come of the tokens alone
      const name = `past_key_values.0.${kept}`;
      const expected = roundedRows(plain.cache.get(name)!, HEAD_DIM, stored);
      expect(farthest(readOf(whole.cache, name, HEAD_DIM), expected)).toBeLessThan(1e-6);
    }
    const parts = await inParts(session, [1, 3, 1, 4]);
    expect(farthest(parts.logits, whole.logits)).toBeLessThan(1e-6);
    const change = farthest(whole.logits, plain.logits);
    expect(change).toBeGreaterThan(1e-6);
    expect(change).toBeLessThan(0.05 * Math.max(...plain.logits.map(Math.abs)));
  });

  it.each([17, 23] as const)('ONNX Runtime at opset %i', async (opset) => {
    await expectCaches(await openCached({ backend: 'onnx', opset }, stored), stored);
  });

  it('answers with beams', async () => {
    await expectAnswers(await openCached({ backend: 'onnx', opset: 17 }, stored), stored);
  });
});

const gpt = ['compile', 'examples/gpt.mdl', '--config', 'tiny', '--init', '3'];
const GPT_FILE = { 'examples/gpt.mdl': readFileSync('examples/gpt.mdl', 'utf8') };

describe('mdl compile --cache-dtype', () => {
  it.each([
    ['f16', ['float16', 'float16']],
    ['int8', ['int8', 'float32', 'int8', 'float32']],
  ] as const)('%s: ports, manifest, and a folder that opens', async (stored, types) => {
    const folder = folderWith(GPT_FILE);
    const { code, stderr } = await mdl(folder, ...gpt, '--cache-dtype', stored, '--out', 'out');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const graph = await InferenceSession.create(join(folder, 'out/onnx/decode.onnx'));
    const caches = graph.inputMetadata.filter(({ name }) => name.startsWith('past_key_values.0.'));
    expect(caches.map((port) => port.isTensor && port.type).sort()).toEqual([...types].sort());
    const manifest = JSON.parse(readFileSync(join(folder, 'out/manifest.json'), 'utf8'));
    expect(manifest.entries.decode.cache[0]).toMatchObject({ past: 'past_key_values.0.key', axis: 2, stored });
    await expectAnswers(await openSession(join(folder, 'out'), { backend: 'onnx' }), stored);
  });

  it.each([
    [['--target', 'pytorch'], /error\[C0208\]: --cache-dtype .*--target onnx or webgpu/],
    [['--entry', 'loss'], /error\[C0671\]: caches are to be stored as f16, and no entry of loss has one/],
    [['--target', 'webgpu', '--set', 'width=24'], /error\[C0672\]: past_key_values\.0\.key has rows of 6/],
  ])('refuses %j', async (args, says) => {
    const { code, stderr } = await mdl(folderWith(GPT_FILE), ...gpt, '--cache-dtype', 'f16', ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });

  it('PyTorch refuses graphs with them by name (C0670)', () => {
    const graphs = graphsOf(modelOf(GPT).model, { caches: 'f16' })!;
    expect(() => TARGETS.pytorch.compile(graphs)).toThrow(/torch_caches/);
  });
});
