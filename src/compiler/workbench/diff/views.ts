/** Two models of which there is no program, or one beside a program: ONNX files and compiled folders, compared by what they show. */
import type { ModelView, ViewEntry, ViewModule } from '../../../shared/view.ts';
import { type Changed, differences, together } from './changed.ts';
import type { EntryChange, ModelDifference } from './compare.ts';
import { ownBy } from './costs.ts';

/** A side: what it shows, and its settings where it says them. */
export interface Shown {
  readonly view: ModelView;
  readonly settings?: ReadonlyMap<string, string>;
}

/** What a graph of ONNX does not say (initial values, stages, recipes, layouts) is left out. @param depth levels of modules */
export function compareViews(a: Shown, b: Shown, depth: number): ModelDifference {
  const modules = ({ view }: Shown): ReadonlyMap<string, number> => ownBy(view.tree, depth, (one) => one.parameters);
  const names = [...new Set([...a.view.entries, ...b.view.entries].map(({ name }) => name))];
  return {
    settings: a.settings && b.settings ? differences(a.settings, b.settings) : [],
    modules: differences(modules(a), modules(b)),
    total: { name: 'total', before: a.view.parameters, after: b.view.parameters },
    keys: together(differences(keysOf(a.view.tree), keysOf(b.view.tree))),
    traits: [],
    entries: names.flatMap((name) => entryChange(name, entryOf(a, name), entryOf(b, name)) ?? []),
    stages: [],
    recipe: [],
    layouts: [],
  };
}

const entryOf = ({ view }: Shown, wanted: string): ViewEntry | undefined =>
  view.entries.find(({ name }) => name === wanted);

function keysOf(tree: ViewModule): Map<string, string> {
  const keys = new Map<string, string>();
  const visit = ({ own, children }: ViewModule): void => {
    for (const { key, type } of own) keys.set(key, type);
    children.forEach(visit);
  };
  visit(tree);
  return keys;
}

function entryChange(
  name: string,
  before: ViewEntry | undefined,
  after: ViewEntry | undefined,
): EntryChange | undefined {
  const ops = differences(opsOf(before), opsOf(after));
  const ports = differences(portsOf(before), portsOf(after));
  if (ops.length === 0 && ports.length === 0) return undefined;
  const nodes: Changed<number> = { name: 'nodes', before: countOf(before), after: countOf(after) };
  return { name, nodes, ops, ports, details: [] };
}

const countOf = (entry: ViewEntry | undefined): number | undefined =>
  entry?.nodes.filter(({ kind }) => kind === 'op').length;

function opsOf(entry: ViewEntry | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, label } of entry?.nodes ?? []) if (kind === 'op') counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function portsOf(entry: ViewEntry | undefined): Map<string, string> {
  const ports = (entry?.nodes ?? []).filter(({ kind }) => kind !== 'op');
  return new Map(ports.map(({ kind, label, type }) => [`${kind} ${label}`, type]));
}
