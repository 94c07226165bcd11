/**
 * Speed of the kernel templates on this machine's WebGPU adapter: checks the numbers against float64, then prints
 * GFLOP/s (or GB/s), and how long the pipeline took to compile. Large products are measured in turns with one written by
 * hand for their shape.
 *
 *   npx tsx bench/webgpu/kernels.ts [--profile software|gpu]
 */
import { create, globals } from 'webgpu';
import type { Profile } from '../../src/compiler/backends/wgsl/families/contract.ts';
import { productOfRegisters } from '../../src/compiler/workbench/plan/measure/hand-written.ts';
import { type GemmCase, gemmBench } from '../../test/backends/wgsl/families/gemm-cases.ts';
import { difference } from '../../test/backends/wgsl/families/harness.ts';

Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error('no WebGPU adapter: see docs, or name a Vulkan driver in VK_DRIVER_FILES');
const device = await adapter.requestDevice();

/** median milliseconds of one dispatch */
async function time(submit: (times: number) => void): Promise<number> {
  const once = async (times: number) => {
    const started = performance.now();
    submit(times);
    let done = false;
    void device.queue.onSubmittedWorkDone().then(() => {
      done = true;
    });
    // bare promises spin this thread on some implementations: nap between looks
    while (!done) await new Promise((resolve) => setTimeout(resolve, 1));
    return (performance.now() - started) / times;
  };
  const first = await once(1);
  const times = Math.max(1, Math.min(50, Math.round(60 / first)));
  const samples: number[] = [];
  for (let sample = 0; sample < 7; sample += 1) samples.push(await once(times));
  return samples.sort((a, b) => a - b)[3]!;
}

const GEMMS: readonly Omit<GemmCase, 'profile'>[] = [
  { m: 512, n: 512, k: 512 },
  { m: 512, n: 512, k: 512, transposeB: true },
  { m: 512, n: 512, k: 512, transposeA: true },
  { m: 257, n: 1408, k: 1408, transposeB: true },
  { m: 64, n: 256, k: 256, transposeB: true },
  { m: 64, n: 256, k: 256, transposeB: true, dynamic: true },
  { m: 16, n: 64, k: 64, transposeB: true },
  { m: 1, n: 2560, k: 2560, transposeB: true },
  { m: 1, n: 2560, k: 2560 },
  { m: 1, n: 2560, k: 2560, transposeB: true, dynamic: true },
];

async function gemm(profile: Profile): Promise<void> {
  for (const shape of GEMMS) {
    const { bench, template, expected } = gemmBench({ ...shape, profile });
    const prepared = await bench.prepare(device, template);
    prepared.submit(1);
    const y = (await prepared.read()).get('y')!;
    const error = difference(y, expected());
    const { m, n, k } = shape;
    const ms = await time((times) => prepared.submit(times));
    const byHand =
      m < 128
        ? ''
        : `  ${(await beside(shape, () => time((times) => prepared.submit(times)))).toFixed(2)} of hand-written`;
    const rate =
      m === 1 ? `${((4 * n * k) / ms / 1e6).toFixed(2)} GB/s` : `${((2 * m * n * k) / ms / 1e6).toFixed(2)} GFLOP/s`;
    const layout = `${shape.transposeA ? 'aᵀ' : 'a'}·${shape.transposeB ? 'bᵀ' : 'b'}${shape.dynamic ? ' dynamic' : ''}`;
    console.log(
      `gemm ${`${m}×${n}×${k} ${layout}`.padEnd(30)} ${rate.padStart(14)}  ${ms.toFixed(2).padStart(8)} ms  compile ${prepared.compileMs.toFixed(0).padStart(4)} ms  error ${error.toExponential(1)}${byHand}`,
    );
    prepared.destroy();
  }
}

/** Rounds of a comparison. */
const TURNS = 5;

/** The rate of a product as a part of the hand-written one's over the same numbers (a · b, both as they lie), median of turns. */
async function beside({ m, n, k }: Omit<GemmCase, 'profile'>, ours: () => Promise<number>): Promise<number> {
  const { bench, expected } = gemmBench({ m, n, k, profile: 'software' });
  const hand = await bench.prepare(device, productOfRegisters(m, n, k));
  hand.submit(1);
  const error = difference((await hand.read()).get('y')!, expected());
  if (!(error < 1e-5)) throw new Error(`the hand-written product is wrong: ${error}`);
  const ratios: number[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const theirs = await time((times) => hand.submit(times));
    ratios.push(theirs / (await ours()));
  }
  hand.destroy();
  return ratios.sort((a, b) => a - b)[TURNS >> 1]!;
}

const flag = process.argv.indexOf('--profile');
const profile: Profile = flag > 0 && process.argv[flag + 1] === 'gpu' ? 'gpu' : 'software';
await gemm(profile);
device.destroy();
