/** `mdl explain-plan`: what an entry costs on WebGPU, kernel by kernel, at given sizes; needs no weights and no device. */
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { buildWebGpu } from '../../webgpu-artifact.ts';
import { cliError } from '../errors.ts';
import { loadModel, type SettingsOptions } from '../model.ts';
import type { Output } from '../output.ts';
import { dimsOf, reportOf } from '../plan/report.ts';
import { tableOf } from '../plan/table.ts';

export interface ExplainPlanOptions extends SettingsOptions {
  readonly entry?: string;
  /** `B=1,T=1,P=128` */
  readonly at?: string;
  readonly profile: 'gpu' | 'software';
  readonly weightsDtype: 'f32' | 'f16';
}

/** Sizes that are not given: one token after a context with a cache, a whole prompt without. */
const [ROWS, CONTEXT, PROMPT] = [1, 128, 64];

/** @throws CliError C0103 for --at; DiagnosticError */
export default async function explainPlan(
  output: Output,
  [file]: readonly string[],
  options: ExplainPlanOptions,
): Promise<void> {
  const { model, compilation } = loadModel(file!, options, output);
  const entry = options.entry ?? (model.entries.includes('decode') ? 'decode' : model.entries[0]!);
  const plan = buildWebGpu(model, { entries: [entry], weights: options.weightsDtype });
  if (!plan) throw new DiagnosticError(compilation.diagnostics());
  const names = dimsOf(plan, entry);
  const given = sizesOf(options.at, names);
  const cached = plan.entries[entry]!.cache.length > 0;
  const usual = (name: string): number => {
    if (name === 'P') return CONTEXT;
    return name === 'T' ? (cached ? 1 : PROMPT) : ROWS;
  };
  const dims = new Map(names.map((name) => [name, given.get(name) ?? usual(name)]));
  const report = reportOf(plan, entry, dims, options.profile);
  output.result(tableOf(report), { model: plan.model.name, config: plan.model.config_name, ...report });
}

/** @throws CliError C0103 */
function sizesOf(text: string | undefined, names: readonly string[]): ReadonlyMap<string, number> {
  const given = new Map<string, number>();
  for (const part of text === undefined ? [] : text.split(',')) {
    const [, name, size] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined || !names.includes(name) || !Number.isSafeInteger(Number(size))) {
      const known = names.join(', ') || 'none, since the entry has no dynamic dims';
      throw cliError('C0103', { option: '--at', text: part, expected: `NAME=SIZE, where the names are ${known},` });
    }
    given.set(name, Number(size));
  }
  return given;
}
