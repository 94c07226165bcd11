/**
 * A step of TinyGPT-V's stage 2: where the time goes, what rate its matrix products reach beside ONNX Runtime's own
 * MatMul in the same process, what is copied for the optimiser, and what recomputation does to memory at 12 layers.
 *
 * Aims: half of MatMul's rate where products dominate; the optimiser copies trained tensors and their state only; a third
 * of the saved activations with recomputation, for the same gradients.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mb, ms, node, table, times, withFolder } from './support.ts';
import type { StepReport, StepRequest } from './training/step.ts';

const LARGE = ['phi.hidden_size=512', 'phi.intermediate_size=2048', 'phi.num_heads=8', 'phi.num_layers=6'];
const WIDE = ['phi.hidden_size=1024', 'phi.intermediate_size=4096', 'phi.num_heads=16', 'phi.num_layers=3'];
const RUNS: readonly { readonly name: string; readonly request: StepRequest }[] = [
  { name: 'nano, emoji', request: { set: [], steps: 12, recompute: false, peers: true } },
  {
    name: '512 wide, 6 layers',
    request: { set: LARGE, batch: { rows: 4, length: 128 }, steps: 5, recompute: false, peers: true },
  },
  {
    name: '1024 wide, 3 layers',
    request: { set: WIDE, batch: { rows: 4, length: 128 }, steps: 4, recompute: false, peers: true },
  },
];
const DEEP: StepRequest = {
  set: ['phi.num_layers=12'],
  batch: { rows: 16, length: 128 },
  steps: 3,
  recompute: false,
  peers: false,
};

export default async function train(): Promise<void> {
  const measured: { readonly name: string; readonly report: StepReport }[] = [];
  for (const { name, request } of RUNS) measured.push({ name, report: await step(request) });
  time(measured);
  rates(measured);
  copies(measured);
  await recomputation();
}

async function step(request: StepRequest): Promise<StepReport> {
  const { stdout } = await node('--expose-gc', '--import', 'tsx', 'bench/training/step.ts', JSON.stringify(request));
  return JSON.parse(stdout) as StepReport;
}

type Measured = readonly { readonly name: string; readonly report: StepReport }[];

function time(measured: Measured): void {
  const rows = measured.map(({ name, report: { dims, fastest, median, forward, memory, nodes } }) => [
    `${name}, ${dims.B} × ${dims.T}`,
    ms(fastest.feed),
    ms(forward),
    ms(Math.max(fastest.step - forward, 0)),
    ms(fastest.update),
    ms(median.feed + median.step + median.update),
    mb(memory.peak),
    `${nodes.graph}, ${nodes.onnx}`,
  ]);
  const head = ['', 'feed', 'forward', 'backward', 'update', 'median step', 'peak RSS', 'nodes: graph, ONNX'];
  table('a step of stage 2 (fastest of each part)', head, rows);
}

/** One thread by processor time, which other work on the machine hardly changes; the last column is the clock's. */
function rates(measured: Measured): void {
  const rows = measured.map(({ name, report: { flops, fastest, rates } }) => {
    const { step, mlp, square } = rates!;
    return [
      name,
      (flops.forward / 1e9).toFixed(2),
      (flops.backward / 1e9).toFixed(2),
      step.toFixed(0),
      mlp.toFixed(0),
      times(step / mlp),
      square.toFixed(0),
      times(step / square),
      ((flops.forward + flops.backward) / (fastest.step * 1e6)).toFixed(0),
    ];
  });
  const mlp = 'MatMul, MLP shape';
  const head = [
    '',
    'forward GFLOP',
    'backward',
    'GFLOP/s',
    mlp,
    'of it',
    'MatMul, 512³',
    'of it',
    'all threads, clock',
  ];
  table('forward and backward beside MatMul in the same process, one thread', head, rows);
}

function copies(measured: Measured): void {
  const kb = (bytes: number): string => `${(bytes / 1e3).toFixed(1)} kB`;
  const rows = measured.flatMap(({ name, report: { copied, trainedBytes, frozenBytes, slots } }) => {
    const { gradient, update } = copied as Required<StepReport['copied']>;
    // new parameters and new state
    const least = trainedBytes * (1 + slots);
    return [
      [`${name}: gradient`, kb(gradient!.fed), kb(gradient!.fetched), kb(trainedBytes), kb(frozenBytes), ''],
      [`${name}: update`, kb(update!.fed), kb(update!.fetched), kb(trainedBytes), '0', times(update!.fetched / least)],
    ];
  });
  const head = ['', 'fed', 'fetched', 'trained', 'frozen, mapped once', 'fetched of trained × (1 + slots)'];
  table('bytes copied at each step', head, rows);
}

async function recomputation(): Promise<void> {
  await withFolder(async (folder) => {
    const files = [join(folder, 'kept'), join(folder, 'again')] as const;
    const kept = await step({ ...DEEP, gradients: files[0] });
    const again = await step({ ...DEEP, gradients: files[1], recompute: true });
    const above = ({ memory }: StepReport): number => memory.peak - memory.before;
    const row = (name: string, report: StepReport): string[] => [
      name,
      mb(report.savedBytes / 1e6),
      times(kept.savedBytes / report.savedBytes),
      mb(above(report)),
      times(above(kept) / above(report)),
      ms(report.fastest.step),
      times(report.fastest.step / kept.fastest.step),
      report.losses[0]!.toPrecision(8),
    ];
    const { B, T } = kept.dims;
    table(
      `recomputation, nano with 12 layers, ${B} × ${T}`,
      ['', 'saved', 'less', 'peak RSS above the start', 'less', 'forward + backward', 'of kept', 'first loss'],
      [row('kept', kept), row('recomputed', again)],
    );
    const [a, b] = files.map((file) => tensorsOf(file, kept.gradientSizes));
    const errors = a!.map((expected, at) => relative(b![at]!, expected));
    console.log(`\n  gradients of ${errors.length} tensors differ by ${Math.max(...errors).toExponential(1)} at most`);
  });
}

function tensorsOf(file: string, sizes: readonly number[]): Float32Array[] {
  const bytes = readFileSync(file);
  let offset = 0;
  return sizes.map((size) => {
    offset += size;
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + offset - size, bytes.byteOffset + offset));
  });
}

/** max |found − expected| / max |expected| */
function relative(found: Float32Array, expected: Float32Array): number {
  const most = (values: Float32Array): number => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return most(found.map((value, at) => value - expected[at]!)) / (most(expected) || 1);
}
