/**
 * Layers of a graph whose nodes say nothing of modules, found again because they repeat: a run of nodes that comes again and again, each time with
 * weights of its own, is a list of modules. Where tensors have paths for names, a node that reads one lies in the module that the path says.
 */
import { type Dim, isSymbolic, printDim } from '../../shared/dim.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';
import { made } from '../ir/made.ts';
import type { HeldTensor } from './importer.ts';
import { pathOf } from './keys.ts';
import { Names } from './names.ts';

/** Nodes of a layer. */
const SHORTEST = 4;
const LONGEST = 2048;
/** Comparisons of nodes, for all periods together. */
const MOST_COMPARED = 5e7;

interface Run {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}

/** The graph with paths for nodes that have none. */
export function findRepeats(graph: Graph, held: ReadonlyMap<string, HeldTensor>): Graph {
  if (graph.nodes.some(({ origin }) => origin.path !== '')) return graph;
  return new Repeats(sharedFirst(graph), held).scoped();
}

/** What takes no weights, a mask that the first layer computes for all, comes before everything else. */
function sharedFirst(graph: Graph): Graph {
  const held = new Set<ValueId>(graph.parameters.map(({ value }) => value));
  for (const node of graph.nodes)
    if (node.inputs.some((value) => held.has(value))) for (const value of node.outputs) held.add(value);
  const isFree = ({ outputs }: AnyNode): boolean => outputs.every((value) => !held.has(value));
  const [free, rest] = [graph.nodes.filter(isFree), graph.nodes.filter((node) => !isFree(node))];
  return made({ ...graph, nodes: [...free, ...rest] });
}

/** What a layer's parts are called whose tensors have no names of their own. */
const PARTS: { readonly [op: string]: string } = {
  linear: 'fc',
  layer_norm: 'norm',
  rms_norm: 'norm',
  conv2d: 'conv',
  gather: 'embed',
};

class Repeats {
  private readonly graph: Graph;
  private readonly tokens: readonly number[];
  private readonly sources: ReadonlyMap<ValueId, readonly string[] | undefined>;
  private readonly paths: string[];
  private readonly lists: Names;
  private readonly lastReader: readonly number[];
  private readonly readers: number[];

  constructor(graph: Graph, held: ReadonlyMap<string, HeldTensor>) {
    this.graph = graph;
    this.tokens = tokensOf(graph);
    this.sources = new Map(graph.parameters.map(({ key, value }) => [value, modulePath(held.get(key)!.source)]));
    this.paths = graph.nodes.map((node) => this.ownPath(node));
    this.lists = new Names([...this.sources.values()].flatMap((path) => path?.[0] ?? []));
    const last = new Array<number>(graph.types.length).fill(-1);
    for (const [at, node] of graph.nodes.entries()) for (const value of node.inputs) last[value] = at;
    this.lastReader = last;
    this.readers = new Array<number>(graph.types.length).fill(0);
    for (const value of graph.nodes.flatMap(({ inputs }) => inputs)) this.readers[value]!++;
  }

  scoped(): Graph {
    this.search(0, this.graph.nodes.length);
    const nodes = this.graph.nodes.map((node, at): AnyNode => {
      const path = this.paths[at]!;
      return path === '' ? node : ({ ...node, origin: { ...node.origin, path } } as AnyNode);
    });
    return made({ ...this.graph, nodes });
  }

  /** The module whose tensors a node reads, where their names say it. */
  private ownPath({ inputs }: AnyNode): string {
    const named = inputs.flatMap((value) => this.sources.get(value)?.join('.') ?? []);
    return named.length > 0 && named.every((path) => path === named[0]) ? named[0]! : '';
  }

  /** Whether a node is all that reads its tensors. */
  private isPart({ inputs }: AnyNode): boolean {
    const tensors = inputs.filter((value) => this.sources.has(value));
    return tensors.length > 0 && tensors.every((value) => this.readers[value] === 1);
  }

  private search(from: number, to: number): void {
    const run = this.longest(from, to);
    if (!run) return;
    const { start, period, count } = run;
    const blocks = Array.from({ length: count }, (_, index) => start + index * period);
    const scopes = this.scopesOf(blocks, period);
    for (const [index, first] of blocks.entries()) {
      const parts = new Names();
      const scope = scopes[index]!;
      for (let at = first; at < first + period; at++) {
        const own = this.paths[at]!;
        if (own === scope || own.startsWith(`${scope}.`)) continue;
        const part = own === '' && this.isPart(this.graph.nodes[at]!) ? PARTS[this.graph.nodes[at]!.op] : undefined;
        this.paths[at] = part === undefined ? scope : `${scope}.${parts.claim(part)}`;
      }
    }
    this.search(from, start);
    this.search(start + count * period, to);
  }

  /** What the names of tensors say that each block is, `encoder.layers.3`, or a list of its own. */
  private scopesOf(blocks: readonly number[], period: number): readonly string[] {
    const named = blocks.map((first) => this.indexedPath(first, period));
    const lists = new Set(named.map((path) => path?.slice(0, -1).join('.')));
    const indices = new Set(named.map((path) => path?.at(-1)));
    if (lists.size === 1 && !lists.has(undefined) && indices.size === blocks.length)
      return named.map((path) => path!.join('.'));
    const list = this.lists.claim('layers');
    return blocks.map((_, index) => `${list}.${index}`);
  }

  /** The path that all tensors of a block with a name begin with, up to a number. */
  private indexedPath(first: number, period: number): readonly string[] | undefined {
    let common: readonly string[] | undefined;
    for (const { inputs } of this.graph.nodes.slice(first, first + period))
      for (const path of inputs
        .flatMap((value) => [this.sources.get(value) ?? []])
        .filter(({ length }) => length > 0)) {
        const shared = common ?? path;
        const differs = shared.findIndex((part, depth) => part !== path[depth]);
        common = differs < 0 ? shared : shared.slice(0, differs);
      }
    const at = common?.findLastIndex((part) => /^\d+$/.test(part)) ?? -1;
    return at < 1 ? undefined : common!.slice(0, at + 1);
  }

  /** The run that has most of the nodes; among those, of the shortest period. */
  private longest(from: number, to: number): Run | undefined {
    const length = to - from;
    const most = Math.min(LONGEST, Math.floor(length / 2), Math.floor(MOST_COMPARED / Math.max(1, length)));
    let best: Run | undefined;
    for (let period = SHORTEST; period <= most; period++) {
      let equal = 0;
      for (let at = from; at + period <= to; at++) {
        if (at + period < to && this.tokens[at] === this.tokens[at + period]) {
          equal++;
          continue;
        }
        const nodes = equal + period;
        if (equal >= period && nodes - (nodes % period) > (best ? best.count * best.period : 0))
          best = this.cut(at - equal, at + period, period) ?? best;
        equal = 0;
      }
    }
    return best;
  }

  /** Where a run is cut so that least goes from one block to the next, and each block has tensors of its own. */
  private cut(from: number, to: number, period: number): Run | undefined {
    let found: { readonly run: Run; readonly crossing: number } | undefined;
    for (let start = from; start < from + period; start++) {
      const count = Math.floor((to - start) / period);
      if (count < 2) break;
      const crossing = this.crossing(start + period, start);
      if (found && (crossing > found.crossing || (crossing === found.crossing && count <= found.run.count))) continue;
      found = { run: { start, period, count }, crossing };
    }
    return found && this.ownTensors(found.run) ? found.run : undefined;
  }

  /** How many values made from `from` on are read at `at` or after it. */
  private crossing(at: number, from: number): number {
    return this.graph.nodes
      .slice(from, at)
      .flatMap(({ outputs }) => outputs as readonly ValueId[])
      .filter((value) => this.lastReader[value]! >= at).length;
  }

  private ownTensors({ start, period, count }: Run): boolean {
    const readers = new Map<ValueId, Set<number>>();
    for (let at = start; at < start + period * count; at++)
      for (const value of this.graph.nodes[at]!.inputs)
        if (this.sources.has(value))
          readers.set(value, (readers.get(value) ?? new Set()).add(Math.floor((at - start) / period)));
    const own = new Set([...readers.values()].flatMap((blocks) => (blocks.size === 1 ? [...blocks] : [])));
    return own.size === count;
  }
}

function modulePath(source: string): readonly string[] | undefined {
  const path = pathOf(source);
  return path && path.length > 1 ? path.slice(0, -1) : undefined;
}

/** Equal numbers of nodes that do the same to operands of the same types. */
function tokensOf(graph: Graph): readonly number[] {
  const numbers = new Map<string, number>();
  const parameters = new Set(graph.parameters.map(({ value }) => value));
  const constants = new Map(graph.constants.map(({ value, tensor }) => [value, tensor.data[0]]));
  const operand = (value: ValueId): string => {
    const { dtype, shape } = typeOf(graph, value);
    const kind = parameters.has(value) ? 'parameter' : (constants.get(value) ?? '');
    return `${kind} ${dtype} ${shape.map(printDim).join()}`;
  };
  return graph.nodes.map(({ op, attributes, inputs }) => {
    const text = JSON.stringify([op, attributes, inputs.map(operand)], (_, part: unknown) =>
      isSymbolic(part) ? printDim(part as Dim) : part,
    );
    const found = numbers.get(text) ?? numbers.size;
    numbers.set(text, found);
    return found;
  });
}
