/** Frequencies of a rotary embedding, read off the tables of cosines and sines that a file holds, each row of which is checked. */
import { frequencyOf } from '../../shared/rotary.ts';
import type { TableNumbers } from './matcher.ts';
import { shortest } from './operators.ts';

export interface Frequencies {
  readonly theta: number;
  /** radians a position of each pair, where they are not theta^(−2i/dims) */
  readonly frequencies?: readonly number[];
}

/** A table of float32 whose angles were computed in float32. */
const ABSOLUTE = 2e-6;
const RELATIVE = 1.2e-7;

export function frequenciesOf(cosines: TableNumbers, sines: TableNumbers): Frequencies | undefined {
  const { rows, width } = cosines;
  if (rows !== sines.rows || width !== sines.width || rows < 2 || width < 1) return undefined;
  const measured = Array.from({ length: width }, (_, pair) => frequencyAt(cosines, sines, pair));
  const dims = 2 * width;
  const theta = thetaOf(measured, dims);
  if (theta !== undefined) {
    const usual = measured.map((_, pair) => frequencyOf(pair, dims, theta));
    if (holds(cosines, sines, usual)) return { theta };
  }
  return holds(cosines, sines, measured) ? { theta: 10000, frequencies: measured } : undefined;
}

/** As theta, where that gives float32 numbers that are these. */
export function ofFrequencies(numbers: readonly number[]): Frequencies {
  const dims = 2 * numbers.length;
  const theta = thetaOf(numbers, dims);
  const isTheta =
    theta !== undefined &&
    numbers.every((number, pair) => Math.abs(frequencyOf(pair, dims, theta) / number - 1) < 3e-7);
  return isTheta ? { theta } : { theta: 10000, frequencies: numbers.map(shortest) };
}

/** From the angle of the first row on, each twice as far as the one before, since a row tells its angle but for whole turns. */
function frequencyAt(cosines: TableNumbers, sines: TableNumbers, pair: number): number {
  let found = 0;
  for (let row = 1; row < cosines.rows; row *= 2) {
    const at = row * cosines.width + pair;
    const angle = Math.atan2(sines.data[at]!, cosines.data[at]!);
    const turns = Math.round((found * row - angle) / (2 * Math.PI));
    found = (angle + 2 * Math.PI * turns) / row;
  }
  return found;
}

/** theta with pair i at theta^(−2i/dims), as a person would have written it. */
function thetaOf(measured: readonly number[], dims: number): number | undefined {
  if (measured.length < 2) return undefined;
  const last = measured.length - 1;
  const theta = measured[last]! ** (-dims / (2 * last));
  if (!(theta > 1) || !Number.isFinite(theta)) return undefined;
  for (let digits = 1; digits <= 6; digits++) {
    const written = Number(theta.toPrecision(digits));
    const near = measured.every((frequency, pair) => Math.abs(frequencyOf(pair, dims, written) / frequency - 1) < 1e-5);
    if (near) return written;
  }
  return shortest(theta);
}

function holds(cosines: TableNumbers, sines: TableNumbers, frequencies: readonly number[]): boolean {
  for (let row = 0; row < cosines.rows; row++)
    for (const [pair, frequency] of frequencies.entries()) {
      const angle = row * frequency;
      const [at, bound] = [row * cosines.width + pair, ABSOLUTE + RELATIVE * Math.abs(angle)];
      const differs =
        Math.abs(Math.cos(angle) - cosines.data[at]!) > bound || Math.abs(Math.sin(angle) - sines.data[at]!) > bound;
      // NaN is no cosine either
      if (differs || Number.isNaN(cosines.data[at]!) || Number.isNaN(sines.data[at]!)) return false;
    }
  return true;
}
