/**
 * The child of bench/train.ts: some steps of stage 2 in a process of their own, so that their peak memory is theirs.
 * `tsx step.ts JSON` (a StepRequest) prints JSON (a StepReport).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { decodeModel } from '../../src/compiler/backends/onnx/index.ts';
import { outputOf } from '../../src/compiler/cli/output.ts';
import { finish } from '../../src/compiler/graphs.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { savedActivations } from '../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import { openBatches } from '../../src/compiler/workbench/training/data.ts';
import { loadStage, stageOf } from '../../src/compiler/workbench/training/stages.ts';
import type { WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
import { writeArtifact } from '../../src/compiler/workbench/weights/write.ts';
import { type Feeds, onnxBackend, openModel, Session } from '../../src/runtime/index.ts';
import type { Runner } from '../../src/runtime/session.ts';
import { type Batch, type DataSource, initialState, type StepRecord, train } from '../../src/runtime/train/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { PORTS, type TrainingPlan } from '../../src/shared/training.ts';
import { buildStage, graphIn } from '../../test/support/build.ts';
import { MODEL, median, milliseconds, withFolder } from '../support.ts';
import { type BatchSize, batchOf } from './batch.ts';
import { type Flops, flopsOf } from './flops.ts';
import { matmulRate, processorTime } from './matmul.ts';

export interface StepRequest {
  readonly set: readonly string[];
  /** random batches of `rows` × `length`; the emoji data and the stage's batch when absent */
  readonly batch?: { readonly rows: number; readonly length: number };
  readonly steps: number;
  readonly recompute: boolean;
  /** where to write the gradients of the first step, as f32 in the order of `keys` */
  readonly gradients?: string;
  /** measure the forward part alone and the matrix products too */
  readonly peers: boolean;
}

interface Copied {
  fed: number;
  fetched: number;
}

export interface StepReport {
  readonly dims: Readonly<Record<string, number>>;
  readonly losses: readonly number[];
  /** milliseconds, of the steps but the first */
  readonly median: StepRecord['seconds'];
  readonly fastest: StepRecord['seconds'];
  /** the forward part alone, fastest, in milliseconds */
  readonly forward: number;
  readonly nodes: { readonly graph: number; readonly onnx: number };
  readonly flops: Flops;
  readonly savedBytes: number;
  /** per step and entry, as ONNX Runtime was given and gave them */
  readonly copied: Readonly<Record<string, Copied>>;
  readonly trainedBytes: number;
  readonly frozenBytes: number;
  readonly slots: number;
  /** resident before the first step, and the peak after it, 10^6 bytes */
  readonly memory: { readonly before: number; readonly peak: number };
  /** bytes of each tensor of the file of gradients */
  readonly gradientSizes: readonly number[];
  /** GFLOP/s on one thread, by processor time: forward and backward, and MatMul */
  readonly rates: { readonly step: number; readonly square: number; readonly mlp: number } | null;
}

const ENGINE = { backend: 'onnx', opset: 17 } as const;

async function main(request: StepRequest): Promise<StepReport> {
  const output = outputOf({ quiet: true });
  const options = { config: 'nano', set: request.set };
  const declared = stageOf(loadModel(MODEL, options, output).model, 'stage2');
  const { model, stage } = loadStage(MODEL, options, declared, output);
  const weights = (await openWeights(model, { init: 0 }, output))!;
  const { plan, graphs } = buildStage(model, stage, { recompute: request.recompute })!;
  const graph = graphIn(graphs, 'gradient');
  const artifact = TARGETS.onnx.compile(graphs);
  const { phi } = model.config() as unknown as {
    readonly phi: Readonly<Record<'hidden_size' | 'intermediate_size', number>>;
  };
  const data = request.batch
    ? oneBatch(model.config(), request.batch)
    : await openBatches(MODEL, model, stage, { data: 'emoji', seed: 0 }, output);
  const dims = dimsOf(await data.batch(0));

  const session = await openGraphs(graphs, weights, ENGINE);
  await session.load('gradient');
  await session.load('update');
  const parameters = await parametersOf(plan, weights);
  (globalThis as { gc?: () => void }).gc?.();
  resetPeak();
  const before = process.memoryUsage().rss / 1e6;
  const records: StepRecord[] = [];
  const copied: Record<string, Copied> = {};
  let last: Feeds = {};
  let first: Readonly<Record<string, HostTensor>> | undefined;
  const runner: Runner = {
    manifest: session.manifest,
    run: async (entry, feeds) => {
      const results = await session.run(entry, feeds);
      copied[entry] = { fed: bytesOf(feeds), fetched: bytesOf(results) };
      if (entry === 'gradient') last = feeds;
      if (entry === 'gradient' && request.gradients !== undefined) first ??= results;
      return results;
    },
  };
  await train(initialState(plan, parameters), {
    plan,
    runner,
    data,
    steps: request.steps,
    seed: 0,
    onRecord: (record) => void ('loss' in record && records.push(record)),
  });
  const peak = peakMegabytes();
  await session.dispose();
  const gradients = plan.trained.map(({ key }) => first?.[PORTS.gradient(key)]?.data as Float32Array | undefined);
  if (request.gradients !== undefined) {
    writeFileSync(request.gradients, Buffer.concat(gradients.map((data) => new Uint8Array(data!.slice().buffer))));
  }

  const frozen = new Set(graph.parameters.map(({ key }) => key));
  const sizes = [...model.parameters.values()].filter(({ keys }) => frozen.has(keys[0]));
  const { graph: onnx } = decodeModel(artifact.files(null).get('gradient.onnx')!);
  const flops = flopsOf(graph, new Map(Object.entries(dims)));
  const warm = records.length > 1 ? records.slice(1) : records;
  return {
    dims,
    losses: records.map(({ loss }) => loss),
    median: summarise(warm, median),
    fastest: summarise(warm, (values) => Math.min(...values)),
    forward: request.peers ? await forwardTime(request, weights, (await data.batch(0)).feeds) : 0,
    nodes: { graph: graph.nodes.length, onnx: onnx?.node?.length ?? 0 },
    flops,
    savedBytes: savedActivations(graph).bytes(new Map(Object.entries(dims))),
    copied,
    trainedBytes: plan.trained.reduce((sum, { shape }) => sum + 4 * count(shape), 0),
    frozenBytes: sizes.reduce((sum, { shape }) => sum + 4 * count(shape), 0),
    slots: plan.slots.length,
    memory: { before, peak },
    gradientSizes: gradients.map((data) => data?.byteLength ?? 0),
    rates: request.peers
      ? {
          step: (flops.forward + flops.backward) / ((await oneThread()) * 1e6),
          square: await matmulRate(512, 512, 512),
          mlp: await matmulRate(dims.B! * dims.T!, phi.hidden_size, phi.intermediate_size),
        }
      : null,
  };

  /** Processor time of the gradient graph on one thread, in milliseconds. */
  async function oneThread(): Promise<number> {
    return withFolder(async (folder) => {
      const manifest = new TextEncoder().encode(JSON.stringify(artifact.manifest(weights)));
      const files = new Map([...artifact.files(weights), ['manifest.json', manifest]]);
      await writeArtifact(folder, files, artifact.weights, weights);
      const source = await openModel(folder);
      const session = Session.open(source.manifest, { backend: onnxBackend(source, { threads: 1 }) });
      try {
        return await processorTime(() => session.run('gradient', last), 3);
      } finally {
        await session.dispose();
      }
    });
  }

  /** The loss alone, of the same numbers, with dropout. */
  async function forwardTime(
    { set }: StepRequest,
    provider: WeightProvider,
    feeds: Readonly<Record<string, HostTensor>>,
  ): Promise<number> {
    const traced = loadModel(MODEL, { ...options, set }, output).model.entry('loss', [], {
      training: { dropout: true },
    })!.graph;
    const alone: Graph = { ...traced, outputs: traced.outputs.filter(({ name }) => name === 'loss') };
    const session = await openGraphs(finish(model, [{ name: 'loss', graph: runPipeline(alone) }]), provider, ENGINE);
    const seed: HostTensor = { dtype: 'i64', shape: [], data: BigInt64Array.of(1n) };
    const run = () => session.run('loss', { ...feeds, [PORTS.dropoutSeed]: seed });
    const took = await milliseconds(run, request.steps, { fastest: true });
    await session.dispose();
    return took;
  }
}

const count = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

function bytesOf(tensors: Readonly<Record<string, { readonly data: { readonly byteLength: number } }>>): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}

function summarise(records: readonly StepRecord[], of: (values: number[]) => number): StepRecord['seconds'] {
  const milli = (part: keyof StepRecord['seconds']): number => 1000 * of(records.map(({ seconds }) => seconds[part]));
  return { feed: milli('feed'), step: milli('step'), update: milli('update') };
}

async function parametersOf(plan: TrainingPlan, weights: WeightProvider): Promise<Map<string, HostTensor>> {
  const parameters = new Map<string, HostTensor>();
  for (const { key } of plan.trained) parameters.set(key, await weights.read(key));
  return parameters;
}

function dimsOf({ feeds }: Batch): Record<string, number> {
  const [rows, length] = feeds.input_ids!.shape as [number, number];
  return { B: rows, T: length, N: feeds.pixel_values!.shape[0]! };
}

const oneBatch = (config: Parameters<typeof batchOf>[0], size: BatchSize): DataSource => ({
  name: 'random',
  batch: async () => ({ ...batchOf(config, size), rows: size.rows }),
});

// ── memory ─────────────────────────────────────────────────────────────────────────────────────
/** Linux: the peak starts again from what is resident now. */
function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // the peak is then that of the whole process
  }
}

function peakMegabytes(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return (Number(/VmHWM:\s+(\d+)/.exec(status)![1]) * 1024) / 1e6;
  } catch {
    return (process.resourceUsage().maxRSS * 1024) / 1e6;
  }
}

console.log(JSON.stringify(await main(JSON.parse(process.argv[2]!) as StepRequest)));
