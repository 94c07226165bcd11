/**
 * `mdl compile --swap-adapters` on the scaled-down TinyGPT-V: one compiled model with adapters swapped gives what models
 * with each adapter inside give, and without an adapter what the model without LoRA gives.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import compileCommand from '../../src/compiler/cli/commands/compile.ts';
import type { CompileOptions } from '../../src/compiler/cli/compile/options.ts';
import { peftKey } from '../../src/compiler/workbench/training/peft.ts';
import * as page from '../../src/runtime/index.browser.ts';
import { generate, type HostTensor, openSession, type Session, writeSafetensors } from '../../src/runtime/index.ts';
import type { Manifest } from '../../src/shared/artifact.ts';
import { recordingOutput } from '../cli/output.ts';
import { folderWith } from '../support/folder.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import {
  ABLATIONS,
  configFile,
  ids,
  input,
  lossInputs,
  output,
  scratchFolder,
  TINY,
  TOLERANCE,
  unmasked,
  WEIGHTS,
} from './support.ts';

const stored = readTensors(WEIGHTS);
const counted = unmasked(input('attention_mask'), output('logits').shape[2]!);
const isAdapter = (key: string): boolean => key.includes('.lora_');

const host = ({ shape, data }: { shape: number[]; data: ArrayLike<number | bigint> }): HostTensor =>
  data instanceof BigInt64Array
    ? { dtype: 'i64', shape, data }
    : { dtype: 'f32', shape, data: data as Float32Array<ArrayBuffer> };

/** The fixture's adapter, element i changed; B in the fixture is not 0. */
async function peftFolder(
  name: string,
  change: (value: number, i: number) => number,
  r = TINY.lora.r,
): Promise<string> {
  const folder = join(scratchFolder(), name);
  await mkdir(folder, { recursive: true });
  const config = { peft_type: 'LORA', r, lora_alpha: TINY.lora.alpha };
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  const tensors = [...stored].flatMap(([key, { shape, data }]): [string, HostTensor][] => {
    if (!isAdapter(key)) return [];
    return [[peftKey(key), { dtype: 'f32', shape, data: Float32Array.from(data as Float32Array, change) }]];
  });
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), new Map(tensors));
  return folder;
}

async function compiled(options: Partial<CompileOptions>): Promise<string> {
  const out = folderWith();
  await compileCommand(recordingOutput(), ['models/tinygpt-v.mdl'], {
    configFile: configFile(),
    weights: WEIGHTS,
    opset: '17',
    target: 'onnx',
    entry: [],
    out,
    ...options,
  });
  return out;
}
const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;

async function logitsOf(session: Session): Promise<Float32Array> {
  return (await session.run('loss', lossInputs(''), { fetch: ['logits'] })).logits!.data as Float32Array;
}

const inside = async (options: Partial<CompileOptions>): Promise<Float32Array> => {
  const session = await openSession(await compiled(options));
  try {
    return await logitsOf(session);
  } finally {
    await session.dispose();
  }
};

let first: string;
let second: string;
beforeAll(async () => {
  first = await peftFolder('first', (value, i) => value * (i % 3) - 0.01);
  second = await peftFolder('second', (value, i) => -2 * value + 0.02 * (i % 5));
});

describe.each(['17', '23'])('swapped at opset %s', (opset) => {
  let session: Session;
  beforeAll(async () => {
    session = await openSession(await compiled({ opset, swapAdapters: true }));
  });
  afterAll(() => session?.dispose());

  it('starts with the adapter of the weights', async () => {
    expect(session.adapters()).toEqual([{ name: 'default', active: true }]);
    expect(relativeError(await logitsOf(session), output('logits').data, counted)).toBeLessThan(TOLERANCE);
  });

  it('gives what models with each adapter inside give, back and forth', async () => {
    await session.addAdapter('first', first);
    await session.addAdapter('second', second);
    const expected = new Map([
      ['first', await inside({ opset, adapter: first })],
      ['second', await inside({ opset, adapter: second })],
      ['default', await inside({ opset })],
    ]);
    expect(relativeError(expected.get('first')!, expected.get('second')!, counted)).toBeGreaterThan(0.01);
    expect(relativeError(expected.get('first')!, expected.get('default')!, counted)).toBeGreaterThan(0.01);
    for (const name of ['first', 'second', 'first', 'default', 'second']) {
      session.setAdapter(name);
      expect(relativeError(await logitsOf(session), expected.get(name)!, counted), name).toBeLessThan(TOLERANCE);
    }
    expect(session.info().entries.loss).toMatchObject({ loaded: true });
  });

  it('without an adapter gives what the model without LoRA gives', async () => {
    session.setAdapter(null);
    const logits = await logitsOf(session);
    expect(relativeError(logits, ABLATIONS.get('no_lora/logits')!.data, counted)).toBeLessThan(TOLERANCE);
    expect(relativeError(logits, await inside({ opset, set: ['lora=false'] }), counted)).toBeLessThan(TOLERANCE);
  });

  it('generates with the adapter that is set, key/value cache and beams included', async () => {
    const prompt = { input_ids: [ids('prompt_before_ids', 0, 3)] };
    for (const num_beams of [1, 2]) {
      const answer = async (by: Session): Promise<{ tokens: readonly number[]; score: number }> => {
        const { rows } = await generate(by, prompt, { max_new_tokens: 4, num_beams });
        return { tokens: rows[0]!.tokens, score: rows[0]!.score };
      };
      session.setAdapter('first');
      const swapped = await answer(session);
      const other = await openSession(await compiled({ opset, adapter: first }));
      const expected = await answer(other);
      await other.dispose();
      expect(swapped.tokens).toEqual(expected.tokens);
      expect(relativeError([swapped.score], [expected.score])).toBeLessThan(TOLERANCE);
      session.setAdapter('second');
      expect(relativeError([(await answer(session)).score], [expected.score])).toBeGreaterThan(1e-3);
    }
  });

  it('refuses an adapter of another rank', async () => {
    const folder = await peftFolder('rank', (value) => value, 64);
    await expect(session.addAdapter('rank', folder)).rejects.toMatchObject({
      code: 'R0220',
      message: expect.stringContaining(`has r 64 and the model was compiled with ${TINY.lora.r}`),
    });
    expect(session.adapters().map(({ name }) => name)).not.toContain('rank');
  });
});

describe('the compiled folder', () => {
  it('names the inputs, has no adapter among its weights, and keeps the weights’ own in PEFT’s format', async () => {
    const folder = await compiled({ swapAdapters: true });
    const { entries, adapter, targets } = manifestOf(folder);
    const keys = [...stored.keys()].filter(isAdapter).sort();
    const { r, alpha } = TINY.lora;
    expect(adapter).toEqual({ type: 'LORA', r, alpha, default: 'adapters/default', others: [] });
    for (const entry of ['decode', 'loss']) {
      const ports = entries[entry]!.adapters!;
      expect(ports.map(({ key }) => key).sort()).toEqual(keys);
      for (const { input: name, key, shape } of ports) {
        expect(name).toBe(`parameter.${key}`);
        expect(shape).toEqual(stored.get(key)!.shape);
        expect(entries[entry]!.inputs).toContainEqual({ name, dtype: 'f32', shape });
      }
    }
    expect(entries.encode_image).not.toHaveProperty('adapters');
    const { graph } = onnx.ModelProto.decode(await readFile(join(folder, targets.onnx!.files.loss!)));
    const initializers = graph!.initializer!.map(({ name }) => name!);
    expect(initializers.length).toBeGreaterThan(50);
    expect(initializers.filter(isAdapter)).toEqual([]);
    const kept = await compiled({ entry: ['loss'] });
    const usual = onnx.ModelProto.decode(await readFile(join(kept, 'onnx/loss.onnx'))).graph!.initializer!;
    expect(usual.filter(({ name }) => isAdapter(name!))).toHaveLength(keys.length);
    expect(manifestOf(kept)).not.toHaveProperty('adapter');
    const own = readTensors(join(folder, 'adapters/default/adapter_model.safetensors'));
    expect([...own.keys()].sort()).toEqual(keys.map(peftKey).sort());
    for (const key of keys) expect(own.get(peftKey(key))!.data).toEqual(stored.get(key)!.data);
    const config = JSON.parse(readFileSync(join(folder, 'adapters/default/adapter_config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ peft_type: 'LORA', r: TINY.lora.r, lora_alpha: TINY.lora.alpha });
  });

  it('of weights without an adapter has none, and takes those that are added', async () => {
    const plain = join(scratchFolder(), 'base.safetensors');
    await writeSafetensors(plain, new Map([...stored].flatMap(([key, t]) => (isAdapter(key) ? [] : [[key, host(t)]]))));
    const folder = await compiled({ swapAdapters: true, weights: plain });
    expect(manifestOf(folder).adapter).not.toHaveProperty('default');
    expect(existsSync(join(folder, 'adapters'))).toBe(false);
    const session = await openSession(folder);
    expect(session.adapters()).toEqual([]);
    const none = await logitsOf(session);
    expect(relativeError(none, ABLATIONS.get('no_lora/logits')!.data, counted)).toBeLessThan(TOLERANCE);
    await session.addAdapter('first', first);
    session.setAdapter('first');
    expect(relativeError(await logitsOf(session), await inside({ adapter: first }), counted)).toBeLessThan(TOLERANCE);
    await session.dispose();
    // part of an adapter is not none
    const half = join(scratchFolder(), 'half.safetensors');
    const kept = [...stored].filter(([key]) => !key.includes('.lora_A'));
    await writeSafetensors(half, new Map(kept.map(([key, t]) => [key, host(t)])));
    await expect(compiled({ swapAdapters: true, weights: half })).rejects.toMatchObject({ code: 'C0101' });
  });

  it('keeps the adapter that --adapter puts in place of the checkpoint’s', async () => {
    const session = await openSession(await compiled({ swapAdapters: true, adapter: second }));
    expect(relativeError(await logitsOf(session), await inside({ adapter: second }), counted)).toBeLessThan(TOLERANCE);
    await session.dispose();
  });

  it('of some entries takes whole adapters', async () => {
    const folder = await compiled({ swapAdapters: true, entry: ['embed_tokens'] });
    expect(manifestOf(folder).adapter!.others).toHaveLength([...stored.keys()].filter(isAdapter).length);
    const session = await openSession(folder);
    await session.addAdapter('first', first);
    await session.dispose();
  });

  it('is not made where there is nothing to swap', async () => {
    await expect(compiled({ swapAdapters: true, set: ['lora=false'] })).rejects.toMatchObject({
      code: 'C0208',
      notes: ['the model has no adapters under these settings'],
    });
    await expect(compiled({ swapAdapters: true, mergeLora: true })).rejects.toMatchObject({ code: 'C0103' });
  });
});

describe('in a page', () => {
  it('is the same, with adapters from URLs', async () => {
    const folder = await compiled({ swapAdapters: true });
    const server = createServer((request, response) => {
      const [, place, ...path] = (request.url ?? '').split('/');
      readFile(join(place === 'first' ? first : folder, ...path)).then(
        // a connection that is kept closes at 5 s, just when a busy machine asks again
        (bytes) => response.writeHead(200, { connection: 'close' }).end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const { locate: _, ...source } = await page.openModel(`${origin}/model`);
      // the WebAssembly build for Node takes weights as bytes, a page takes URLs
      const session = await page.openSession(source);
      expect(session.adapters()).toEqual([{ name: 'default', active: true }]);
      expect(relativeError(await logitsOf(session), output('logits').data, counted)).toBeLessThan(TOLERANCE);
      await session.addAdapter('first', `${origin}/first`);
      session.setAdapter('first');
      const swapped = await logitsOf(session);
      expect(relativeError(swapped, await inside({ adapter: first }), counted)).toBeLessThan(TOLERANCE);
      session.setAdapter(null);
      const none = await logitsOf(session);
      expect(relativeError(none, ABLATIONS.get('no_lora/logits')!.data, counted)).toBeLessThan(TOLERANCE);
      await session.dispose();
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
