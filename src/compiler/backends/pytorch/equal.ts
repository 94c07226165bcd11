/**
 * Whether one body does what another does: the same ops on the same values, where sizes that differ in the first (keys of a
 * cache and queries) may be the same in the second. Then the text of the first serves both.
 */
import {
  type Dim,
  equalDims,
  isSymbolic,
  printDim,
  type Shape,
  subDims,
  substituteDim,
  symbolsOf,
} from '../../../shared/dim.ts';
import type { BodyRun, Effect } from '../../elaborate/record.ts';
import { type Graph, typeOf, type ValueId } from '../../ir/graph.ts';
import { flat, type Item, makesOf, parametersOf, readsOf } from './bodies.ts';
import type { Traced } from './branches.ts';

/** @param callee by what name a call is known */
export function serves(general: Traced, special: Traced, callee: (run: BodyRun) => string): boolean {
  const values = new Map<ValueId, ValueId>();
  const pair = (a: readonly ValueId[], b: readonly ValueId[]): boolean =>
    a.length === b.length && a.every((id, index) => sameValue(id, b[index]!));
  const [keysA, keysB] = [general.recording.keys, special.recording.keys];
  const sameValue = (a: ValueId, b: ValueId): boolean => {
    const known = values.get(a);
    if (known !== undefined) return known === b;
    const key = keysA.get(a);
    if (key !== undefined) return keysB.get(b) === key;
    const constant = constantText(general.recording.graph, a);
    return constant !== undefined && constant === constantText(special.recording.graph, b);
  };
  const [argsA, argsB] = [parametersOf(general.run, general.recording), parametersOf(special.run, special.recording)];
  if (argsA.length !== argsB.length || argsA.some((ids, index) => ids.length !== argsB[index]!.length)) return false;
  argsA.flat().forEach((id, index) => void values.set(id, argsB.flat()[index]!));
  const shapes = (ids: readonly ValueId[], graph: Graph): Shape[] => ids.map((id) => typeOf(graph, id).shape);
  const sizes = unified(shapes(argsA.flat(), general.recording.graph), shapes(argsB.flat(), special.recording.graph));
  if (!sizes) return false;
  const sameItem = (a: Item, b: Item): boolean => {
    if (a.kind === 'statement' && b.kind === 'statement') return sameItems(a.items, b.items);
    if (a.kind === 'loop' && b.kind === 'loop')
      return (
        a.iterations.length === b.iterations.length &&
        a.iterations.every(({ items }, index) => sameItems(items, b.iterations[index]!.items))
      );
    if (!pair(readsOf(a), readsOf(b))) return false;
    const [madeA, madeB] = [makesOf(a), makesOf(b)];
    if (madeA.length !== madeB.length) return false;
    for (const [index, id] of madeA.entries()) if (!values.has(id)) values.set(id, madeB[index]!);
    if (a.kind === 'node' && b.kind === 'node')
      return a.node.op === b.node.op && sameAttributes(a.node.attributes, b.node.attributes, sizes);
    if (a.kind === 'random' && b.kind === 'random') return sameAttributes(a.shape, b.shape, sizes);
    if (a.kind === 'call' && b.kind === 'call')
      return callee(a.run) === callee(b.run) && exactText(a.args.map(count)) === exactText(b.args.map(count));
    if (a.kind === 'gradient' && b.kind === 'gradient') {
      values.set(a.upstream, b.upstream);
      return a.targets.length === b.targets.length && sameItems(a.items, b.items) && pair(a.gradients, b.gradients);
    }
    return a.kind === 'effect' && b.kind === 'effect' && asked(a.effect) === asked(b.effect);
  };
  const sameItems = (a: readonly Item[], b: readonly Item[]): boolean =>
    a.length === b.length && a.every((item, index) => sameItem(item, b[index]!));
  const [a, b] = [flat(general.run, general.recording), flat(special.run, special.recording)];
  return sameItems(a.items, b.items) && pair(a.results, b.results);
}

const count = ({ length }: readonly ValueId[]): number => length;

/** What an effect asks for, without the values that it reads and makes. */
function asked(effect: Effect): string {
  switch (effect.kind) {
    case 'cached':
      return `cached ${effect.axis}`;
    case 'dropout':
      return `dropout ${effect.p}`;
    case 'update':
      return `update ${effect.parameter.keys[0]}`;
  }
}

function constantText({ constants }: Graph, id: ValueId): string | undefined {
  const tensor = constants.find(({ value }) => value === id)?.tensor;
  return (
    tensor && `${tensor.dtype} ${tensor.shape.join()} ${Array.from<unknown, string>(tensor.data, numberText).join()}`
  );
}

/** What the symbols of the first shapes are in the second; undefined where they do not fit. */
function unified(from: readonly Shape[], to: readonly Shape[]): ReadonlyMap<string, Dim> | undefined {
  const found = new Map<string, Dim>();
  const open = from.flatMap((shape, at) => shape.map((dim, axis) => ({ dim, as: to[at]![axis]! })));
  if (from.some((shape, at) => shape.length !== to[at]!.length)) return undefined;
  for (let before = -1; found.size !== before; ) {
    before = found.size;
    for (const { dim, as } of open) {
      const unknown = symbolsOf(dim).filter((name) => !found.has(name));
      const [only] = unknown;
      if (only === undefined || unknown.length > 1 || !isSymbolic(dim)) continue;
      const term = dim.terms.find(({ symbols }) => symbols.includes(only))!;
      if (term.coefficient !== 1 || term.symbols.length !== 1) continue;
      const rest = subDims(dim, { kind: 'symbolic', terms: [term] });
      found.set(only, subDims(as, substituteDim(rest, found)));
    }
  }
  return open.every(({ dim, as }) => equalDims(substituteDim(dim, found), as)) ? found : undefined;
}

function sameAttributes(a: object, b: object, sizes: ReadonlyMap<string, Dim>): boolean {
  return exactText(a, (dim) => substituteDim(dim, sizes)) === exactText(b);
}

/** All of a value as text: a size is the same as a number and as a dim; −0, infinities and NaN, which JSON has not, are themselves. */
const exactText = (value: unknown, size: (dim: Dim) => Dim = (dim) => dim): string =>
  JSON.stringify(value, (_, part: unknown) => {
    if (isSymbolic(part)) return printDim(size(part));
    return typeof part === 'number' ? numberText(part) : part;
  });

const numberText = (value: unknown): string => (Object.is(value, -0) ? '-0' : String(value));
