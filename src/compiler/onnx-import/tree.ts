/**
 * The modules of a graph, found again: by the paths of its tensors and of its nodes. What a module's nodes compute is its forward, where that is one
 * call: nothing of it waits for what comes after it. A module for which that does not hold keeps its tensors and gives its nodes to the one around it.
 */
import { type Dim, isSymbolic, symbolsOf } from '../../shared/dim.ts';
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts';
import type { PlacedTensor } from './keys.ts';
import { SizeNames } from './sizes.ts';

export interface Mod {
  /** last part of its path; '' of the model */
  readonly part: string;
  readonly parent: Mod | undefined;
  readonly children: Map<string, Mod>;
  readonly tensors: Map<string, PlacedTensor>;
  /** undefined: it is not called */
  body?: Body;
}

/** A step of a body. */
export type Step =
  | { readonly kind: 'node'; readonly node: AnyNode }
  | { readonly kind: 'call'; readonly module: Mod; readonly body: Body };

export interface Body {
  inputs: readonly ValueId[];
  outputs: readonly ValueId[];
  readonly nodes: readonly AnyNode[];
  steps: readonly Step[];
}

/** Without tensors, and with so few nodes, a module is written where it is called. */
const SMALL = 8;
const MOST_ROUNDS = 200;

const newModule = (part: string, parent: Mod | undefined): Mod => ({
  part,
  parent,
  children: new Map(),
  tensors: new Map(),
});

function below(parent: Mod, part: string): Mod {
  const found = parent.children.get(part) ?? newModule(part, parent);
  parent.children.set(part, found);
  return found;
}

/** Its children are the items of a list: 0, 1, … */
export function isList(module: Mod): boolean {
  const { children, tensors, parent, body } = module;
  if (!parent || body || tensors.size > 0 || children.size === 0 || isList(parent)) return false;
  return Array.from({ length: children.size }, (_, index) => String(index)).every((part) => children.has(part));
}

/** Whether it holds no tensor, nor do the modules in it. */
function isBare({ tensors, children }: Mod): boolean {
  return tensors.size === 0 && [...children.values()].every(isBare);
}

export function moduleTree(graph: Graph, tensors: readonly PlacedTensor[]): Mod {
  const root = newModule('', undefined);
  for (const tensor of tensors) {
    let module = root;
    for (const part of tensor.path.slice(0, -1)) module = below(module, part);
    module.tensors.set(tensor.path.at(-1)!, tensor);
  }
  new Planner(graph, tensors, root).plan();
  prune(root);
  return root;
}

/** Modules that hold nothing and are not called. */
function prune(module: Mod): void {
  for (const [part, child] of module.children) {
    prune(child);
    if (!child.body && isBare(child) && ![...child.children.values()].some(({ body }) => body))
      module.children.delete(part);
  }
}

class Planner {
  private readonly graph: Graph;
  private readonly root: Mod;
  private readonly order = new Map<AnyNode, number>();
  private readonly producers = new Map<ValueId, AnyNode>();
  private readonly users = new Map<ValueId, AnyNode[]>();
  private readonly owners = new Map<ValueId, Mod>();
  private readonly results: ReadonlySet<ValueId>;
  private readonly constants: ReadonlySet<ValueId>;
  private readonly dissolved = new Set<Mod>();
  private readonly sizes: SizeNames;

  constructor(graph: Graph, tensors: readonly PlacedTensor[], root: Mod) {
    this.graph = graph;
    this.sizes = new SizeNames(graph);
    this.root = root;
    this.results = new Set(graph.outputs.map(({ value }) => value));
    this.constants = new Set(graph.constants.map(({ value }) => value));
    for (const [index, node] of graph.nodes.entries()) {
      this.order.set(node, index);
      for (const value of node.outputs) this.producers.set(value, node);
      for (const value of node.inputs) {
        const users = this.users.get(value);
        if (users) users.push(node);
        else this.users.set(value, [node]);
      }
    }
    for (const { path, value } of tensors) {
      let module = root;
      for (const part of path.slice(0, -1)) module = module.children.get(part)!;
      this.owners.set(value, module);
    }
  }

  plan(): void {
    const { graph, root } = this;
    root.body = {
      inputs: graph.inputs.map(({ value }) => value),
      outputs: graph.outputs.map(({ value }) => value),
      nodes: graph.nodes,
      steps: [],
    };
    const waiting = [root];
    for (let module = waiting.pop(); module; module = waiting.pop()) waiting.push(...this.stepsOf(module));
  }

  /** Plans the body of a module; returns the modules that it calls. */
  private stepsOf(module: Mod): readonly Mod[] {
    const body = module.body!;
    for (let round = 0; ; round++) {
      const units = this.unitsOf(module, body.nodes);
      const bodies = new Map<Mod, Body>();
      const before = this.dissolved.size;
      for (const [unit, nodes] of units) {
        const found = this.bodyOf(unit, nodes);
        if (round >= MOST_ROUNDS || !this.isCallable(unit, found)) this.dissolved.add(unit);
        bodies.set(unit, found);
      }
      if (this.dissolved.size > before) continue;
      const steps = this.sorted(body.nodes, units, bodies);
      if (!steps) continue;
      body.steps = steps;
      for (const [unit, found] of bodies) unit.body = found;
      alignLists([...bodies.keys()]);
      return [...bodies.keys()];
    }
  }

  /** The modules that are called, with their nodes. */
  private unitsOf(module: Mod, nodes: readonly AnyNode[]): Map<Mod, AnyNode[]> {
    const units = new Map<Mod, AnyNode[]>();
    const depth = depthOf(module);
    for (const node of nodes) {
      const unit = this.unitOf(module, node, depth);
      if (!unit) continue;
      const found = units.get(unit);
      if (found) found.push(node);
      else units.set(unit, [node]);
    }
    return units;
  }

  private unitOf(module: Mod, node: AnyNode, depth: number): Mod | undefined {
    const path = node.origin.path === '' ? [] : node.origin.path.split('.');
    let at = module;
    for (const part of path.slice(depth)) {
      at = below(at, part);
      if (!isList(at) && !this.dissolved.has(at)) return at;
    }
    return undefined;
  }

  private bodyOf(unit: Mod, nodes: readonly AnyNode[]): Body {
    const own = new Set(nodes.flatMap(({ outputs }) => outputs));
    const [inputs, outside] = [new Set<ValueId>(), new Set<ValueId>()];
    for (const value of nodes.flatMap((node) => node.inputs)) {
      if (own.has(value) || this.constants.has(value)) continue;
      const owner = this.owners.get(value);
      if (!owner) inputs.add(value);
      else if (!isWithin(owner, unit)) outside.add(value);
    }
    const within = new Set(nodes);
    const outputs = [...own].filter(
      (value) => this.results.has(value) || this.users.get(value)?.some((user) => !within.has(user)),
    );
    return { inputs: [...inputs, ...outside], outputs, nodes, steps: [] };
  }

  private isCallable(unit: Mod, { inputs, outputs, nodes }: Body): boolean {
    if (outputs.length === 0 || inputs.length === 0) return false;
    if (nodes.length <= SMALL && isBare(unit) && !(unit.parent && isList(unit.parent))) return false;
    const { known } = this.sizes.of(inputs);
    return nodes.every((node) => dimsOf(node).every((name) => known.has(name)));
  }

  /** The steps in an order in which each finds what it needs; undefined when there is none, and then one module is dissolved. */
  private sorted(
    nodes: readonly AnyNode[],
    units: ReadonlyMap<Mod, readonly AnyNode[]>,
    bodies: ReadonlyMap<Mod, Body>,
  ): readonly Step[] | undefined {
    const unitOf = new Map<AnyNode, Mod>();
    for (const [unit, own] of units) for (const node of own) unitOf.set(node, unit);
    const keyOf = (node: AnyNode): AnyNode | Mod => unitOf.get(node) ?? node;
    const here = new Set(nodes);
    const waits = new Map<AnyNode | Mod, Set<AnyNode | Mod>>();
    const first = new Map<AnyNode | Mod, number>();
    for (const node of nodes) {
      const key = keyOf(node);
      const needs = waits.get(key) ?? new Set();
      waits.set(key, needs);
      if (!first.has(key)) first.set(key, this.order.get(node)!);
      for (const value of node.inputs) {
        const producer = this.producers.get(value);
        if (producer && here.has(producer) && keyOf(producer) !== key) needs.add(keyOf(producer));
      }
    }
    const { sequence, stuck } = topological(waits, first);
    if (stuck.length > 0) {
      const modules = stuck.filter((key): key is Mod => 'children' in key);
      modules.sort((a, b) => units.get(a)!.length - units.get(b)!.length);
      this.dissolved.add(modules[0]!);
      return undefined;
    }
    return sequence.map(
      (key): Step =>
        'children' in key ? { kind: 'call', module: key, body: bodies.get(key)! } : { kind: 'node', node: key },
    );
  }
}

/** Kahn's algorithm, the earliest first. What waits for itself, or for what does, is stuck. */
function topological<K>(
  waits: ReadonlyMap<K, ReadonlySet<K>>,
  first: ReadonlyMap<K, number>,
): { readonly sequence: readonly K[]; readonly stuck: readonly K[] } {
  const followers = new Map<K, K[]>();
  const left = new Map<K, number>();
  for (const [key, needs] of waits) {
    left.set(key, needs.size);
    for (const need of needs) followers.set(need, [...(followers.get(need) ?? []), key]);
  }
  const ready = [...waits.keys()].filter((key) => left.get(key) === 0);
  ready.sort((a, b) => first.get(b)! - first.get(a)!);
  const sequence: K[] = [];
  for (let key = ready.pop(); key !== undefined; key = ready.pop()) {
    sequence.push(key);
    for (const next of followers.get(key) ?? []) {
      left.set(next, left.get(next)! - 1);
      if (left.get(next)! > 0) continue;
      // sorted insertion: few wait at a time
      let at = ready.length;
      while (at > 0 && first.get(ready[at - 1]!)! < first.get(next)!) at--;
      ready.splice(at, 0, next);
    }
  }
  const done = new Set(sequence);
  return { sequence, stuck: [...waits.keys()].filter((key) => !done.has(key)) };
}

function depthOf(module: Mod): number {
  return module.parent ? depthOf(module.parent) + 1 : 0;
}

function isWithin(module: Mod, outer: Mod): boolean {
  for (let at: Mod | undefined = module; at; at = at.parent) if (at === outer) return true;
  return false;
}

/** Symbols that the text of a node names. */
export function dimsOf({ attributes }: AnyNode): readonly string[] {
  return Object.values(attributes)
    .flat()
    .filter((value): value is Dim => isSymbolic(value))
    .flatMap(symbolsOf);
}

/** What one item of a list gives the next is the first input of each, so that the list can be called. */
function alignLists(units: readonly Mod[]): void {
  const lists = new Set(units.flatMap(({ parent }) => (parent && isList(parent) ? [parent] : [])));
  for (const list of lists) {
    const bodies = [...list.children.values()].map(({ body }) => body);
    const at = bodies.map((body, index) => {
      const [given] = index === 0 ? [] : (bodies[index - 1]?.outputs ?? []);
      return given === undefined ? -1 : (body?.inputs.indexOf(given) ?? -1);
    });
    const place = at[1] ?? -1;
    if (place < 0 || at.slice(1).some((other) => other !== place)) continue;
    for (const body of bodies)
      if (body && body.inputs.length > place)
        body.inputs = [body.inputs[place]!, ...body.inputs.filter((_, index) => index !== place)];
  }
}
