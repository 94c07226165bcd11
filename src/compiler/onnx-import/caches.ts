/**
 * Keys and values that a decoder keeps: an input, joined along the length axis with what is new, is an output. In MDL that is `cached(x, "key")`
 * in an entry with a cache, where nothing of it is passed from module to module.
 *
 * The ports of a cache have names that follow from where it is, `past.N.key` and `present.N.key` with N counting modules as they run, so this is
 * for files whose names are these; others keep inputs and outputs of their own.
 */
import { type Dim, equalDims } from '../../shared/dim.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';
import { isVariable, SizeNames } from './sizes.ts';
import { type Body, dimsOf, type Mod } from './tree.ts';

export interface Caches {
  /** the length of what is kept, before the step */
  readonly length: Dim;
  readonly past: string;
  readonly present: string;
  /** `key` of past.0.key, by the node that joins */
  readonly names: ReadonlyMap<AnyNode, string>;
  /** the graph's inputs and outputs that the caches are */
  readonly inputs: ReadonlySet<ValueId>;
  readonly outputs: ReadonlySet<ValueId>;
}

interface Port {
  readonly node: AnyNode;
  readonly input: ValueId;
  readonly output: ValueId;
  readonly past: readonly [prefix: string, index: number, name: string];
  readonly present: readonly [prefix: string, index: number, name: string];
}

const LENGTH_AXIS = 2;

/** The caches of a model; the modules' bodies pass them on no more. */
export function takeCaches(graph: Graph, root: Mod): Caches | undefined {
  const ports = portsOf(graph);
  const [first] = ports.values();
  if (!first || !agree(graph, [...ports.values()], root)) return undefined;
  const inputs = new Set([...ports.values()].map(({ input }) => input));
  const outputs = new Set([...ports.values()].map(({ output }) => output));
  const names = new Map([...ports].map(([node, { past }]) => [node, past[2]]));
  strip(graph, root, inputs, outputs);
  const length = typeOf(graph, first.input).shape[LENGTH_AXIS]!;
  return { length, past: first.past[0], present: first.present[0], names, inputs, outputs };
}

function portsOf(graph: Graph): ReadonlyMap<AnyNode, Port> {
  const inputs = new Map(graph.inputs.map(({ name, value }) => [value, name]));
  const results = new Map<ValueId, string[]>();
  for (const { name, value } of graph.outputs) results.set(value, [...(results.get(value) ?? []), name]);
  const uses = new Map<ValueId, number>();
  for (const value of graph.nodes.flatMap((node) => node.inputs)) uses.set(value, (uses.get(value) ?? 0) + 1);
  const ports = new Map<AnyNode, Port>();
  for (const node of graph.nodes) {
    if (node.op !== 'concat' || node.attributes.axis !== LENGTH_AXIS || node.inputs.length !== 2) continue;
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    const [past, present, ...more] = [inputs.get(input), ...(results.get(output) ?? [])].map(partsOf);
    if (!past || !present || more.length > 0 || uses.get(input) !== 1 || typeOf(graph, output).shape.length !== 4)
      continue;
    ports.set(node, { node, input, output, past, present });
  }
  return ports;
}

/** prefix.N.name */
function partsOf(name: string | undefined): readonly [string, number, string] | undefined {
  const parts = /^(.+)\.(0|[1-9]\d{0,5})\.([^.]+)$/.exec(name ?? '');
  return parts ? [parts[1]!, Number(parts[2]), parts[3]!] : undefined;
}

/** Whether `cached` in the modules that join would give ports of the same names. */
function agree(graph: Graph, ports: readonly Port[], root: Mod): boolean {
  const [{ past, present, input }] = ports as [Port];
  const length = typeOf(graph, input).shape[LENGTH_AXIS]!;
  const alike = ports.every(
    (port) =>
      port.past[0] === past[0] &&
      port.present[0] === present[0] &&
      port.past[1] === port.present[1] &&
      port.past[2] === port.present[2] &&
      equalDims(typeOf(graph, port.input).shape[LENGTH_AXIS]!, length),
  );
  if (!alike || !isVariable(length)) return false;
  const inputs = new Set(ports.map((port) => port.input));
  const sizes = new SizeNames(graph);
  if (![...root.children.values()].every((module) => sizesAreKnown(sizes, module, inputs))) return false;
  const indices = new Map<Mod, number>();
  const byNode = new Map(ports.map((port) => [port.node, port]));
  const seen = new Set<string>();
  return joinsOf(root, root.body!, byNode).every(([module, port]) => {
    if (!indices.has(module)) indices.set(module, indices.size);
    const own = port.past.join('.');
    const once = !seen.has(own);
    seen.add(own);
    return once && indices.get(module) === port.past[1];
  });
}

/** Whether each body still finds the sizes that it names in what is passed to it. */
function sizesAreKnown(sizes: SizeNames, { body, children }: Mod, caches: ReadonlySet<ValueId>): boolean {
  const { known } = sizes.of((body?.inputs ?? []).filter((value) => !caches.has(value)));
  const own = body?.steps.every((step) => step.kind === 'call' || dimsOf(step.node).every((name) => known.has(name)));
  return own !== false && [...children.values()].every((child) => sizesAreKnown(sizes, child, caches));
}

/** The joining nodes as they run, with the module whose body each is of. */
function joinsOf(module: Mod, body: Body, ports: ReadonlyMap<AnyNode, Port>): readonly (readonly [Mod, Port])[] {
  return body.steps.flatMap((step): readonly (readonly [Mod, Port])[] => {
    if (step.kind === 'call') return joinsOf(step.module, step.body, ports);
    const port = ports.get(step.node);
    return port ? [[module, port]] : [];
  });
}

function strip(graph: Graph, module: Mod, inputs: ReadonlySet<ValueId>, outputs: ReadonlySet<ValueId>): void {
  const { body } = module;
  if (body) {
    const within = new Set(body.nodes);
    const readOutside = new Set(graph.nodes.filter((node) => !within.has(node)).flatMap((node) => node.inputs));
    body.inputs = body.inputs.filter((value) => !inputs.has(value));
    body.outputs = body.outputs.filter((value) => !outputs.has(value) || readOutside.has(value));
  }
  for (const child of module.children.values()) strip(graph, child, inputs, outputs);
}
