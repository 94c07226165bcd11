/**
 * Writing seeded weights as a stream: bytes per second against a plain write of as many bytes, and peak memory at
 * one size and at twice that size, where it should be the same.
 *
 * `MDL_BENCH_DIR` names a folder on the disk to measure (1 GB is needed).
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { initialise } from '../src/runtime/index.ts';
import { fromBrainHalves, fromHalves, toHalves } from '../src/runtime/weights/halves.ts';
import { MODEL, mb, mdl, table, times, withFolder } from './support.ts';

/** Blocks of the vision encoder, 101 MB each; without Q-Former the rest of the entry is small. */
const BLOCKS = [3, 6];
const LIMIT_MB = 700;
const CHUNK = 1 << 22;

export default async function write(): Promise<void> {
  const rows: string[][] = [];
  let before: { readonly bytes: number; readonly peak: number } | undefined;
  for (const blocks of BLOCKS) {
    const written = await withFolder(async (folder) => {
      const settings = ['--set', `vit.depth=${blocks}`, '--set', 'q_former=false', '--entry', 'encode_image'];
      const { seconds, megabytes, stdout } = await mdl(
        '--json',
        'compile',
        MODEL,
        '--init',
        '0',
        ...settings,
        '--out',
        folder,
      );
      const { manifest } = JSON.parse(stdout) as { manifest: { weights: { files: { bytes: number }[] } } };
      const bytes = manifest.weights.files.reduce((sum, file) => sum + file.bytes, 0);
      return { seconds, megabytes, bytes };
    });
    const plain = await withFolder((folder) => plainWrite(join(folder, 'plain'), written.bytes));
    const rate = written.bytes / 1e6 / written.seconds;
    const plainRate = written.bytes / 1e6 / plain;
    const growth = before
      ? `${(((written.megabytes - before.peak) * 1e6) / (written.bytes - before.bytes)).toFixed(3)} B/B`
      : '';
    rows.push([
      mb(written.bytes / 1e6),
      `${rate.toFixed(0)} MB/s`,
      `${plainRate.toFixed(0)} MB/s`,
      times(rate / plainRate),
      mb(written.megabytes),
      times(written.megabytes / LIMIT_MB),
      growth,
    ]);
    before = { bytes: written.bytes, peak: written.megabytes };
  }
  const head = ['weights', 'compile --init', 'plain write', 'ratio', 'peak RSS', `of ${LIMIT_MB} MB`, 'growth'];
  table('seeded weights, streamed to disk', head, rows);
  generators();
  conversions();
}

/** Seconds to write zeros of the same size, in chunks of the same size, and to reach the disk. */
async function plainWrite(path: string, bytes: number): Promise<number> {
  const chunk = new Uint8Array(CHUNK).fill(1);
  const began = performance.now();
  const handle = await open(path, 'wx');
  for (let left = bytes; left > 0; left -= CHUNK) await handle.write(chunk, 0, Math.min(CHUNK, left));
  await handle.sync();
  await handle.close();
  return (performance.now() - began) / 1000;
}

/** What making the numbers costs, without the disk. */
function generators(): void {
  const shape = [1 << 21];
  const kinds = [
    { kind: 'zeros' },
    { kind: 'uniform', low: -1, high: 1 },
    { kind: 'normal', mean: 0, std: 0.02 },
    { kind: 'truncated_normal', mean: 0, std: 0.02, a: -2, b: 2 },
  ] as const;
  const rows = kinds.map((spec) => {
    initialise(spec, { seed: 0, key: 'warm', shape }, 0, 1 << 16);
    const began = performance.now();
    initialise(spec, { seed: 0, key: 'x', shape });
    const seconds = (performance.now() - began) / 1000;
    return [spec.kind, `${((4 * shape[0]!) / 1e6 / seconds).toFixed(0)} MB/s`];
  });
  table('initialisers alone, one core', ['', 'f32'], rows);
}

/** Half precision to and from f32, the fastest of several runs over weights of a usual size. */
function conversions(): void {
  const floats = new Float32Array(1 << 22);
  const kind = { kind: 'normal', mean: 0, std: 0.02 } as const;
  floats.set(initialise(kind, { seed: 0, key: 'x', shape: [floats.length] }));
  const halves = toHalves(floats);
  const work: readonly (readonly [string, () => unknown])[] = [
    ['f32 to f16', () => toHalves(floats)],
    ['f16 to f32', () => fromHalves(halves, floats, 0)],
    ['bf16 to f32', () => fromBrainHalves(halves, floats, 0)],
  ];
  const rows = work.map(([name, convert]) => {
    const seconds = Array.from({ length: 7 }, () => {
      const began = performance.now();
      convert();
      return (performance.now() - began) / 1000;
    });
    return [name, `${(floats.length / 1e6 / Math.min(...seconds)).toFixed(0)} M/s`];
  });
  table('conversions alone, one core', ['', 'elements'], rows);
}
