/** What stages take on a device before they run, and what would bring one under a limit: no weights are read, no device is asked. */
import { type Binding, bindDims, type Measured } from '../../../shared/bind-dims.ts';
import { parseDim } from '../../../shared/dim-text.ts';
import type { WebGpuPlan } from '../../../shared/webgpu.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { type GraphsRequest, graphsOf } from '../../graphs.ts';
import { chunkedLoss } from '../../passes/chunked-loss.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { webgpu } from '../../targets/webgpu.ts';
import { lossOutput } from '../../training/scalars.ts';
import { cliError } from '../errors.ts';
import type { Notes } from '../notes.ts';
import type { Dims } from '../plan/report.ts';
import { type TrainingMemory, trainingMemory, trainingMemoryLines } from '../plan/training-memory.ts';
import { formatBytes } from '../units.ts';
import { openBatches } from './data.ts';
import { judges } from './judge.ts';
import type { TrainingOptions } from './options.ts';
import type { LoadedStage } from './staged.ts';
import { forStage, loadStage, seedOf } from './stages.ts';

export interface StageMemory {
  readonly stage: string;
  /** of the first batch */
  readonly dims: Readonly<Record<string, number>>;
  readonly memory: TrainingMemory;
}

/** Columns of a chunk of the loss, where that is tried. */
const CHUNK = 256;

/** What could be changed, the cheapest in time first. */
interface Change {
  readonly what: string;
  readonly batchSize?: number;
  readonly recompute?: true;
  readonly lossChunk?: number;
  readonly quantise?: 'int8' | 'int4';
}

/**
 * @param limit bytes that no stage may pass
 * @throws CliError C0590 for a stage past the limit; as `openBatches` and `loadStage`
 */
export async function stagesMemory(
  file: string,
  stages: readonly Stage[],
  options: TrainingOptions,
  limit: number | undefined,
  output: Notes,
): Promise<readonly StageMemory[]> {
  const found: StageMemory[] = [];
  for (const each of stages) {
    const loaded = loadStage(file, options, each, output);
    const own = await stageMemory(file, loaded, options, { what: 'as it is' }, output);
    if (limit !== undefined && own.memory.peak > limit)
      throw await overLimit(file, loaded, options, own, limit, output);
    found.push(own);
  }
  return found;
}

/** A stage's name, the sizes of its batch, and a line for each part. */
export function stageMemoryText({ stage, dims, memory }: StageMemory): string {
  const sizes = Object.entries(dims).map(([name, size]) => `${name} = ${size}`);
  return [`${stage} (${sizes.join(', ') || 'no dynamic sizes'})`, ...trainingMemoryLines(memory)].join('\n');
}

async function stageMemory(
  file: string,
  { model, stage, compilation }: LoadedStage,
  options: TrainingOptions,
  { batchSize, recompute, lossChunk, quantise }: Change,
  output: Notes,
): Promise<StageMemory> {
  const chunk = options.lossChunk ?? lossChunk;
  const request: GraphsRequest = {
    entries: [],
    stage,
    quantise,
    training: {
      ...webgpu.training,
      ...(options.lr === undefined ? {} : { lr: options.lr }),
      ...(options.recompute || recompute ? { recompute: true } : {}),
      ...(chunk === undefined ? {} : { lossChunk: chunk }),
      ...(judges(options) ? { validates: true } : {}),
    },
  };
  const graphs = forStage(stage.name, () => graphsOf(model, request));
  if (!graphs || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const { plan } = webgpu.compile(graphs);
  const asked = { ...options, ...(batchSize === undefined ? {} : { batchSize }), seed: seedOf(stage, options.seed) };
  const data = await openBatches(file, model, stage, asked, output);
  const { feeds } = await data.batch(0);
  const dims = dimsOfBatch(plan, feeds);
  return { stage: stage.name, dims: Object.fromEntries(dims), memory: trainingMemory(plan, graphs.training!, dims) };
}

/** The sizes of the gradient graph's dims under a batch. */
function dimsOfBatch(plan: WebGpuPlan, feeds: Readonly<Record<string, { readonly shape: readonly number[] }>>): Dims {
  const bindings = new Map<string, Binding>();
  const measured = plan.entries.gradient!.inputs.flatMap(({ name, shape }): readonly Measured[] => {
    const fed = feeds[name];
    if (!fed) return [];
    return shape.map((text, axis) => ({ input: name, axis, dim: parseDim(text) ?? 0, size: fed.shape[axis]! }));
  });
  const clash = bindDims(measured, bindings);
  if (clash)
    throw cliError('batch_size', { input: clash.input, axis: clash.axis, size: clash.size, expected: clash.expected });
  return new Map([...bindings].map(([name, { size }]) => [name, size]));
}

async function overLimit(
  file: string,
  loaded: LoadedStage,
  options: TrainingOptions,
  own: StageMemory,
  limit: number,
  output: Notes,
): Promise<Error> {
  const tried: (readonly [Change, number])[] = [];
  for (const change of changesFor(loaded, options)) {
    const { memory } = await stageMemory(file, loaded, options, change, output);
    tried.push([change, memory.peak]);
    if (memory.peak <= limit) break;
  }
  const [best, bytes] = tried.reduce((least, one) => (one[1] < least[1] ? one : least));
  const details = { stage: own.stage, peak: formatBytes(own.memory.peak), limit: formatBytes(limit) };
  const notes = [
    ...trainingMemoryLines(own.memory),
    ...tried.map(([{ what }, peak]) => `${what}: ${formatBytes(peak)}`),
  ];
  const fits = bytes <= limit ? best.what : undefined;
  return cliError('memory_limit', { ...details, fits, least: formatBytes(bytes) }, notes);
}

/**
 * In the order of what they cost: smaller batches (with `accumulate`, the same gradients in the same time), one more product of the
 * logits, one more forward pass, numbers of frozen matrices that are rounded, all of it.
 */
function changesFor(
  { model, stage }: LoadedStage,
  { batchSize, batch, recompute, lossChunk }: TrainingOptions,
): readonly Change[] {
  const { options: declared } = stage;
  const rows = batchSize ?? (typeof declared.batch === 'number' ? declared.batch : 16);
  const halves = batch === undefined && rows > 1 ? [Math.ceil(rows / 2), 1] : [];
  const sizes = [...new Set(halves)].filter((size) => size < rows);
  const smallest = sizes.at(-1);
  const chunked = (lossChunk ?? declared.loss_chunk) === undefined && canBeChunked(model, stage);
  const chunks = chunked ? ([{ what: `\`--loss-chunk ${CHUNK}\``, lossChunk: CHUNK }] as const) : [];
  const again = recompute || declared.recompute === true ? [] : ([{ what: '`--recompute`', recompute: true }] as const);
  const all = [
    ...(smallest === undefined ? [] : [`\`--batch-size ${smallest}\``]),
    ...chunks.map(({ what }) => what),
    ...again.map(({ what }) => what),
    'frozen matrices as int4',
  ];
  return [
    ...sizes.map((size) => ({ what: `\`--batch-size ${size}\``, batchSize: size })),
    ...chunks,
    ...again,
    { what: 'frozen matrices as int8 (`quantise` in the file)', quantise: 'int8' },
    { what: 'frozen matrices as int4 (`quantise` in the file)', quantise: 'int4' },
    {
      what: all.join(' and '),
      ...(smallest === undefined ? {} : { batchSize: smallest }),
      ...(chunked ? { lossChunk: CHUNK } : {}),
      ...(again.length > 0 ? { recompute: true } : {}),
      quantise: 'int4',
    },
  ];
}

/** Whether the loss can be computed in chunks, and has some. */
function canBeChunked(model: Model, { minimizes, loss }: Stage): boolean {
  const traced = model.entry(minimizes);
  if (!traced) return false;
  const outputs = [lossOutput(traced.graph, loss)];
  const { segments, kept } = chunkedLoss(runPipeline({ ...traced.graph, outputs }), CHUNK);
  return segments.length > 1 && kept.length === 0;
}
