/** Each kind of data with the example that it trains, in a folder of its own. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { folderWith } from '../support/folder.ts';
import { noise } from './support.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const EMOJI = join(ROOT, 'node_modules/emoji-datasource-twitter/img/twitter/64');

/** Faces, hearts and cats by their code points. */
const PICTURES = {
  cat: ['1f638', '1f639', '1f63a', '1f63b', '1f63c', '1f63d'],
  face: ['1f600', '1f603', '1f604', '1f606', '1f60a', '1f642'],
  heart: ['1f499', '1f49a', '1f49b', '1f49c', '1f9e1', '1f5a4'],
};

export function emojiFolder(): string {
  const folder = folderWith();
  for (const [name, codes] of Object.entries(PICTURES)) {
    mkdirSync(join(folder, name));
    for (const code of codes) copyFileSync(join(EMOJI, `${code}.png`), join(folder, name, `${code}.png`));
  }
  return folder;
}

/** images f32 [120, 16]; the class is that of the largest of its first three numbers. */
export function arraysFolder(): string {
  const x = noise(120 * 16, 3);
  const labels = BigInt64Array.from({ length: 120 }, (_, row) => {
    const first = [...x.subarray(16 * row, 16 * row + 3)];
    return BigInt(first.indexOf(Math.max(...first)));
  });
  return folderWith({
    'rows.safetensors': encodeSafetensors(
      new Map(
        Object.entries({
          images: { dtype: 'f32', shape: [120, 16], data: x } as const,
          labels: { dtype: 'i64', shape: [120], data: labels } as const,
        }),
      ),
    ),
  });
}

export const example = (name: string): string => join(ROOT, 'examples', `${name}.mdl`);
export const DOCS = join(ROOT, 'docs');
