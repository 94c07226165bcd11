/**
 * What every target's manifest says: of the model, and of the ports that a graph's inputs and outputs become.
 *
 * Integers that are looked up in a table have a range, which a session checks before a backend sees them: runtimes
 * differ in what they make of a token id outside the vocabulary, and some read another row without a word.
 */
import type {
  CachePort,
  DimRequirement,
  EntryManifest,
  IntegerRange,
  Manifest,
  TensorPort,
} from '../shared/artifact.ts';
import { equalDims, printDim } from '../shared/dim.ts';
import type { Model } from './elaborate/model.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from './ir/graph.ts';

/** What a manifest or a plan says of the model that it was made from. */
export function modelManifest(model: Model): Manifest['model'] {
  return {
    name: model.name,
    source: model.program.root.source.path,
    config_name: model.settings.configName,
    flags: Object.fromEntries(model.settings.flags),
    config: model.config(),
  };
}

/** The manifest of an entry. */
export function entryManifest(file: string, graph: Graph, cache: readonly CachePort[] = []): EntryManifest {
  const ranges = rangesOf(graph);
  const port = ({ name, value }: { readonly name: string; readonly value: ValueId }): TensorPort => {
    const { dtype, shape } = typeOf(graph, value);
    const range = ranges.get(value);
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : printDim(dim)));
    return { name, dtype, shape: dims, ...(range ? { range } : {}) };
  };
  const ports = { inputs: graph.inputs.map(port), outputs: graph.outputs.map(port) };
  return { file, ...ports, cache, ...dimRequirements(graph) };
}

/** What a session checks of the sizes of an entry. */
export function dimRequirements({ requires }: Graph): { readonly requires?: readonly DimRequirement[] } {
  if (requires.length === 0) return {};
  return {
    requires: requires.map(({ dim, what, origin: { source } }) => ({
      dim: printDim(dim),
      what,
      ...(source === undefined ? {} : { source }),
    })),
  };
}

/**
 * Ranges of inputs every element of which is an index: directly, through views, or through `where(ids == c, …, ids)`,
 * which lets c through as well. Of an input whose beginning is cut off first (labels that are shifted) the rest is meant.
 */
function rangesOf(graph: Graph): Map<ValueId, IntegerRange> {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
  const constants = new Map(graph.constants.map(({ value, tensor }) => [value, tensor.data]));
  const inputs = new Set(graph.inputs.map(({ value }) => value));
  const ranges = new Map<ValueId, IntegerRange>();

  const bound = (value: ValueId, range: IntegerRange): void => {
    if (inputs.has(value)) {
      const before = ranges.get(value);
      ranges.set(value, before ? both(before, range) : range);
      return;
    }
    const node = producers.get(value);
    if (node?.op === 'reshape' || node?.op === 'transpose' || node?.op === 'expand') bound(node.inputs[0]!, range);
    else if (node?.op === 'slice' && inputs.has(node.inputs[0]!)) {
      const { starts, ends, steps } = node.attributes;
      const { shape } = typeOf(graph, node.inputs[0]!);
      const toTheEnd = shape.every((dim, axis) => steps[axis] === 1 && equalDims(ends[axis]!, dim));
      const from = starts.filter((start) => typeof start === 'number' && start >= 0);
      if (toTheEnd && from.length === shape.length) bound(node.inputs[0]!, { ...range, from: from as number[] });
    } else if (node?.op === 'where') {
      const [condition, yes, no] = node.inputs;
      const stands = comparedWith(condition!, no!) ?? comparedWith(negated(condition!), yes!);
      if (stands) bound(stands.value, { ...range, also: [...(range.also ?? []), stands.constant] });
    }
  };
  const negated = (condition: ValueId): ValueId | undefined => {
    const node = producers.get(condition);
    return node?.op === 'not' ? node.inputs[0] : undefined;
  };
  /** condition is `value == constant` */
  const comparedWith = (condition: ValueId | undefined, value: ValueId) => {
    const node = condition === undefined ? undefined : producers.get(condition);
    if (node?.op !== 'equal' || !node.inputs.includes(value)) return undefined;
    const data = constants.get(node.inputs[node.inputs[0] === value ? 1 : 0]!);
    const constant = data?.[0];
    return constant !== undefined && data!.every((each) => each === constant) ? { value, constant } : undefined;
  };

  for (const node of graph.nodes) {
    const index = indexOf(graph, node);
    if (index) bound(index.value, index.range);
  }
  return ranges;
}

/** The operand of a node that has to be in a range, for sizes that are known. */
function indexOf(graph: Graph, node: AnyNode): { readonly value: ValueId; readonly range: IntegerRange } | undefined {
  const upTo = (high: unknown, also: readonly number[] = []) =>
    typeof high === 'number'
      ? { value: node.inputs[1]!, range: { low: 0, high, ...(also.length > 0 ? { also } : {}) } }
      : undefined;
  const shape = (operand: number) => typeOf(graph, node.inputs[operand]!).shape;
  if (node.op === 'gather' || node.op === 'gather_elements') return upTo(shape(0)[node.attributes.axis]);
  if (node.op === 'rotary') return upTo(node.attributes.max_positions);
  if (node.op === 'cross_entropy') return upTo(shape(0).at(-1), [node.attributes.ignore_index]);
  return undefined;
}

/** What two uses ask of one input; where they ask it of different parts, what is asked of the whole or of the first. */
function both(a: IntegerRange, b: IntegerRange): IntegerRange {
  if (a.from?.join() !== b.from?.join()) return b.from === undefined ? b : a;
  const allows = ({ low, high, also = [] }: IntegerRange, x: number): boolean =>
    (x >= low && x < high) || also.includes(x);
  const [low, high] = [Math.max(a.low, b.low), Math.min(a.high, b.high)];
  const also = [...(a.also ?? []), ...(b.also ?? [])].filter(
    (x) => allows(a, x) && allows(b, x) && !(x >= low && x < high),
  );
  const from = a.from === undefined ? {} : { from: a.from };
  return { low, high, ...(also.length > 0 ? { also: [...new Set(also)] } : {}), ...from };
}
