/** What fusion knows while it walks a graph from its outputs to its inputs, and what all of its parts ask of it. */
import { equalShapes } from '../../../../shared/dim.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../../ir/graph.ts';
import { isContraction, type Kernel, type KernelOutput } from '../kernel.ts';
import type { GraphFacts } from '../text/evaluator.ts';
import { equalIndices, type Index, isPlain, keyOf } from '../text/expr.ts';
import { forwardCoordinates } from '../text/forward.ts';
import { isView } from '../text/inline.ts';
import { isReduction } from '../text/reduce.ts';
import { accesses, spaceAxes } from './accesses.ts';
import { Borders } from './borders.ts';
import { KernelOrder } from './kernel-order.ts';
import type { FuseOptions } from './options.ts';

/** Tensors that a kernel writes. */
export const MOST_OUTPUTS = 4;

export class FusionState {
  readonly graph: Graph;
  readonly facts: GraphFacts;
  readonly options: FuseOptions;
  readonly order = new KernelOrder();
  readonly forced: Set<ValueId>;
  readonly stored = new Set<ValueId>();
  readonly borders = new Borders();
  /** second results of contractions, and where they go */
  readonly auxiliary = new Map<ValueId, KernelOutput>();
  /** inputs, parameters and constants */
  readonly leaves: ReadonlySet<ValueId>;
  readonly outputs: ReadonlySet<ValueId>;

  constructor(facts: GraphFacts, options: FuseOptions) {
    this.graph = facts.graph;
    this.facts = facts;
    this.options = options;
    this.forced = new Set(options.forced);
    this.outputs = new Set(this.graph.outputs.map(({ value }) => value));
    for (const value of this.outputs) this.borders.add(value, 'output');
    for (const value of options.forced) this.borders.add(value, 'too many buffers');
    const { inputs, parameters, constants } = this.graph;
    this.leaves = new Set([...inputs, ...parameters, ...constants].map(({ value }) => value));
    for (const node of this.graph.nodes) if (node.op === 'barrier') this.keep(node.inputs[0]);
  }

  /** What is behind a barrier is there before it: a kernel that computes it with what comes later would keep all of both. */
  private keep(value: ValueId): void {
    const maker = this.facts.producers.get(value);
    if (!maker || isView(maker.op)) return;
    this.forced.add(value);
    this.borders.add(value, 'before a barrier');
  }

  isWanted(value: ValueId): boolean {
    return this.outputs.has(value) || this.order.readersOf(value).size > 0;
  }

  mustStore(value: ValueId): boolean {
    return this.outputs.has(value) || this.forced.has(value);
  }

  /** A kernel of its own for a value. */
  kernel(output: KernelOutput, order: number): Kernel {
    const { shape } = typeOf(this.graph, output.value);
    const made: Kernel = { outputs: [output], shape, columns: 0, contraction: undefined, reductions: [], order };
    this.order.add(made);
    return made;
  }

  /** Coordinates, over axes c0, c1 … of the kernel's space, at which it reads a value. */
  accesses(kernel: Kernel, value: ValueId): readonly (readonly Index[])[] {
    const { order, producers } = this.facts;
    const own = order.get(producers.get(value)!)!;
    // what is made before the value does not read it, and need not be looked into
    const before = (other: ValueId): boolean => (order.get(producers.get(other)!) ?? -1) < own;
    return accesses(this.facts, kernel, value, (other) => before(other) || this.isApart(other, kernel));
  }

  /** Whether a kernel under construction finds a value in a buffer. */
  private isApart(value: ValueId, kernel: Kernel): boolean {
    const node = this.facts.producers.get(value);
    if (node !== undefined && (isContraction(node, this.graph.types) || isReduction(node.op))) return true;
    if (kernel.outputs.some((output) => output.value === value)) return false;
    return !this.order.readersOf(value).has(kernel) || this.leaves.has(value) || this.stored.has(value);
  }

  /** Coordinates of a kernel's point for each of the value's, where the points are the value's elements one to one. */
  forward(kernel: Kernel, value: ValueId): readonly Index[] | undefined {
    const { shape } = typeOf(this.graph, value);
    return forwardCoordinates(this.facts, kernel, value, spaceAxes(shape), (other) => this.stored.has(other));
  }

  /**
   * A reader of a stored value that can write it as well: same space, read at the same point, and nothing else that
   * reads the value has to run before that reader.
   */
  mergeTarget(value: ValueId, contraction: AnyNode | undefined): Kernel | undefined {
    if (this.options.alone.has(value)) return undefined;
    const readers = [...this.order.readersOf(value)];
    const { shape } = typeOf(this.graph, value);
    return readers.find((reader) => {
      if (reader.contraction || reader.outputs.some(({ shift }) => shift)) return false;
      if (contraction && reader.reductions.length > 0) return false;
      const joined = { ...reader, outputs: [{ value, into: value }, ...reader.outputs] };
      if (contraction && this.forward(joined, value) === undefined) return false;
      if (!equalShapes(reader.shape, shape) || reader.outputs.length >= MOST_OUTPUTS) return false;
      const own = keyOf(spaceAxes(shape));
      const direct = reader.reductions.length === 0;
      if (readers.some((other) => other !== reader && this.order.reaches(other, reader))) return false;
      return direct ? this.accesses(reader, value).every((at) => keyOf(at) === own) : this.readsOwnRow(reader, value);
    });
  }

  /** In a row kernel a reduction reads the value at its own places of the same row; the outputs read it at their point. */
  private readsOwnRow(kernel: Kernel, value: ValueId): boolean {
    const rows = kernel.shape.length - kernel.columns;
    const { shape } = typeOf(this.graph, value);
    const own = spaceAxes(shape);
    return this.accesses(kernel, value).every((at) =>
      at.every((index, axis) => (axis < rows ? equalIndices(index, own[axis]!) : isPlain(index))),
    );
  }
}
