/** Servers without range requests, and checkpoints of several files. */
import { symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SafetensorsFile } from '../../../src/runtime/safetensors.ts';
import { openCheckpoint } from '../../../src/runtime/weights/checkpoint.node.ts';
import { staysInside } from '../../../src/runtime/weights/checkpoint.ts';
import { encodeSafetensors } from '../../../src/runtime/weights/encode.ts';
import { urlSource } from '../../../src/runtime/weights/source.browser.ts';
import { writeSafetensors } from '../../../src/runtime/weights/write.node.ts';
import { folderWith } from '../../support/folder.ts';
import { provokes } from '../support.ts';
import { f32 } from './safetensors-support.ts';

let directory: string;

beforeAll(() => {
  directory = folderWith();
});

async function serving(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  use: (url: string) => Promise<unknown>,
): Promise<void> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('a server without range requests', () => {
  const bytes = encodeSafetensors(new Map([['w', f32([2], [1, 2])]]), { format: 'pt' });
  // RFC 9110, 14.2: "A server MAY ignore the Range header field", and then answers 200 with the whole file
  const cases: readonly [string, number, (request: number) => boolean][] = [
    ['that sends the whole file to every request', 1, () => false],
    ['behind a cache that forgets ranges after the first', 2, (request) => request === 0],
  ];
  for (const [title, most, ranged] of cases)
    it(title, async () => {
      let requests = 0;
      await serving(
        (_, response) =>
          ranged(requests++)
            ? response.writeHead(206, { 'Content-Range': `bytes 0-0/${bytes.length}` }).end(bytes.subarray(0, 1))
            : response.writeHead(200).end(bytes),
        async (url) => {
          const file = await SafetensorsFile.open(await urlSource(`${url}/w`));
          expect([...(await file.read('w')).data]).toEqual([1, 2]);
          expect(requests).toBe(most);
        },
      );
    });

  it('sends more than is kept, announced or not, or does not say how much there is', async () => {
    const heads = [{ 'Content-Length': String(bytes.length) }, {}];
    for (const head of heads)
      await serving(
        (_, response) => response.writeHead(200, head).end(bytes),
        (url) => provokes('R0118', () => urlSource(`${url}/w`, bytes.length - 1)),
      );
    await serving(
      (_, response) => response.writeHead(206, { 'Content-Range': 'bytes 0-0/*' }).end(bytes.subarray(0, 1)),
      (url) => provokes('R0118', () => urlSource(`${url}/w`)),
    );
  });
});

describe('checkpoints of several files', () => {
  async function folder(shards: Record<string, string[]>, weightMap?: unknown): Promise<string> {
    const path = folderWith();
    let value = 0;
    for (const [shard, keys] of Object.entries(shards)) {
      await writeSafetensors(join(path, shard), new Map(keys.map((key) => [key, f32([1], [++value])])));
    }
    if (weightMap !== undefined) await writeFile(join(path, 'model.safetensors.index.json'), JSON.stringify(weightMap));
    return path;
  }
  const two = { 'one.safetensors': ['a', 'b'], 'two.safetensors': ['c'] };
  const map = { a: 'one.safetensors', b: 'one.safetensors', c: 'two.safetensors' };

  it('a directory with an index, the index itself, and a directory without one', async () => {
    const path = await folder(two, { metadata: { total_size: 12 }, weight_map: map });
    for (const from of [path, join(path, 'model.safetensors.index.json'), await folder(two)]) {
      const checkpoint = await openCheckpoint(from);
      expect([...checkpoint.tensors.keys()].sort()).toEqual(['a', 'b', 'c']);
      expect([...(await checkpoint.read('c')).data]).toEqual([3]);
      await provokes('R0111', () => checkpoint.read('d'));
      await checkpoint.close();
    }
  });

  it('refuses indexes that lie', async () => {
    const index = (weight_map: unknown) => ({ weight_map });
    const cases = [
      ['R0113', { ...map, c: '../two.safetensors' }],
      ['R0113', { ...map, c: '/etc/passwd' }],
      ['R0114', { ...map, d: 'two.safetensors' }],
      ['R0116', { a: 'one.safetensors', c: 'two.safetensors' }],
      ['R0117', { ...map, c: 2 }],
      ['R0118', { ...map, c: 'three.safetensors' }],
    ] as const;
    for (const [code, weightMap] of cases) {
      const path = await folder(two, index(weightMap));
      await provokes(code, () => openCheckpoint(path));
    }
    await provokes('R0117', async () => openCheckpoint(await folder(two, {})));
    const broken = await folder(two, {});
    await writeFile(join(broken, 'model.safetensors.index.json'), '{');
    await provokes('R0117', () => openCheckpoint(broken));
    await writeFile(join(broken, 'model.safetensors.index.json'), '{"weight_map":{"a":"one.safetensors","a":"x"}}');
    await provokes('R0104', () => openCheckpoint(broken));
    // each of these codes by its own name, for the meta-test
    await provokes('R0114', async () => openCheckpoint(await folder(two, index({ ...map, d: 'one.safetensors' }))));
    await provokes('R0116', async () => openCheckpoint(await folder(two, index({ a: 'one.safetensors' }))));
    await provokes('R0113', async () => openCheckpoint(await folder(two, index({ a: 'C:\\one.safetensors' }))));
  });

  it('refuses a tensor in two files', async () => {
    const path = await folder({ 'one.safetensors': ['a'], 'two.safetensors': ['a'] });
    const message = await provokes('R0115', () => openCheckpoint(path));
    expect(message).toContain('one.safetensors');
    expect(message).toContain('two.safetensors');
  });

  it('refuses a link that leads out of the directory', async () => {
    const outside = await folder({ 'two.safetensors': ['c'] });
    const path = await folder({ 'one.safetensors': ['a', 'b'] }, { weight_map: map });
    await symlink(join(outside, 'two.safetensors'), join(path, 'two.safetensors'));
    await provokes('R0113', () => openCheckpoint(path));
  });

  it('refuses paths with nothing in them', async () => {
    await provokes('R0118', () => openCheckpoint(join(directory, 'missing')));
    await provokes('R0118', async () => openCheckpoint(await folder({})));
  });

  it('knows which names stay inside', () => {
    for (const name of ['a.safetensors', 'sub/a.safetensors']) expect(staysInside(name)).toBe(true);
    for (const name of ['', '/a', '\\a', 'C:a', 'a/../b', '..', './a', 'a//b', 'a\\..\\b', 'a\0'])
      expect(staysInside(name)).toBe(false);
  });
});
