/** `mdl export FOLDER --out OTHER`: what transformers reads in the other is what it read in the folder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/runtime/index.ts';
import { fixture } from '../support/reference.ts';
import { folderWith, mdl } from './support.ts';

const NAMES = readdirSync(fixture('folders')).filter((name) =>
  existsSync(fixture(`folders/${name}/model.safetensors`)),
);
/** Keys of a released LLaVA that no state depends on: the layers behind the one that is looked at. */
const NOT_READ = /^(model\.)?vision_tower\..*(encoder\.layers\.\d+\.|post_layernorm\.)/;

let folder: string;
beforeAll(() => {
  folder = folderWith({});
});

async function tensorsOf(path: string): Promise<Map<string, string>> {
  const checkpoint = await openCheckpoint(path);
  try {
    const found = new Map<string, string>();
    for (const [key, { dtype, shape }] of checkpoint.tensors) {
      const { data } = await checkpoint.read(key);
      found.set(
        key,
        `${dtype} [${shape}] ${Buffer.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toString('base64')}`,
      );
    }
    return found;
  } finally {
    await checkpoint.close();
  }
}

describe.each(NAMES)('%s', (name) => {
  it('keeps its tensors, under their keys', async () => {
    const { code, stderr } = await mdl(folder, 'export', fixture(`folders/${name}`), '--out', name);
    expect(code, stderr).toBe(0);
    const [before, after] = [
      await tensorsOf(fixture(`folders/${name}/model.safetensors`)),
      await tensorsOf(join(folder, name, 'model.safetensors')),
    ];
    const lost = [...before.keys()].filter((key) => !after.has(key));
    expect(lost.filter((key) => !(name === 'llava' && NOT_READ.test(key)))).toEqual([]);
    const said = /not written: (\d+) tensors of the folder that the model does not read/.exec(stderr)?.[1];
    expect(Number(said ?? 0)).toBe(lost.length);
    expect([...after].filter(([key, tensor]) => before.get(key) !== tensor).map(([key]) => key)).toEqual([]);
  });

  it('keeps its config letter for letter, but for the type that is written', () => {
    const plain = (path: string) =>
      readFileSync(path, 'utf8')
        .replace(/\s*"(torch_)?dtype": (null|"\w+"),?/g, '')
        .trim();
    expect(plain(join(folder, name, 'config.json'))).toBe(plain(fixture(`folders/${name}/config.json`)));
  });
});
