/** Emoji scenes with what covers each patch: the data of vision.mdl. */
import { diceOf } from '../../src/recipes/data/dice.ts';
import { normaliseInto } from '../../src/recipes/data/pixels.ts';
import { openPictures } from '../../src/recipes/vision-language/data/emoji/pictures.node.ts';
import {
  copies,
  drawScene,
  type Placed,
  row,
  several,
  single,
  throwScene,
  UNITS,
} from '../../src/recipes/vision-language/data/emoji/scene.ts';
import { chooseConcepts } from '../../src/recipes/vision-language/data/emoji.node.ts';
import { CLIP_MEAN, CLIP_STD } from '../../src/runtime/image/preprocess.ts';
import type { DataSource } from '../../src/runtime/train/data-source.ts';

/** Each as frequent as any other. */
const SCENES = [single, several(2), several(3), several(4), copies, row];
/** The part of a patch that a thing covers at least. */
const COVERED = 0.2;
/** what cross_entropy ignores */
const NOWHERE = -100n;

/** @param side of the pictures, pixels; @param grid patches along a side */
export function patchBatches(batchSize: number, side: number, grid: number): DataSource {
  const concepts = chooseConcepts();
  const number = new Map(concepts.map((concept, i) => [concept, BigInt(i)]));
  const pictures = openPictures(concepts);
  const dices = diceOf(1, 'vision/train');
  const patches = grid ** 2;
  return {
    name: 'emoji by patch',
    batch(step) {
      const pixels = new Float32Array(batchSize * 3 * side ** 2);
      const kinds = new BigInt64Array(batchSize * patches).fill(BigInt(concepts.length));
      const edges = new BigInt64Array(batchSize * patches * 4).fill(NOWHERE);
      for (let b = 0; b < batchSize; b++) {
        const dice = dices(step * batchSize + b);
        const scene = throwScene(dice.pick(SCENES), concepts, 'train', dice);
        normaliseInto(pixels, b, drawScene(scene, side, pictures), CLIP_MEAN, CLIP_STD);
        for (let patch = 0; patch < patches; patch++) {
          const thing = covering(scene.placed, patch, grid);
          if (!thing) continue;
          const at = b * patches + patch;
          kinds[at] = number.get(thing.concept)!;
          edges.set([thing.x, thing.y, thing.x + thing.size, thing.y + thing.size].map(BigInt), 4 * at);
        }
      }
      return Promise.resolve({
        feeds: {
          pixel_values: { dtype: 'f32', shape: [batchSize, 3, side, side], data: pixels },
          kind_of: { dtype: 'i64', shape: [batchSize, patches], data: kinds },
          edges_of: { dtype: 'i64', shape: [batchSize, patches, 4], data: edges },
        },
        tokens: batchSize * patches,
        rows: batchSize,
      });
    },
  };
}

/** The thing that covers most of a patch, and enough of it. */
function covering(placed: readonly Placed[], patch: number, grid: number): Placed | undefined {
  const side = UNITS / grid;
  const [left, top] = [(patch % grid) * side, Math.floor(patch / grid) * side];
  let most = COVERED * side ** 2;
  let found: Placed | undefined;
  for (const thing of placed) {
    const width = Math.min(left + side, thing.x + thing.size) - Math.max(left, thing.x);
    const height = Math.min(top + side, thing.y + thing.size) - Math.max(top, thing.y);
    if (width <= 0 || height <= 0 || width * height < most) continue;
    most = width * height;
    found = thing;
  }
  return found;
}
