/**
 * Damaged files of every format: each is read or refused by a RuntimeError, reads no more than it has, and ends. The seed is fixed; a
 * longer run is `MDL_FUZZ=20000 npx vitest run test/runtime/weights/fuzz.test.ts`.
 */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { RuntimeError, runtimeError } from '../../../src/runtime/errors.ts';
import { openWeightsFile } from '../../../src/runtime/weights/open.ts';
import { bytesSource, type RandomAccess } from '../../../src/runtime/weights/source.ts';
import { fixture } from '../../support/reference.ts';
import { counting, weightsFixture } from '../../support/weights-files.ts';

const MUTATIONS = Number(process.env.MDL_FUZZ ?? 300);
const files = readdirSync(fixture('weights'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => {
    const entries = readdirSync(fixture(`weights/${name}`), { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => `${name}/${entry.name}`);
  })
  // the bomb takes its whole budget of values each time
  .filter((name) => weightsFixture(name).length < 40_000 && !name.includes('bomb'));

/** xorshift32 */
function randomOf(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const copy = bytes.slice();
  const place = (): number => (random(2) === 0 ? random(copy.length) : random(Math.min(copy.length, 512)));
  for (let times = 1 + random(4); times > 0; times--) {
    const at = place();
    const kind = random(5);
    if (kind === 0) copy[at]! ^= 1 << random(8);
    else if (kind === 1) copy[at] = random(256);
    else if (kind === 2) copy.fill(random(2) === 0 ? 0xff : 0, at, at + 1 + random(8));
    else if (kind === 3) copy.copyWithin(at, place(), place());
    else return copy.slice(0, at);
  }
  return copy;
}

/** The one file that a fixture names. */
async function beside(file: string): Promise<RandomAccess> {
  if (file !== 'external.data') throw runtimeError('weights_not_opened', { file, reason: 'there is none' });
  return bytesSource(weightsFixture(`onnx/${file}`));
}

/** Streams everything; the bytes that came. */
async function readAll(bytes: Uint8Array): Promise<number> {
  const { source, reads } = counting(bytesSource(bytes));
  let streamed = 0;
  try {
    const file = await openWeightsFile(source, beside);
    for (const key of file.tensors.keys()) for await (const chunk of file.streamFrom(key, 0)) streamed += chunk.length;
  } finally {
    expect(reads.largest).toBeLessThanOrEqual(Math.max(bytes.length, 16));
  }
  return streamed;
}

it.each(files)('%s', async (name) => {
  const bytes = weightsFixture(name);
  const random = randomOf(name.length * 7919 + 17);
  let read = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    try {
      const streamed = await readAll(mutate(bytes, random));
      // an expanded view of 16 MiB at most, or a packed member, may be larger than the file
      expect(streamed).toBeLessThan(1 << 28);
      read++;
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw new Error(`mutation ${i} of ${name}`, { cause: error });
      expect(error.message).not.toMatch(/undefined|\[object/);
    }
  }
  expect(read).toBeLessThanOrEqual(MUTATIONS);
});
