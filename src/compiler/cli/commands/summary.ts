/**
 * `mdl summary`: the tree of modules with shapes and parameters, totals, and what each flag and stage changes; with
 * --stage, one stage (summary-stage.ts).
 */
import { storageBytes } from '../../../shared/quantisation.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import { graphsOf } from '../../graphs.ts';
import { compile } from '../../index.ts';
import type { Quantised } from '../../quantise/choose.ts';
import { cliError } from '../../workbench/errors.ts';
import { locate } from '../../workbench/host.ts';
import { loadModel, requestOf, type SettingsOptions, settingsOf } from '../../workbench/model.ts';
import { countOf, printTree, treeOf } from '../../workbench/tree.ts';
import { formatBytes, formatCount } from '../../workbench/units.ts';
import type { Output } from '../output.ts';
import type { SummaryOptions } from './summary-options.ts';
import { summariseStage } from './summary-stage.ts';

interface Change {
  readonly name: string;
  readonly parameters: number;
  readonly keys: number;
}

interface StageTotal {
  readonly name: string;
  readonly doc: string;
  readonly flags: Readonly<Record<string, boolean>>;
  readonly tensors: number;
  readonly parameters: number;
}

export default async function summary(
  output: Output,
  [file]: readonly string[],
  options: SummaryOptions,
): Promise<void> {
  if (options.stage !== undefined) {
    if (options.weightsDtype !== undefined)
      throw cliError('option_value', {
        option: '--weights-dtype',
        text: options.weightsDtype,
        expected: 'either --stage or --weights-dtype',
      });
    return summariseStage(output, file!, options);
  }
  if (options.dims !== undefined) throw cliError('option_without', { option: '--dims', without: '--stage' });
  const { model, compilation } = loadModel(file!, options, output);
  const keys = [...model.parameters.values()].map(keyLine);
  const total = countOf(model.parameters.values());
  const tree = treeOf(model);
  if (compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const quantised = quantisedOf(model, options);
  const components = componentsOf(model, quantised);
  const flags = flagChanges(file!, options, model, total);
  const stages = stageTotals(file!, options, model);
  const data = {
    model: model.name,
    config: model.settings.configName,
    flags: Object.fromEntries(model.settings.flags),
    keys: keys.map(({ key, shape, dtype, buffer }) => ({ key, shape, dtype, buffer })),
    components,
    total,
    flag_changes: flags,
    stages,
  };
  const sections = options.keys
    ? [keys.map(({ key, shape, buffer }) => `${key} [${shape.join(', ')}]${buffer ? ' (buffer)' : ''}`).join('\n')]
    : [printTree(tree, options.depth ?? Number.POSITIVE_INFINITY)];
  sections.push(
    table(
      'component',
      components.map(({ name, parameters, bytes }) => [name, sizeText(parameters, bytes, quantised)]),
      ['total', sizeText(total, bytesOf(components), quantised)],
    ),
  );
  if (flags.length > 0)
    sections.push(
      table(
        'turning a flag',
        flags.map(({ name, parameters, keys: count }) => [
          name,
          `${signed(parameters)} parameters, ${signed(count)} keys`,
        ]),
      ),
    );
  if (stages.length > 0) {
    sections.push(
      table(
        'stage trains',
        stages.map((stage) => {
          const set = Object.entries(stage.flags)
            .map(([flag, on]) => `${flag}=${on}`)
            .join(' ');
          return [
            `${stage.name}${set ? ` (${set})` : ''}`,
            `${formatCount(stage.parameters)} parameters in ${stage.tensors} tensors`,
          ];
        }),
      ),
    );
  }
  output.result(sections.join('\n\n'), data);
}

function keyLine(parameter: ParameterInfo): { key: string; shape: readonly number[]; dtype: string; buffer: boolean } {
  return { key: parameter.keys[0], shape: parameter.shape, dtype: parameter.dtype, buffer: parameter.buffer };
}

interface Component {
  readonly name: string;
  readonly parameters: number;
  /** as they are stored */
  readonly bytes: number;
}

/** Totals by the model's members; what adapters add is a component of its own. */
function componentsOf(model: Model, quantised: Quantised | undefined): Component[] {
  const totals = new Map<string, Component>();
  for (const parameter of model.parameters.values()) {
    if (parameter.buffer) continue;
    const member = parameter.path.split('.')[0]!;
    const name = parameter.adapter ? `${member} (${parameter.adapter})` : member;
    const before = totals.get(name) ?? { name, parameters: 0, bytes: 0 };
    const count = countOf([parameter]);
    const bytes = before.bytes + storageBytes(quantised?.get(parameter.keys[0]) ?? 'f32', count);
    totals.set(name, { name, parameters: before.parameters + count, bytes });
  }
  return [...totals.values()];
}

/** Where neither the file nor an option says how matrices are stored, undefined. */
function quantisedOf(model: Model, { weightsDtype }: SummaryOptions): Quantised | undefined {
  if (weightsDtype === undefined && model.quantised.length === 0) return undefined;
  return graphsOf(model, { quantise: weightsDtype === 'f32' ? undefined : weightsDtype })?.quantised;
}

const bytesOf = (components: readonly Component[]): number => components.reduce((sum, { bytes }) => sum + bytes, 0);

const sizeText = (parameters: number, bytes: number, quantised: Quantised | undefined): string =>
  formatCount(parameters) + (quantised ? `  ${formatBytes(bytes).padStart(9)}` : '');

function flagChanges(file: string, options: SettingsOptions, model: Model, total: number): Change[] {
  return [...model.settings.flags].flatMap(([flag, on]) => {
    const other = withFlags(file, options, { [flag]: !on });
    if (!other) return [];
    return [
      {
        name: `${flag}=${!on}`,
        parameters: countOf(other.parameters.values()) - total,
        keys: other.parameters.size - model.parameters.size,
      },
    ];
  });
}

function stageTotals(file: string, options: SettingsOptions, model: Model): StageTotal[] {
  return model.stages.map((stage) => {
    const flags = Object.fromEntries(stage.flags);
    const staged = stage.flags.size > 0 ? withFlags(file, options, flags) : model;
    const trained = staged?.stages.find(({ name }) => name === stage.name)?.trained ?? stage.trained;
    return { name: stage.name, doc: stage.doc, flags, tensors: trained.length, parameters: countOf(trained) };
  });
}

function withFlags(
  file: string,
  options: SettingsOptions,
  flags: Readonly<Record<string, boolean>>,
): Model | undefined {
  const { path, host } = locate(file, requestOf(file, options));
  const settings = settingsOf(options);
  const set = [...(settings.set ?? []), ...Object.entries(flags).map(([name, on]) => ({ name, text: String(on) }))];
  return compile(path, host, { ...settings, set }).model;
}

function signed(value: number): string {
  return value === 0 ? '±0' : `${value > 0 ? '+' : '−'}${formatCount(Math.abs(value))}`;
}

function table(
  title: string,
  rows: readonly (readonly [string, string])[] | string[][],
  last?: readonly [string, string],
): string {
  const all = [...rows, ...(last ? [last] : [])] as [string, string][];
  const left = Math.max(title.length, ...all.map(([name]) => name.length)) + 2;
  const right = Math.max(...all.map(([, value]) => value.length));
  return [title, ...all.map(([name, value]) => `  ${name.padEnd(left)}${value.padStart(right)}`)].join('\n');
}
