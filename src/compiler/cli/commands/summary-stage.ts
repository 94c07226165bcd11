/**
 * `mdl summary --stage NAME`: what the stage trains, and what its backward part keeps of the forward part, by component,
 * with and without recomputation. No weights are read and nothing runs: it is counted in the gradient graph.
 */
import { evaluateDim, symbolsOf } from '../../../shared/dim.ts';
import { BYTES_PER_ELEMENT } from '../../backends/onnx/proto.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { type Graph, typeOf } from '../../ir/graph.ts';
import { isBackward, type SavedActivation, savedActivations } from '../../passes/autodiff/index.ts';
import { decays, dropsOut, optimiserOf } from '../../training/plan.ts';
import { gradientGraph } from '../../training/step.ts';
import { cliError } from '../../workbench/errors.ts';
import { loadModel } from '../../workbench/model.ts';
import { forStage, loadStage, stageOf } from '../../workbench/training/stages.ts';
import { countOf } from '../../workbench/tree.ts';
import { formatBytes, formatCount } from '../../workbench/units.ts';
import type { Output } from '../output.ts';
import type { SummaryOptions } from './summary-options.ts';

type Dims = ReadonlyMap<string, number>;

interface Saved {
  readonly values: number;
  readonly bytes: number;
}

interface ComponentReport {
  readonly name: string;
  /** that train */
  readonly parameters: number;
  /** 0: frozen, with no gradient through it */
  readonly backward_nodes: number;
  readonly saved: Saved;
  readonly saved_with_recompute: Saved;
}

/** What trains, by whether the optimiser's weight decay applies. */
interface DecayReport {
  readonly weight_decay: number;
  /** checkpoint keys */
  readonly decays: readonly string[];
  readonly no_decay: readonly string[];
}

interface StageReport {
  readonly model: string;
  readonly config: string;
  readonly flags: Readonly<Record<string, boolean>>;
  readonly stage: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly dims: Readonly<Record<string, number>>;
  readonly nodes: number;
  readonly nodes_with_recompute: number;
  readonly saved: Saved;
  readonly saved_with_recompute: Saved;
  /** what the stage itself chooses */
  readonly recompute: boolean;
  readonly decay: DecayReport;
  readonly components: readonly ComponentReport[];
}

/** Nodes that belong to no member: the loss, the places of image tokens. */
const ENTRY = '(entry)';
const NONE: Saved = { values: 0, bytes: 0 };
/** Rows of a batch and positions where neither --dims nor the stage says how many. */
const [ROWS, POSITIONS] = [16, 64];

/** @throws CliError C0103 for --dims, C0201, C0202; DiagnosticError */
export async function summariseStage(output: Output, file: string, options: SummaryOptions): Promise<void> {
  const plain = loadModel(file, options, output);
  const declared = stageOf(plain.model, options.stage!);
  const { model, compilation, stage } = loadStage(file, options, declared, output);
  const wanted = new Set(stage.trained.map((parameter) => parameter.keys[0]));
  const gradient = (recompute: boolean) => {
    const settings = {
      entry: stage.minimizes,
      loss: stage.loss,
      dropout: dropsOut(stage),
      evaluates: (path: string) => stage.evaluates(path),
      recompute,
      statistics: false,
    };
    const built = forStage(stage.name, () => gradientGraph(model, wanted, settings));
    if (!built || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
    return built.graph;
  };
  const [kept, again] = [gradient(false), gradient(true)];
  const dims = dimsOf(kept, stage, options.dims);
  const components = componentsOf(model, stage, dims, kept, again);
  const total = (pick: (component: ComponentReport) => Saved): Saved => ({
    values: components.reduce((sum, component) => sum + pick(component).values, 0),
    bytes: components.reduce((sum, component) => sum + pick(component).bytes, 0),
  });
  const data: StageReport = {
    model: model.name,
    config: model.settings.configName,
    flags: Object.fromEntries(model.settings.flags),
    stage: stage.name,
    tensors: stage.trained.length,
    parameters: countOf(stage.trained),
    dims: Object.fromEntries(dims),
    nodes: kept.nodes.length,
    nodes_with_recompute: again.nodes.length,
    saved: total(({ saved }) => saved),
    saved_with_recompute: total((component) => component.saved_with_recompute),
    recompute: stage.options.recompute === true,
    decay: forStage(stage.name, () => decayOf(stage)),
    components,
  };
  output.result(render(data), data);
}

function decayOf(stage: Stage): DecayReport {
  const keysOf = (group: readonly ParameterInfo[]): string[] => group.map(({ keys: [key] }) => key);
  return {
    weight_decay: optimiserOf(stage).weightDecay,
    decays: keysOf(stage.trained.filter((parameter) => decays(parameter, stage))),
    no_decay: keysOf(stage.trained.filter((parameter) => !decays(parameter, stage))),
  };
}

/** `B=16,T=48` over what the stage and the defaults say, for the dynamic dims of the graph's inputs. */
function dimsOf(graph: Graph, stage: Stage, text: string | undefined): Dims {
  const found = graph.inputs.flatMap(({ value }) => typeOf(graph, value).shape.flatMap(symbolsOf));
  const names = [...new Set(found)].sort();
  const given = new Map<string, number>();
  for (const part of text === undefined ? [] : text.split(',')) {
    const [, name, size] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined || !names.includes(name) || !Number.isSafeInteger(Number(size))) {
      const known = names.join(', ') || 'none, since the graph has no dynamic dims';
      throw cliError('option_value', {
        option: '--dims',
        text: part,
        expected: `NAME=SIZE, where the names are ${known},`,
      });
    }
    given.set(name, Number(size));
  }
  const batch = given.get('B') ?? (typeof stage.options.batch === 'number' ? stage.options.batch : ROWS);
  const usual = (name: string): number => (name === 'B' || name === 'N' ? batch : POSITIONS);
  return new Map(names.map((name) => [name, given.get(name) ?? usual(name)]));
}

function componentsOf(model: Model, stage: Stage, dims: Dims, kept: Graph, again: Graph): ComponentReport[] {
  const members = new Set([...model.parameters.values()].map(({ path }) => memberOf(path)));
  // a path that is no member's is the entry's own: `let`s, the gradient of the loss
  const owner = (path: string): string => (members.has(memberOf(path)) ? memberOf(path) : ENTRY);
  const savedBy = (graph: Graph): Map<string, Saved> => {
    const sums = new Map<string, Saved>();
    for (const value of savedActivations(graph).values) {
      const name = owner(value.origin.path);
      const before = sums.get(name) ?? NONE;
      sums.set(name, { values: before.values + 1, bytes: before.bytes + bytesOf(value, dims) });
    }
    return sums;
  };
  const [saved, recomputed] = [savedBy(kept), savedBy(again)];
  const backward = kept.nodes.filter(isBackward).map(({ origin }) => owner(origin.path));
  return [...members, ENTRY].map((name) => ({
    name,
    parameters: countOf(stage.trained.filter(({ path }) => memberOf(path) === name)),
    backward_nodes: backward.filter((member) => member === name).length,
    saved: saved.get(name) ?? NONE,
    saved_with_recompute: recomputed.get(name) ?? NONE,
  }));
}

/** `llama_model.model.layers.3 (gradient)` → `llama_model` */
function memberOf(path: string): string {
  return path.replace(/ \(.*$/, '').split('.')[0]!;
}

function bytesOf({ dtype, shape }: SavedActivation, dims: Dims): number {
  return shape.reduce<number>((product, dim) => product * evaluateDim(dim, dims), BYTES_PER_ELEMENT[dtype]);
}

function render(report: StageReport): string {
  const { stage, flags, dims, components, saved, saved_with_recompute: less } = report;
  const off = Object.entries(flags)
    .filter(([, on]) => !on)
    .map(([flag]) => flag);
  const sizes = Object.entries(dims)
    .map(([name, size]) => `${name} = ${size}`)
    .join(', ');
  const frozen = components.filter(({ name, backward_nodes }) => backward_nodes === 0 && name !== ENTRY);
  const cells = ({ values, bytes }: Saved): string[] => [formatCount(values), formatBytes(bytes)];
  const rows = components.map((row) => [
    row.name,
    formatCount(row.parameters),
    formatCount(row.backward_nodes),
    ...cells(row.saved),
    ...cells(row.saved_with_recompute),
  ]);
  const nodes = components.reduce((sum, { backward_nodes }) => sum + backward_nodes, 0);
  const total = ['total', formatCount(report.parameters), formatCount(nodes), ...cells(saved), ...cells(less)];
  const head = ['component', 'trains', 'backward nodes', 'saved', 'bytes', 'recompute: saved', 'bytes'];
  return [
    `${stage}${off.length > 0 ? ` (without ${off.join(', ')})` : ''} trains ${formatCount(report.parameters)} parameters in ${report.tensors} tensors`,
    `saved for the backward part at ${sizes}${report.recompute ? '; the stage recomputes' : ''}:`,
    '',
    ...columns([head, ...rows, total]),
    '',
    `recomputing the layers keeps ${less.bytes === 0 ? 'nothing' : `${(saved.bytes / less.bytes).toFixed(1)}× less`}`,
    `frozen, with no backward node: ${frozen.map(({ name }) => name).join(', ') || 'none'}`,
    ...decayLines(report.decay),
  ].join('\n');
}

/** Both groups, the layers of a list as one line. */
function decayLines({ weight_decay, decays: decaying, no_decay }: DecayReport): string[] {
  const group = (title: string, keys: readonly string[]): string[] => {
    const counts = new Map<string, number>();
    for (const key of keys) {
      const name = key.replace(/\.\d+(?=\.|$)/g, '[*]');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const lines = [...counts].map(([name, count]) => `  ${name}${count > 1 ? ` (${count})` : ''}`);
    return [`${title}: ${keys.length} ${keys.length === 1 ? 'tensor' : 'tensors'}`, ...lines];
  };
  return [...group(`weight decay ${weight_decay}`, decaying), ...group('no weight decay', no_decay)];
}

/** The first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) => {
    const cells = row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)));
    return `  ${cells.join('  ')}`;
  });
}
