/**
 * `mdl explain-plan`: what an entry costs on WebGPU, kernel by kernel, at given sizes. Needs no weights, and a device only to
 * measure what kernels take.
 */
import type { CacheStorage } from '../../../shared/cache-storage.ts';
import type { Dim } from '../../../shared/dim.ts';
import type { WebGpuPlan } from '../../../shared/webgpu.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { type FinishedGraph, type Graphs, graphsOf } from '../../graphs.ts';
import { typeOf } from '../../ir/graph.ts';
import { kernelsOf, webgpu } from '../../targets/webgpu.ts';
import { cliError } from '../../workbench/errors.ts';
import type { SettingsOptions } from '../../workbench/model.ts';
import { memoryOf, memoryText } from '../../workbench/plan/memory.ts';
import { dimsOf, entryAt, type PlanReport, reportOf } from '../../workbench/plan/report.ts';
import { sessionMemory, sessionMemoryText } from '../../workbench/plan/session-memory.ts';
import { tableOf } from '../../workbench/plan/table.ts';
import { kernelsAt, whyText } from '../../workbench/plan/why.ts';
import { forStage, loadUnder } from '../../workbench/training/stages.ts';
import { asIntegers, type WeightsDType } from '../compile/options.ts';
import type { Output } from '../output.ts';

export interface ExplainPlanOptions extends SettingsOptions {
  readonly entry?: string;
  /** under this stage's flags, and with the graphs that train it as entries */
  readonly stage?: string;
  /** `B=1,T=1,P=128` */
  readonly at?: string;
  /** the adapter's own with `measure`, else `gpu` */
  readonly profile?: 'gpu' | 'software';
  readonly measure?: boolean;
  /** of every entry, instead of the report */
  readonly memory?: boolean;
  /** a module's path, FILE.mdl:LINE or an op: its kernels and why they end where they do, instead of the report */
  readonly why?: string;
  readonly weightsDtype: WeightsDType;
  readonly cacheDtype?: CacheStorage;
  /** with memory: of whom */
  readonly target: 'webgpu' | 'onnx';
  /** of ONNX, as for `compile` */
  readonly contribOps?: boolean;
}

/** Sizes that are not given: one token after a context with a cache, a whole prompt without. */
const [ROWS, CONTEXT, PROMPT] = [1, 128, 64];

/** @throws CliError C0103 for --at and --entry, C0201, C0202 for --stage; DiagnosticError */
export default async function explainPlan(
  output: Output,
  [file]: readonly string[],
  options: ExplainPlanOptions,
): Promise<void> {
  const { model, compilation, stage } = loadUnder(file!, options, options.stage, output);
  const decode = model.entryFor('decode');
  const usualEntry = model.entries.includes(decode) ? decode : model.entries[0]!;
  const entry = options.entry ?? (stage ? 'gradient' : usualEntry);
  const wanted = options.memory && options.entry === undefined ? model.entries : [entry];
  const entries = stage && !model.entries.includes(entry) ? [] : wanted;
  const graphs = forStage(stage?.name ?? '', () =>
    graphsOf(model, {
      entries,
      quantise: asIntegers(options.weightsDtype),
      caches: options.cacheDtype,
      ...(stage ? { stage, training: webgpu.training } : {}),
    }),
  );
  if (!graphs) throw new DiagnosticError(compilation.diagnostics());
  if (options.contribOps && options.target !== 'onnx')
    throw cliError('option_without', { option: '--contrib-ops', without: '--target onnx' });
  if (options.target === 'onnx') return explainSessions(output, graphs, options);
  const { plan } = webgpu.compile(graphs, { weights: options.weightsDtype === 'f16' ? 'f16' : 'f32' });
  if (!plan.entries[entry]) {
    const known = [...model.entries, ...Object.keys(plan.entries)].join(', ');
    throw cliError('option_value', { option: '--entry', text: entry, expected: `one of ${known}` });
  }
  if (options.why !== undefined) {
    const kernels = kernelsAt(kernelsOf(graphs, entry), options.why);
    output.result(whyText(kernels), { model: plan.model.name, config: plan.model.config_name, entry, kernels });
    return;
  }
  if (options.memory) {
    const all = [...new Set(Object.keys(plan.entries).flatMap((name) => dimsOf(plan, name)))];
    const sizes = sizesOf(options.at, all);
    const memory = memoryOf(plan, (name) => dimsAt(plan, name, sizes), options.profile);
    output.result(memoryText(memory), { model: plan.model.name, config: plan.model.config_name, ...memory });
    return;
  }
  const dims = dimsAt(plan, entry, sizesOf(options.at, dimsOf(plan, entry)));
  const report = options.measure
    ? await measuredReport(output, plan, entry, dims, options.profile)
    : reportOf(entryAt(plan, entry, dims, options.profile ?? 'gpu')).report;
  output.result(tableOf(report), { model: plan.model.name, config: plan.model.config_name, ...report });
}

/** What sessions of ONNX Runtime take. @throws CliError C0208 without --memory, C0103 */
function explainSessions(output: Output, graphs: Graphs, options: ExplainPlanOptions): void {
  if (!options.memory) throw cliError('option_without', { option: '--target onnx', without: '--memory' });
  if (options.weightsDtype === 'f16')
    throw cliError('option_without', { option: '--weights-dtype f16', without: '--target webgpu' });
  const namesOf = ({ guarded: { graph } }: FinishedGraph): readonly string[] =>
    [...new Set(graph.inputs.flatMap(({ value }) => typeOf(graph, value).shape.flatMap(symbolsIn)))].sort();
  const sizes = sizesOf(options.at, [...new Set(graphs.entries.flatMap(namesOf))]);
  const memory = sessionMemory(graphs, {
    contrib: options.contribOps ?? false,
    dimsOf: (entry) => usualSizes(namesOf(entry), entry.cache.length > 0, sizes),
  });
  const { name, settings } = graphs.model;
  output.result(sessionMemoryText(memory), { model: name, config: settings.configName, ...memory });
}

const symbolsIn = (dim: Dim): readonly string[] =>
  typeof dim === 'number' ? [] : dim.terms.flatMap(({ symbols }) => symbols);

function dimsAt(plan: WebGpuPlan, entry: string, given: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return usualSizes(dimsOf(plan, entry), plan.entries[entry]!.cache.length > 0, given);
}

/** Sizes of an entry's dims: those that are given, else one token after a context, or a prompt where there is no cache. */
function usualSizes(
  names: readonly string[],
  cached: boolean,
  given: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const usual = (name: string): number => {
    if (name === 'P') return CONTEXT;
    return name === 'T' ? (cached ? 1 : PROMPT) : ROWS;
  };
  return new Map(names.map((name) => [name, given.get(name) ?? usual(name)]));
}

/** @throws RuntimeError R1001, R1002 (device) and what measuring throws */
async function measuredReport(
  output: Output,
  plan: WebGpuPlan,
  entry: string,
  dims: ReadonlyMap<string, number>,
  profile: ExplainPlanOptions['profile'],
): Promise<PlanReport> {
  const [{ acquireDevice }, { measured }] = await Promise.all([
    import('../../../runtime/webgpu/index.ts'),
    import('../../workbench/plan/measure/index.ts'),
  ]);
  const gpu = await acquireDevice({ needs: plan.needs, ...(profile === undefined ? {} : { profile }) });
  try {
    const at = entryAt(plan, entry, dims, gpu.profile);
    const planned = reportOf(at);
    output.note(`measuring ${planned.kinds.length} kinds of launches on ${gpu.name} …`);
    return await measured(gpu, at, planned);
  } finally {
    gpu.destroy();
  }
}

/** @throws CliError C0103 */
function sizesOf(text: string | undefined, names: readonly string[]): ReadonlyMap<string, number> {
  const given = new Map<string, number>();
  for (const part of text === undefined ? [] : text.split(',')) {
    const [, name, size] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined || !names.includes(name) || !Number.isSafeInteger(Number(size))) {
      const known = names.join(', ') || 'none, since the entry has no dynamic dims';
      throw cliError('option_value', {
        option: '--at',
        text: part,
        expected: `NAME=SIZE, where the names are ${known},`,
      });
    }
    given.set(name, Number(size));
  }
  return given;
}
