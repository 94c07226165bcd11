/**
 * What the matrices of a model are multiplied with, on batches of data: the loss runs with its f32 weights, and the inputs of
 * the products become outputs.
 */
import type { DataSource } from '../../../runtime/train/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { finish } from '../../graphs.ts';
import type { Graph } from '../../ir/graph.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { productsOf } from '../../quantise/uses.ts';
import { lossOutput } from '../../training/scalars.ts';
import { cliError } from '../errors.ts';
import type { Loaded } from '../model.ts';
import { openGraphs } from '../session.ts';
import type { WeightProvider } from '../weights/provider.ts';

/** Rows of a product's input that are kept for the report. */
const SAMPLE = 64;

export interface ProductInputs {
  readonly columns: number;
  /** that were seen */
  readonly rows: number;
  /** Σ xᵀx [columns, columns], where it was asked for */
  readonly gram: Float64Array | undefined;
  /** the first rows of each batch, [n, columns] */
  readonly sample: Float32Array;
}

export interface CalibrationRequest {
  readonly data: DataSource;
  readonly batches: number;
  /** whose inputs are wanted */
  readonly keys: ReadonlySet<string>;
  /** of those the ones whose gram is */
  readonly grams: ReadonlySet<string>;
  readonly onBatch?: (done: number) => void;
}

/** The inputs of products, by the key of the matrix; keys that no product of the loss reads are absent. @throws CliError C0506, C0507 */
export async function productInputs(
  loaded: Loaded,
  weights: WeightProvider,
  { data, batches, keys, grams, onBatch }: CalibrationRequest,
): Promise<ReadonlyMap<string, ProductInputs>> {
  const graph = lossGraph(loaded);
  const products = [...productsOf(graph)].filter(([key]) => keys.has(key));
  if (products.length === 0) return new Map();
  const names = new Map(
    [...new Set(products.flatMap(([, inputs]) => inputs))].map((value, i) => [value, `input.${i}`]),
  );
  const tapped = { ...graph, outputs: [...names].map(([value, name]) => ({ name, value })) };
  const session = await openLoss(loaded.model, tapped, weights);
  const found = new Map<string, Gathered>();
  try {
    for (let step = 0; step < batches; step++) {
      const { feeds } = await data.batch(step);
      const outputs = await session.run(lossOf(loaded.model), feeds);
      for (const [key, inputs] of products)
        for (const value of inputs) {
          const tensor = outputs[names.get(value)!]!;
          checkFinite(key, tensor, step);
          const own = found.get(key) ?? new Gathered(tensor.shape.at(-1)!, grams.has(key), Math.ceil(SAMPLE / batches));
          found.set(key, own);
          own.add(tensor.data as Float32Array);
        }
      onBatch?.(step + 1);
    }
  } finally {
    await session.dispose();
  }
  return new Map([...found].map(([key, gathered]) => [key, gathered.result()]));
}

/** The mean loss of batches `from` … `from + count`, with matrices as `quantised` says. */
export async function meanLoss(
  loaded: Loaded,
  weights: WeightProvider,
  quantised: ReturnType<typeof finish>['quantised'],
  { data, from, count }: { readonly data: DataSource; readonly from: number; readonly count: number },
): Promise<number> {
  const graph = lossGraph(loaded);
  const { name: output } = lossOutput(graph, lossStage(loaded.model).loss);
  const session = await openLoss(loaded.model, graph, weights, quantised);
  try {
    let sum = 0;
    for (let step = from; step < from + count; step++) {
      const found = await session.run(lossOf(loaded.model), (await data.batch(step)).feeds, { fetch: [output] });
      sum += Number(found[output]!.data[0]);
    }
    return sum / count;
  } finally {
    await session.dispose();
  }
}

/** What batches are for: `openCalibration` opens them as the last stage has them. */
const lossStage = (model: Model): Pick<Stage, 'minimizes' | 'loss'> =>
  model.stages.at(-1) ?? { minimizes: model.entryFor('loss'), loss: model.namedOutputs.loss };
const lossOf = (model: Model): string => lossStage(model).minimizes;

/** @throws CliError C0506 without a loss, DiagnosticError */
function lossGraph({ model, compilation }: Loaded): Graph {
  const entry = lossOf(model);
  if (!model.entries.includes(entry))
    throw cliError('calibration_loss', { model: model.name, entry, entries: model.entries });
  const traced = model.entry(entry);
  if (!traced) throw new DiagnosticError(compilation.diagnostics());
  return runPipeline(traced.graph);
}

function openLoss(
  model: Model,
  graph: Graph,
  weights: WeightProvider,
  quantised: ReturnType<typeof finish>['quantised'] = new Map(),
) {
  const graphs = { ...finish(model, [{ name: lossOf(model), graph }]), quantised };
  return openGraphs(graphs, weights, { backend: 'onnx', opset: 23 });
}

/** @throws CliError C0507 */
function checkFinite(key: string, { data }: HostTensor, batch: number): void {
  const at = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw cliError('calibration_not_finite', { key, batch, value: String(data[at]) });
}

class Gathered {
  private readonly columns: number;
  private readonly gram: Float64Array | undefined;
  private readonly ofBatch: number;
  private readonly kept: Float32Array[] = [];
  private rows = 0;

  constructor(columns: number, gram: boolean, ofBatch: number) {
    this.columns = columns;
    this.gram = gram ? new Float64Array(columns * columns) : undefined;
    this.ofBatch = ofBatch;
  }

  /** @param x [..., columns] */
  add(x: Float32Array): void {
    const { columns, gram } = this;
    const count = x.length / columns;
    this.rows += count;
    this.kept.push(x.slice(0, Math.min(count, this.ofBatch) * columns));
    if (!gram) return;
    for (let row = 0; row < count; row++) {
      const own = x.subarray(row * columns, (row + 1) * columns);
      for (let i = 0; i < columns; i++) {
        const value = own[i]!;
        if (value === 0) continue;
        for (let j = 0; j < columns; j++) gram[i * columns + j]! += value * own[j]!;
      }
    }
  }

  result(): ProductInputs {
    const sample = new Float32Array(this.kept.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of this.kept) {
      sample.set(piece, at);
      at += piece.length;
    }
    return { columns: this.columns, rows: this.rows, gram: this.gram, sample };
  }
}
