import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { hostBackend } from '../../src/runtime/backend.host.ts';
import { onnxBackend as onnxWeb } from '../../src/runtime/backend.onnx.browser.ts';
import type { Backend, ModelSource, Tensors } from '../../src/runtime/backend.ts';
import type { FeedTensor } from '../../src/runtime/feeds.ts';
import { openSession } from '../../src/runtime/index.ts';
import { openModel as openModelByUrl } from '../../src/runtime/model.browser.ts';
import { openModel } from '../../src/runtime/model.node.ts';
import { Session } from '../../src/runtime/session.ts';
import { folderWith } from '../support/folder.ts';
import { TINY, writeTinyModel } from './support.onnx.ts';
import { provokes } from './support.ts';

let directory: string;
beforeAll(async () => {
  directory = folderWith();
  await writeTinyModel(directory);
});

const f32 = (shape: number[], ...values: number[]): FeedTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});
const i32 = (shape: number[], ...values: number[]): FeedTensor => ({
  dtype: 'i32',
  shape,
  data: Int32Array.from(values),
});
const on: FeedTensor = { dtype: 'bool', shape: [1], data: Uint8Array.of(1) };

/** A backend that answers what it is told to. */
const answering = (answer: (feeds: Tensors) => Tensors | Promise<Tensors>): Backend =>
  hostBackend({
    name: 'fake',
    loadEntry: async () => ({ run: async (feeds) => answer(feeds), dispose: async () => {} }),
  });

describe('on onnxruntime-node', () => {
  it('runs entries with external weights, loading each at its first run', async () => {
    const session = await openSession(directory, { threads: 1 });
    expect(session.info().entries.scale).toEqual({ loaded: false, runs: 0, milliseconds: 0 });
    const { y } = await session.run('scale', { x: f32([2, 3], 1, 2, 3, 4, 5, 6) });
    expect(y).toEqual({ dtype: 'f32', shape: [2, 3], data: Float32Array.of(2.5, 5, 7.5, 10, 12.5, 15) });
    const info = session.info();
    expect(info).toMatchObject({ model: 'tiny', backend: 'onnxruntime-node (cpu)', weights: 'seed 0' });
    expect(info.entries.scale).toMatchObject({ loaded: true, runs: 1 });
    expect(info.entries.append).toMatchObject({ loaded: false, runs: 0 });
    await session.dispose();
    await provokes('R0214', () => session.run('scale', { x: f32([1, 1], 1) }));
  });

  it('fills an absent cache, grows it, widens i32, passes bool, fetches what is asked for', async () => {
    const session = await openSession(directory);
    const first = await session.run('append', { x: f32([1, 2, 2], 1, 2, 3, 4), mask: i32([1, 2], 1, 1), on });
    expect(first['present.0.key']).toEqual({ dtype: 'f32', shape: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4) });
    expect(first.count).toEqual({ dtype: 'i64', shape: [1], data: BigInt64Array.of(2n) });
    expect(first.off).toEqual({ dtype: 'bool', shape: [1], data: Uint8Array.of(0) });
    const feeds = { x: f32([1, 1, 2], 5, 6), 'past.0.key': first['present.0.key']!, mask: i32([1, 3], 0, 1, 1), on };
    const second = await session.run('append', feeds, { fetch: ['present.0.key'] });
    expect(Object.keys(second)).toEqual(['present.0.key']);
    expect([...second['present.0.key']!.data]).toEqual([1, 2, 3, 4, 5, 6]);
    await session.dispose();
  });

  it('says so when a model has no weights, a graph is damaged, a weights file is missing', async () => {
    const empty = join(directory, 'empty');
    await writeTinyModel(empty, { weights: false });
    await provokes('R0205', async () => (await openSession(empty)).load('scale'));
    const damaged = join(directory, 'damaged');
    await writeTinyModel(damaged);
    await writeFile(join(damaged, 'scale.onnx'), 'nonsense');
    const session = await openSession(damaged);
    await provokes('R0206', () => session.load('scale'));
    await rm(join(damaged, 'weights.bin'));
    await provokes('R0204', () => openModel(damaged));
    await writeFile(join(damaged, 'weights.bin'), 'abc');
    await provokes('R0204', () => openModel(damaged));
  });
});

describe('a model that lies in memory', () => {
  const inMemory = async (): Promise<ModelSource> => {
    const { manifest, read } = await openModel(directory);
    return { location: 'memory', manifest, read };
  };

  it('runs with its external weights, which its `read` gives', async () => {
    const session = await openSession(await inMemory(), { threads: 1 });
    const { y } = await session.run('scale', { x: f32([1, 2], 1, -2) });
    expect([...y!.data]).toEqual([2.5, -5]);
    const appended = await session.run('append', { x: f32([1, 1, 2], 1, 2), mask: i32([1, 1], 1), on });
    expect([...appended.count!.data]).toEqual([1n]);
    await session.dispose();
  });

  it('says so when its weights cannot be read', async () => {
    const source = await inMemory();
    const read = async (file: string): Promise<Uint8Array> => {
      if (file === 'weights.bin') throw new Error('lost');
      return source.read(file);
    };
    await provokes('R0206', async () => (await openSession({ ...source, read })).load('scale'));
  });
});

describe('on onnxruntime-web', () => {
  it('loads graphs and the weights they use over http', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      const file = basename(request.url ?? '');
      asked.push(file);
      readFile(join(directory, file)).then(
        (bytes) => response.writeHead(200).end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model`;
    try {
      const source = await openModelByUrl(url);
      // the WebAssembly build for Node takes weights as bytes, a page takes URLs: leave `locate` out here
      const session = Session.open(source.manifest, {
        backend: onnxWeb({ location: source.location, manifest: source.manifest, read: source.read }),
      });
      await session.run('append', { x: f32([1, 1, 2], 1, 2), mask: i32([1, 1], 1), on });
      expect(asked).toEqual(['manifest.json', 'append.onnx']);
      const { y } = await session.run('scale', { x: f32([1, 2], 1, -2) });
      expect([...y!.data]).toEqual([2.5, -5]);
      expect(asked).toContain('weights.bin');
      await session.dispose();
      await provokes('R0203', () => openModelByUrl(`${url}/manifest/none.json`));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('what is refused before a backend sees it', () => {
  const session = Session.open(TINY, { backend: answering(() => ({})) });
  const good = { x: f32([1, 2, 2], 1, 2, 3, 4), mask: i32([1, 2], 1, 1), on };

  it('R0201: an unknown entry', async () => {
    expect(await provokes('R0201', () => session.run('apend', good))).toContain('did you mean append');
    await provokes('R0201', () => session.run('toString', good));
  });
  it('R0207: a missing input', async () => {
    expect(await provokes('R0207', () => session.run('append', { x: good.x, on }))).toContain('mask [B, P + T]');
  });
  it('R0208: an unknown input', async () => {
    expect(await provokes('R0208', () => session.run('append', { ...good, maks: good.mask }))).toContain(
      'did you mean mask',
    );
  });
  it('R0209: another dtype', async () => {
    await provokes('R0209', () => session.run('append', { ...good, mask: f32([1, 2], 1, 1) }));
    await provokes('R0209', () => session.run('append', { ...good, x: i32([1, 1, 2], 1, 1) }));
    await provokes('R0209', () =>
      session.run('append', { ...good, x: { dtype: 'i64', shape: [1, 1, 2], data: Float32Array.of(1, 2) } }),
    );
  });
  it('R0210: another rank, static size or element count', async () => {
    await provokes('R0210', () => session.run('append', { ...good, x: f32([1, 2], 1, 2) }));
    await provokes('R0210', () => session.run('append', { ...good, x: f32([1, 1, 3], 1, 2, 3) }));
    await provokes('R0210', () => session.run('append', { ...good, x: f32([1, 2, 2], 1, 2, 3) }));
  });
  it('R0211: sizes that contradict each other', async () => {
    const message = await provokes('R0211', () => session.run('append', { ...good, mask: i32([1, 3], 1, 1, 1) }));
    expect(message).toContain('axis 1 of mask of append is 3 and P + T is 2');
    await provokes('R0211', () => session.run('append', { ...good, mask: i32([2, 1], 1, 1) }));
  });
  it('R0213: an unknown output', async () => {
    await provokes('R0213', () => session.run('append', good, { fetch: ['cuont'] }));
  });
});

describe('what a backend does wrong', () => {
  const x = { x: f32([1, 1], 1) };
  const run = (backend: Backend) => Session.open(TINY, { backend }).run('scale', x);
  it('R0212: outputs that are not those of the manifest', async () => {
    await provokes('R0212', () => run(answering(() => ({}))));
    await provokes('R0212', () =>
      run(answering(() => ({ y: { dtype: 'i64', shape: [1, 1], data: BigInt64Array.of(1n) } }))),
    );
    await provokes('R0212', () =>
      run(answering(() => ({ y: { dtype: 'f32', shape: [1], data: Float32Array.of(1) } }))),
    );
  });
  it('R0215: failing', async () => {
    expect(
      await provokes('R0215', () => run(answering(() => Promise.reject(new Error('index out of range'))))),
    ).toContain('index out of range');
  });
  it('R0206: not loading, and being asked again the next time', async () => {
    let attempts = 0;
    const session = Session.open(TINY, {
      backend: hostBackend({ name: 'fake', loadEntry: () => Promise.reject(new Error(`no ${++attempts}`)) }),
    });
    await provokes('R0206', () => session.load('scale'));
    expect(await provokes('R0206', () => session.load('scale'))).toContain('no 2');
    await session.dispose();
  });
  it('R0216: not being there', async () => {
    await provokes('R0216', () => openSession(directory, { backend: 'webgpu' }));
  });
});

describe('the manifest', () => {
  it('R0203: nothing to open', () => provokes('R0203', () => openModel(join(directory, 'nowhere'))));
  it('R0202: each field that is not as the compiler writes it', async () => {
    const path = join(directory, 'spoiled.json');
    const scale = TINY.entries.scale!;
    const { onnx } = TINY.targets;
    const spoiled: unknown[] = [
      [],
      { ...TINY, version: 1 },
      { ...TINY, format: 'mdl-onnx', version: 1 },
      { ...TINY, model: null },
      { ...TINY, targets: {} },
      { ...TINY, targets: { onnx: { ...onnx, opset: '17' } } },
      { ...TINY, targets: { onnx: { ...onnx, files: { scale: '../scale.onnx' } } } },
      { ...TINY, targets: { onnx: { ...onnx, files: { other: 'scale.onnx' } } } },
      { ...TINY, targets: { onnx: { ...onnx, weights: [{ file: '/etc/passwd', bytes: 1 }] } } },
      { ...TINY, targets: { onnx: { ...onnx, weights: [{ file: 'w' }] } } },
      { ...TINY, targets: { onnx: { ...onnx, training: { stage: 'one' } } } },
      { ...TINY, targets: { onnx, webgpu: { plan: '../plan.json', weights: [] } } },
      { ...TINY, entries: null },
      { ...TINY, entries: { scale: 1 } },
      { ...TINY, entries: { scale: { ...scale, inputs: [{ name: 'x', dtype: 'f16', shape: [] }] } } },
      { ...TINY, entries: { scale: { ...scale, inputs: [{ name: 'x', dtype: 'f32', shape: [-1] }] } } },
      { ...TINY, entries: { scale: { ...scale, outputs: [{}] } } },
      { ...TINY, entries: { scale: { ...scale, cache: [{ past: 'p', present: 'y', axis: 0 }] } } },
      { ...TINY, entries: { scale: { ...scale, cache: [{ past: 'x', present: 'y', axis: 2 }] } } },
      { ...TINY, weights: 1 },
    ];
    for (const manifest of spoiled) {
      await writeFile(path, JSON.stringify(manifest));
      await provokes('R0202', () => openModel(path));
    }
    await writeFile(path, '{');
    await provokes('R0202', () => openModel(path));
  });
});
