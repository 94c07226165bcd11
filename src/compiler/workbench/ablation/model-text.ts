/** The text of a model with all that it imports, as a digest: variants are compared only when they are of one text. */
import { createHash } from 'node:crypto';
import type { Model } from '../../elaborate/model.ts';

export function modelText({ program }: Pick<Model, 'program'>): string {
  const hash = createHash('sha256');
  for (const [path, { source }] of [...program.files].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${path}\0${source.text}\0`);
  return hash.digest('hex').slice(0, 16);
}
