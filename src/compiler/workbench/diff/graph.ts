/**
 * Two graphs, node by node: the n-th of an op in a module is compared with the n-th of the other side. Attributes,
 * constants and what each operand is are all there is to a graph, so two without a difference compute the same.
 */
import { printDim } from '../../../shared/dim.ts';
import { printType } from '../../elaborate/signature.ts';
import type { EntryGraph } from '../../elaborate/trace-entry.ts';
import { type AnyNode, typeOf, type ValueId } from '../../ir/graph.ts';
import { printAttribute } from '../../ir/print.ts';
import type { AttributeValue } from '../../ops/attributes.ts';

/** One thing that is said of a node, or of the graph. */
interface Fact {
  /** the op, or `output`, `cache`, … */
  readonly of: string;
  /** path of its module */
  readonly path: string;
  /** the attribute, or which operand */
  readonly name: string;
  readonly text: string;
  /** who an operand comes from, which shifts where ops come and go */
  readonly wiring: boolean;
}

export interface FactChange {
  /** `layer_norm eps` */
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** nodes of which it holds */
  readonly count: number;
  /** modules that they are in; those of layers together */
  readonly modules: readonly string[];
}

type Compared = Pick<EntryGraph, 'graph'> & Partial<EntryGraph>;

/** @param structure whether the two have the same ops, so that it is told too what their operands are */
export function compareGraphs(a: Compared, b: Compared, structure: boolean): FactChange[] {
  const [before, after] = [new Facts(a), new Facts(b)];
  const changes = new Map<string, { change: FactChange; modules: Set<string> }>();
  for (const id of new Set([...before.all.keys(), ...after.all.keys()])) {
    const [one, other] = [before.all.get(id), after.all.get(id)];
    const fact = (one ?? other)!;
    if (one?.text === other?.text) continue;
    // a node that one side lacks is told by its number
    if (before.lacks(id, after) || after.lacks(id, before)) continue;
    const constants = [one, other].every((side) => side?.text.startsWith('const '));
    if (fact.wiring && !structure && !constants) continue;
    note(changes, fact, one?.text, other?.text);
  }
  if (structure) {
    for (const id of new Set([...before.counts.keys(), ...after.counts.keys()])) {
      const [n, m] = [before.counts.get(id) ?? 0, after.counts.get(id) ?? 0];
      const [path, of] = id.split('|') as [string, string];
      if (n !== m) note(changes, { of, path, name: 'nodes' }, String(n), String(m));
    }
  }
  return [...changes.values()].map(({ change, modules }) => ({ ...change, modules: [...modules] }));
}

/** Changes that are the same in several layers are one. */
function note(
  changes: Map<string, { change: FactChange; modules: Set<string> }>,
  { of, path, name }: Pick<Fact, 'of' | 'path' | 'name'>,
  before: string | undefined,
  after: string | undefined,
): void {
  const change = { name: `${of} ${name}`, before: before && general(before), after: after && general(after) };
  const id = JSON.stringify(name === 'nodes' ? [change, path] : change);
  const known = changes.get(id);
  const modules = known?.modules ?? new Set<string>();
  if (path !== '') modules.add(general(path));
  changes.set(id, { change: { ...change, count: (known?.change.count ?? 0) + 1, modules: [] }, modules });
}

/** `blocks.3.norm` is `blocks[*].norm`. */
function general(text: string): string {
  return text.startsWith('const ') ? text : text.replace(/(?<=[A-Za-z_]\w*(?:\[\*\])*)\.\d+(?=\.|$| )/g, '[*]');
}

class Facts {
  readonly all = new Map<string, Fact>();
  /** nodes by module and op */
  readonly counts = new Map<string, number>();
  private readonly names = new Map<ValueId, string>();

  constructor({ graph, cache = [], updates = new Map() }: Compared) {
    for (const { name, value } of graph.inputs) this.names.set(value, `input ${name}`);
    for (const { key, value } of graph.parameters) this.names.set(value, `parameter ${key}`);
    for (const { value, tensor } of graph.constants)
      this.names.set(value, `const ${printType(typeOf(graph, value))}: ${Array.from(tensor.data, exact).join(' ')}`);
    for (const node of graph.nodes) this.node(node);
    for (const { name, value } of graph.outputs) this.add('output', '', name, this.names.get(value)!, true);
    for (const { past, present, axis } of cache) this.add('cache', '', past, `${present} along axis ${axis}`, false);
    for (const [key, { value }] of updates) this.add('update of', '', key, this.names.get(value)!, true);
    for (const { dim, what } of graph.requires) this.add('requires', '', `${printDim(dim)} >= 0`, what, true);
  }

  private node({ op, origin: { path }, inputs, outputs, attributes }: AnyNode): void {
    const kind = `${path}|${op}`;
    const index = this.counts.get(kind) ?? 0;
    this.counts.set(kind, index + 1);
    const where = path === '' ? '' : ` of ${path}`;
    const which = index === 0 ? '' : ` ${index + 1}`;
    outputs.forEach((value, output) => {
      this.names.set(value, `${op}${which}${output === 0 ? '' : `, output ${output}`}${where}`);
    });
    for (const [name, value] of Object.entries(attributes as Readonly<Record<string, AttributeValue | undefined>>))
      if (value !== undefined) this.add(op, path, name, printAttribute(value), false, index);
    inputs.forEach((value, operand) => {
      this.add(op, path, `operand ${operand + 1}`, this.names.get(value)!, true, index);
    });
  }

  private add(of: string, path: string, name: string, text: string, wiring: boolean, index = 0): void {
    this.all.set(`${path}|${of}|${index}|${name}`, { of, path, name, text, wiring });
  }

  /** Whether a fact is of a node that only the other side has. */
  lacks(id: string, other: Facts): boolean {
    const [path, op, index] = id.split('|');
    const kind = `${path}|${op}`;
    return other.counts.has(kind) && (this.counts.get(kind) ?? 0) <= Number(index);
  }
}

function exact(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
