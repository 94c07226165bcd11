/** Two models, or one under two settings: what differs in settings, parameters, graphs and what is declared beside them. */
import type { ConfigValue } from '../../../shared/artifact.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import { printType } from '../../elaborate/signature.ts';
import type { EntryGraph } from '../../elaborate/trace-entry.ts';
import { type Graph, typeOf, type ValueId } from '../../ir/graph.ts';
import { type Changed, differences, type KeyChange, together } from './changed.ts';
import { layoutsOf, recipeOf, stagesOf, traitsOf } from './declared.ts';
import { compareGraphs, type FactChange } from './graph.ts';

export interface EntryChange {
  readonly name: string;
  readonly nodes: Changed<number>;
  /** by op, those whose number differs */
  readonly ops: readonly Changed<number>[];
  /** inputs and outputs with their types */
  readonly ports: readonly Changed<string>[];
  /** attributes, constants, and where the ops are the same what their operands are */
  readonly details: readonly FactChange[];
}

export interface ModelDifference {
  readonly settings: readonly Changed<string>[];
  /** parameters by module, where their number differs */
  readonly modules: readonly Changed<number>[];
  readonly total: Changed<number>;
  /** checkpoint keys with their shapes */
  readonly keys: readonly KeyChange[];
  /** initial values and the like of the keys that both have */
  readonly traits: readonly KeyChange[];
  /** the loss as stages train it is one of them, where it is another graph */
  readonly entries: readonly EntryChange[];
  readonly stages: readonly Changed<string>[];
  readonly recipe: readonly Changed<string>[];
  readonly layouts: readonly Changed<string>[];
}

/** @param depth levels of modules that parameters are counted by */
export function compareModels(a: Model, b: Model, depth: number): ModelDifference {
  // the others are told once, as keys
  const both = (key: string): boolean => a.parameters.has(key) && b.parameters.has(key);
  return {
    settings: differences(settingsOf(a), settingsOf(b)),
    modules: differences(countsOf(a, depth), countsOf(b, depth)),
    total: { name: 'total', before: totalOf(a), after: totalOf(b) },
    keys: together(differences(shapesOf(a), shapesOf(b))),
    traits: together(differences(traitsOf(a, both), traitsOf(b, both))),
    entries: entryChanges(a, b),
    stages: differences(stagesOf(a, both), stagesOf(b, both)),
    recipe: differences(recipeOf(a), recipeOf(b)),
    layouts: differences(layoutsOf(a), layoutsOf(b)),
  };
}

// ── settings and parameters ─────────────────────────────────────────────────────────────────────
export const settingsOf = (model: Model): Map<string, string> =>
  settingTexts(model.settings.configName, model.settings.flags, model.config());

/** Settings by name, as texts. */
export function settingTexts(
  configName: string,
  flags: Iterable<readonly [string, boolean]>,
  config: ConfigValue,
): Map<string, string> {
  const values = new Map<string, string>([['config', configName]]);
  for (const [flag, on] of flags) values.set(`flag ${flag}`, String(on));
  const add = (path: string, value: ConfigValue): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value)) add(path === '' ? name : `${path}.${name}`, inner);
    } else values.set(path, JSON.stringify(value));
  };
  add('', config);
  return values;
}

/** Buffers are no parameters. */
function trainable(model: Model): ParameterInfo[] {
  return [...model.parameters.values()].filter(({ buffer }) => !buffer);
}

function totalOf(model: Model): number {
  return trainable(model).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function countsOf(model: Model, depth: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { path, shape } of trainable(model)) {
    const name = path.split('.').slice(0, depth).join('.');
    counts.set(name, (counts.get(name) ?? 0) + sizeOf(shape));
  }
  return counts;
}

function shapesOf(model: Model): Map<string, string> {
  return new Map([...model.parameters.values()].map((parameter) => [parameter.keys[0], printType(parameter)]));
}

// ── graphs ──────────────────────────────────────────────────────────────────────────────────────
function entryChanges(a: Model, b: Model): EntryChange[] {
  return [...new Set([...a.entries, ...b.entries])].flatMap((name) => {
    const [before, after] = [a, b].map((model) => (model.entries.includes(name) ? model.entry(name) : undefined));
    const change = entryChange(name, before, after);
    if (!a.losses.has(name) || !before || !after) return change ?? [];
    const [one, other] = [a, b].map((model) => model.entry(name, [], { training: { dropout: true } }));
    const training = without(entryChange(`${name} in training`, one, other), change);
    return [change, training].filter((found) => found !== undefined);
  });
}

/** What differs in training only. */
function without(training: EntryChange | undefined, known: EntryChange | undefined): EntryChange | undefined {
  if (!training || !known) return training;
  const rest = <T>(all: readonly T[], told: readonly T[]): T[] => {
    const texts = new Set(told.map((one) => JSON.stringify(one)));
    return all.filter((one) => !texts.has(JSON.stringify(one)));
  };
  const { ops, ports, details } = training;
  const left = { ops: rest(ops, known.ops), ports: rest(ports, known.ports), details: rest(details, known.details) };
  return Object.values(left).some((part) => part.length > 0) ? { ...training, ...left } : undefined;
}

function entryChange(
  name: string,
  before: EntryGraph | undefined,
  after: EntryGraph | undefined,
): EntryChange | undefined {
  const ops = differences(opsOf(before?.graph), opsOf(after?.graph));
  const change: EntryChange = {
    name,
    nodes: { name: 'nodes', before: before?.graph.nodes.length, after: after?.graph.nodes.length },
    ops,
    ports: differences(portsOf(before?.graph), portsOf(after?.graph)),
    details: before && after ? compareGraphs(before, after, ops.length === 0) : [],
  };
  return [ops, change.ports, change.details].some((part) => part.length > 0) ? change : undefined;
}

function opsOf(graph: Graph | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of graph?.nodes ?? []) counts.set(op, (counts.get(op) ?? 0) + 1);
  return counts;
}

function portsOf(graph: Graph | undefined): Map<string, string> {
  if (!graph) return new Map();
  const shown = (value: ValueId): string => printType(typeOf(graph, value));
  return new Map([
    ...graph.inputs.map(({ name, value }) => [`input ${name}`, shown(value)] as const),
    ...graph.outputs.map(({ name, value }) => [`output ${name}`, shown(value)] as const),
  ]);
}
