/**
 * Scenes: which things stand where on a white square, and which scenes are held out.
 *
 * Places and sizes are whole numbers of twentieths of the side ("units"), so the integers of boxes (0 … 100) are
 * multiples of five: few distinct words for a small language model, and still finer than IoU > 0.5 asks for.
 *
 * Train and held-out are disjoint by construction, whatever the seed: `splitOf` is a fixed function of a scene, and a
 * scene that falls on the other side is thrown again.
 *   several kinds of things   held out if any two of them are a held-out pair; one pair in ten is, and the two are
 *                             never in one picture in training
 *   one kind of thing         one arrangement (thing, places, sizes) in five is
 */
import type { RgbImage } from '../../../../runtime/image/rgb.ts';
import { type Dice, hash32 } from '../../../data/dice.ts';
import { paste, tint, whiteCanvas } from '../../../data/pixels.ts';
import type { Thing } from '../example.ts';
import type { Split } from '../options.ts';
import type { Concept } from './concepts.ts';
import type { Pictures } from './pictures.node.ts';

/** The side of a canvas, in units. Sides of things are even numbers of them, so that few sizes are ever drawn. */
export const UNITS = 20;

export interface Placed {
  readonly concept: Concept;
  /** of the top left corner, and the side of its square, in units */
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

export interface Scene {
  /** from left to right by their centres, then from the top */
  readonly placed: readonly Placed[];
  /** a small change of colour: of red, green, blue against white */
  readonly gains: readonly [number, number, number];
}

type Place = Omit<Placed, 'concept'>;

/** Whether two different things are never seen together in training. */
export function isHeldOutPair(a: Concept, b: Concept): boolean {
  return hash32([a.shortName, b.shortName].sort().join('+')) % 10 === 0;
}

/** The pairs that training never combines. */
export function heldOutPairs(concepts: readonly Concept[]): readonly (readonly [Concept, Concept])[] {
  return concepts.flatMap((a, i) =>
    concepts.slice(i + 1).flatMap((b) => (isHeldOutPair(a, b) ? [[a, b] as const] : [])),
  );
}

export function splitOf({ placed }: Pick<Scene, 'placed'>): Split {
  const kinds = [...new Set(placed.map(({ concept }) => concept))];
  const heldOut =
    kinds.length > 1
      ? kinds.some((a, i) => kinds.slice(i + 1).some((b) => isHeldOutPair(a, b)))
      : hash32(placed.map(({ concept, x, y, size }) => `${concept.shortName} ${x} ${y} ${size}`).join()) % 5 === 0;
  return heldOut ? 'held-out' : 'train';
}

/** How a scene is thrown. */
export type SceneMaker = (concepts: readonly Concept[], dice: Dice) => readonly Placed[];

/** One thing, of four fifths of the side up to all of it. */
export const single: SceneMaker = (concepts, dice) => {
  const size = 2 * dice.between(8, UNITS / 2);
  return [{ concept: dice.pick(concepts), size, x: dice.between(0, UNITS - size), y: dice.between(0, UNITS - size) }];
};

/** `count` different things. */
export function several(count: number): SceneMaker {
  return (concepts, dice) => {
    const chosen = distinct(concepts, count, dice);
    return scatter(count, dice).map((place, i) => ({ ...place, concept: chosen[i]! }));
  };
}

/** One to four of the same thing, and often something else beside them. */
export const copies: SceneMaker = (concepts, dice) => {
  const [counted, other] = distinct(concepts, 2, dice) as [Concept, Concept];
  const count = dice.between(1, 4);
  const extra = count < 4 && dice.chance(0.5) ? 1 : 0;
  return scatter(count + extra, dice).map((place, i) => ({ ...place, concept: i < count ? counted : other }));
};

/** Three different things side by side, or one below the other. */
export const row: SceneMaker = (concepts, dice) => {
  const chosen = distinct(concepts, 3, dice);
  const across = dice.chance(0.5);
  const size = 6;
  let slack = UNITS - 3 * size;
  let at = 0;
  const middle = dice.between(2, UNITS - size - 2);
  return chosen.map((concept) => {
    const gap = dice.between(0, slack);
    slack -= gap;
    const along = at + gap;
    at = along + size;
    const beside = middle + dice.between(-2, 2);
    return { concept, size, x: across ? along : beside, y: across ? beside : along };
  });
};

/** A scene of this split. The loop ends: each throw has a chance of at least one in ten or so. */
export function throwScene(make: SceneMaker, concepts: readonly Concept[], split: Split, dice: Dice): Scene {
  for (;;) {
    const placed = [...make(concepts, dice)].sort(byPlace);
    if (splitOf({ placed }) !== split) continue;
    const gain = (): number => 0.9 + 0.2 * dice.unit();
    return { placed, gains: [gain(), gain(), gain()] };
  }
}

function byPlace(a: Place, b: Place): number {
  return 2 * a.x + a.size - (2 * b.x + b.size) || a.y - b.y;
}

function distinct(concepts: readonly Concept[], count: number, dice: Dice): Concept[] {
  const chosen = new Set<Concept>();
  while (chosen.size < count) chosen.add(dice.pick(concepts));
  return [...chosen];
}

/**
 * Up to four squares, each in a quarter of its own. Things that may stand anywhere ask for a vision model that has seen
 * far more pictures than the nano one will: it looks at 4 × 4 patches, and a quarter is 2 × 2 of them.
 */
function scatter(count: number, dice: Dice): Place[] {
  const half = UNITS / 2;
  const first = dice.below(4);
  const step = dice.chance(0.5) ? 1 : 3;
  return Array.from({ length: count }, (_, i) => {
    const quarter = (first + i * step) % 4;
    const size = dice.pick([8, 10]);
    const [dx, dy] = [dice.between(0, half - size), dice.between(0, half - size)];
    return { size, x: (quarter % 2) * half + dx, y: (quarter >> 1) * half + dy };
  });
}

export function thingOf({ concept: { noun, category }, x, y, size }: Placed): Thing {
  const percent = 100 / UNITS;
  return {
    noun,
    category,
    box: { x1: x * percent, y1: y * percent, x2: (x + size) * percent, y2: (y + size) * percent },
  };
}

/**
 * The scene as a picture of side × side pixels. Corners and sides are rounded to pixels apart, so a thing has one size
 * in pixels wherever it stands.
 */
export function drawScene({ placed, gains }: Scene, side: number, pictures: Pictures): RgbImage {
  const canvas = whiteCanvas(side);
  const pixel = (units: number): number => Math.round((units * side) / UNITS);
  for (const { concept, x, y, size } of placed) {
    const width = Math.max(1, pixel(size));
    paste(canvas, pictures(concept, width), Math.min(pixel(x), side - width), Math.min(pixel(y), side - width));
  }
  tint(canvas, gains);
  return canvas;
}
