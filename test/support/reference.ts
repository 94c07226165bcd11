/**
 * The reference numbers (made with the authors' PyTorch code): where they are and how to read them.
 *
 * Copies of the small fixtures live in test/fixtures, so that the tests pass alone on a fresh machine. The
 * reader below is deliberately independent of the project's own safetensors reader.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ReferenceTensor {
  readonly dtype: 'F32' | 'I32' | 'I64';
  readonly shape: number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** Absolute path of a file of test/fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

export function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(fixture(name), 'utf8')) as T;
}

const ARRAYS = { F32: Float32Array, I32: Int32Array, I64: BigInt64Array } as const;

export function readTensors(path: string): Map<string, ReferenceTensor> {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: 'F32' | 'I32' | 'I64'; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, ReferenceTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const slice = new Uint8Array(
      bytes.subarray(8 + headerLength + data_offsets[0], 8 + headerLength + data_offsets[1]),
    );
    tensors.set(name, { dtype, shape, data: new ARRAYS[dtype](slice.buffer) });
  }
  return tensors;
}

/** Largest |actual − expected| over the largest |expected| (at least 1e-3), optionally over some elements only. */
export function relativeError(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  counts: (index: number) => boolean = () => true,
): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  let largest = 1e-3;
  for (let i = 0; i < expected.length; i++) {
    if (!counts(i)) continue;
    const want = Number(expected[i]);
    const off = Math.abs(Number(actual[i]) - want);
    if (!(off <= worst)) worst = off; // also takes NaN
    largest = Math.max(largest, Math.abs(want));
  }
  return worst / largest;
}
