/** Which kernel does a fold: the one that reads its result, one that goes over the same places, or one of its own. */
import { equalDims, equalShapes, productOf, type Shape } from '../../../../shared/dim.ts';
import { type AnyNode, type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Kernel } from '../kernel.ts';
import { axesOf, keyOf } from '../text/expr.ts';
import { sameDomain } from '../text/folds.ts';
import { REDUCTIONS, type ReduceOp, type ReduceRule } from '../text/reduce.ts';
import { isPointwise } from '../text/scalar.ts';
import { spaceAxes } from './accesses.ts';
import { type FusionState, MOST_OUTPUTS } from './state.ts';

/** Simple operations between two folds' operands and what both read. */
const NEAR = 5;
/** Elements that one row's columns may have when the row is everything there is. */
const SINGLE_ROW = 4096;

export class FoldPlacement {
  private readonly state: FusionState;
  /** kernels with folds */
  private readonly folding = new Set<Kernel>();
  private readonly reads = new Map<AnyNode, ReadonlySet<ValueId>>();

  constructor(state: FusionState) {
    this.state = state;
  }

  place(node: Node<ReduceOp>, order: number): void {
    const value = node.outputs[0];
    const readers = this.state.order.readersOf(value);
    let kernel: Kernel | undefined;
    if (!this.state.mustStore(value) && readers.size === 1) {
      const [reader] = readers as unknown as [Kernel];
      const columns = this.columnsFor(node, reader);
      if (columns !== undefined) {
        reader.columns = columns;
        reader.reductions.unshift(node as AnyNode);
        kernel = reader;
      } else
        this.state.borders.add(value, reader.contraction ? 'reader has work of its own' : 'more than a result per row');
    }
    if (!kernel) {
      this.state.stored.add(value);
      this.state.borders.add(value, 'several readers');
      kernel = this.foldsAlong(node as AnyNode);
      if (kernel) this.state.order.takeOver(kernel, { value, into: value });
      else kernel = this.state.kernel({ value, into: value }, order);
      kernel.reductions.unshift(node as AnyNode);
    }
    this.folding.add(kernel);
    for (const operand of node.inputs) this.state.order.read(operand, kernel);
  }

  /**
   * A kernel that goes over the same places and reads some of the same numbers there: the sum of a gradient's squares, its
   * largest element and its zeros, or a bias's gradient and a weight's. It reads them once for all.
   */
  private foldsAlong(node: AnyNode): Kernel | undefined {
    const value = node.outputs[0];
    if (this.state.options.alone.has(value)) return undefined;
    const own = this.readBy(node);
    const readers = [...this.state.order.readersOf(value)];
    return [...this.folding].findLast(
      (kernel) =>
        !kernel.contraction &&
        kernel.columns === 0 &&
        kernel.outputs.length < MOST_OUTPUTS &&
        kernel.outputs.every(({ value: other, shift }) => !shift && !this.state.options.alone.has(other)) &&
        kernel.reductions.every((reduction) => sameDomain(this.state.facts, reduction, node)) &&
        equalShapes(kernel.shape, typeOf(this.state.graph, value).shape) &&
        kernel.reductions.some((reduction) => [...this.readBy(reduction)].some((read) => own.has(read))) &&
        !readers.some((reader) => this.state.order.reaches(reader, kernel)),
    );
  }

  /** Tensors that a fold needs at each of its places, within a few simple operations. */
  private readBy(node: AnyNode): ReadonlySet<ValueId> {
    const before = this.reads.get(node);
    if (before) return before;
    const found = new Set<ValueId>();
    const walk = (value: ValueId, steps: number): void => {
      if (found.has(value) || typeOf(this.state.graph, value).shape.every((dim) => dim === 1)) return;
      found.add(value);
      const below = this.state.facts.producers.get(value);
      if (below && steps > 0 && isPointwise(below.op)) for (const operand of below.inputs) walk(operand, steps - 1);
    };
    for (const operand of node.inputs) walk(operand, NEAR);
    this.reads.set(node, found);
    return found;
  }

  /** How many columns the reader's rows have if the fold becomes one of its reductions; undefined when it cannot. */
  private columnsFor(node: Node<ReduceOp>, reader: Kernel): number | undefined {
    if (reader.contraction) return undefined;
    const rule = REDUCTIONS[node.op] as ReduceRule<ReduceOp>;
    const { shape } = reader;
    const results = productOf(typeOf(this.state.graph, node.outputs[0]).shape);
    const rowsOf = (columns: number): Shape => shape.slice(0, shape.length - columns);
    // one result per row, none computed twice
    const free = (reader.reductions.length > 0 ? [reader.columns] : rule.rows ? [0, 1] : [0]).filter(
      (columns) => columns <= shape.length && equalDims(results, productOf(rowsOf(columns))),
    );
    if (free.length === 0) return undefined;
    const seen = this.state.accesses(reader, node.outputs[0]);
    if (seen.length === 0 || seen.some((at) => keyOf(at) !== keyOf(seen[0]!))) return undefined;
    const used = new Set(seen[0]!.flatMap((at) => [...axesOf(at)]));
    const own = spaceAxes(shape).map((index) => axesOf(index));
    // an axis that is none of the space is a fold's: another result at each of its places
    if ([...used].some((name) => !own.some((axes) => axes.has(name)))) return undefined;
    return free.find((columns) => {
      const axes = own.slice(0, shape.length - columns).flatMap((names) => [...names]);
      if (used.size !== axes.length || !axes.every((axis) => used.has(axis))) return false;
      const elements = productOf(shape.slice(shape.length - columns));
      return columns === 0 || axes.length > 0 || (typeof elements === 'number' && elements <= SINGLE_ROW);
    });
  }
}
