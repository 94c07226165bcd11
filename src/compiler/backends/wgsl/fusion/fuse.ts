/**
 * Fusion: which values are stored, and which kernel computes what.
 *
 * One walk from the outputs to the inputs. Each value is read by some kernels; an op without a kernel of its own is
 * folded into its only reader (or, when it costs next to nothing, into all of them), a fold joins the kernel that reads
 * it if it reads one result per row, a GEMM or attention takes the pointwise kernel after it as its epilogue. What is
 * left over is stored.
 *
 *   %1 = linear(x, w, b)        kernel 1: contraction linear, writes %2
 *   %2 = gelu(%1)
 *   %3 = mean(%2)  ┐            kernel 2: reductions %3, %5; columns: the last axis; writes %6
 *   %4 = sub(%2, %3) …
 *   %6 = mul(%4, rsqrt(%5))
 *
 * Ops are asked what they are by the tables inline.ts, scalar.ts and reduce.ts, never by name. Nothing changes a
 * result: a kernel that does not join stays correct, it only reads and writes more.
 */
import { addDims, type Dim } from '../../../../shared/dim.ts';
import { type AnyNode, type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import { isContraction, type Kernel } from '../kernel.ts';
import type { GraphFacts } from '../text/evaluator.ts';
import { inlineCost, isInline, isView } from '../text/inline.ts';
import { isReduction, type ReduceOp } from '../text/reduce.ts';
import { costOf, isPointwise } from '../text/scalar.ts';
import type { Borders } from './borders.ts';
import type { CacheAppend, FuseOptions } from './options.ts';
import { placeAttentionGradient, placeContraction } from './place-contractions.ts';
import { FoldPlacement } from './place-folds.ts';
import { FusionState } from './state.ts';

/** A concat of more operands than this is written piece by piece. */
const SELECTED_PIECES = 4;
/** Simple operations per element that are done again rather than stored and loaded. */
const CHEAP = 1;

export interface Fused {
  /** in the order they run in */
  readonly kernels: readonly Kernel[];
  /** values that kernels write, beside inputs, parameters and constants */
  readonly stored: ReadonlySet<ValueId>;
  /** why each of them is in a buffer */
  readonly borders: Borders;
  /** kernels that read what this one writes */
  readersOf(kernel: Kernel): readonly Kernel[];
}

export function fuse(facts: GraphFacts, options: FuseOptions): Fused {
  return new Fusion(new FusionState(facts, options)).run();
}

class Fusion {
  private readonly state: FusionState;
  private readonly folds: FoldPlacement;

  constructor(state: FusionState) {
    this.state = state;
    this.folds = new FoldPlacement(state);
  }

  run(): Fused {
    for (const [order, node] of [...this.state.graph.nodes.entries()].reverse()) this.visit(node, order);
    return {
      kernels: this.state.order.scheduled(),
      stored: this.state.stored,
      borders: this.state.borders,
      readersOf: (kernel) => this.state.order.kernelsReading(kernel),
    };
  }

  private visit(node: AnyNode, order: number): void {
    const wanted = node.outputs.filter((value) => this.state.isWanted(value));
    if (wanted.length === 0) return;
    const { caches } = this.state.options;
    const cached = caches.find(({ read }) => read?.value === node.outputs[0]);
    if (caches.some(({ present }) => present === node.outputs[0])) this.append(node, order);
    else if (cached) this.readCache(cached);
    else if (node.op === 'attention_grad') placeAttentionGradient(this.state, node, order);
    else if (isContraction(node, this.state.graph.types)) placeContraction(this.state, node, order);
    else if (isReduction(node.op)) this.folds.place(node as Node<ReduceOp>, order);
    else if (node.op === 'concat' && this.inPieces(node)) this.pieces(node, order);
    else this.inline(node, wanted, order);
  }

  private inline(node: AnyNode, wanted: readonly ValueId[], order: number): void {
    for (const value of wanted) {
      if (!this.state.mustStore(value) && this.foldable(node, value)) {
        for (const operand of node.inputs)
          for (const reader of this.state.order.readersOf(value)) this.state.order.read(operand, reader);
      } else this.store(node, value, order);
    }
  }

  /** Folded into its only reader, or into several when computing it again costs next to nothing. */
  private foldable(node: AnyNode, value: ValueId): boolean {
    if (this.state.order.readersOf(value).size <= 1) return true;
    if (isView(node.op)) return true;
    if (isInline(node.op)) return inlineCost(node.op) <= CHEAP;
    if (!isPointwise(node.op)) return false;
    // arithmetic on single numbers costs each reader less than a dispatch does
    if (typeOf(this.state.graph, value).shape.every((dim) => dim === 1)) return true;
    return costOf(node.op) <= CHEAP && this.readsLittle(node);
  }

  /** At most one operand has to be loaded, through nothing but views. */
  private readsLittle(node: AnyNode): boolean {
    const loads = node.inputs.filter((value) => !this.state.facts.numbers.has(value));
    return (loads.length <= 1 && loads.every((value) => this.state.leaves.has(value))) || this.nearOutput(node, 2);
  }

  /** An output by single numbers, or the like of that: a gradient without its loss scale, and the size of it. */
  private nearOutput(node: AnyNode, steps: number): boolean {
    const loads = node.inputs.filter((value) => !typeOf(this.state.graph, value).shape.every((dim) => dim === 1));
    return (
      loads.length === 1 &&
      loads.every((value) => {
        if (this.state.outputs.has(value)) return true;
        const below = this.state.facts.producers.get(value);
        const cheap = below !== undefined && isPointwise(below.op) && costOf(below.op) <= CHEAP;
        return cheap && steps > 1 && this.nearOutput(below, steps - 1);
      })
    );
  }

  private store(node: AnyNode, value: ValueId, order: number): void {
    this.state.borders.add(value, 'several readers');
    this.state.stored.add(value);
    const host = this.state.mergeTarget(value, undefined);
    const kernel = host ?? this.state.kernel({ value, into: value }, order);
    if (host) this.state.order.takeOver(host, { value, into: value });
    for (const operand of node.inputs) this.state.order.read(operand, kernel);
  }

  /** Many operands; only such as templates make, which write where they are told to; or one, the first, that a template writes beside its result. */
  private inPieces({ inputs }: AnyNode): boolean {
    const makers = inputs.map((value) => this.state.facts.producers.get(value));
    const [first] = makers;
    if (makers.every((maker) => maker && isContraction(maker, this.state.graph.types) && maker.outputs.length === 1))
      return true;
    return inputs.length > SELECTED_PIECES || (first?.op === 'attention' && first.outputs[0] !== inputs[0]);
  }

  /** Each operand is written into its part of the result. */
  private pieces(node: AnyNode, order: number): void {
    const value = node.outputs[0];
    this.state.stored.add(value);
    this.state.borders.add(value, 'written in parts');
    const { axis } = node.attributes as { readonly axis: number };
    let by: Dim = 0;
    for (const operand of node.inputs) {
      const maker = this.state.facts.producers.get(operand);
      if (maker?.op === 'attention' && maker.outputs[0] !== operand) {
        this.state.auxiliary.set(operand, { value: operand, into: value, auxiliary: true });
      } else
        this.state.order.read(operand, this.state.kernel({ value: operand, into: value, shift: { axis, by } }, order));
      by = addDims(by, typeOf(this.state.graph, operand).shape[axis]!);
    }
  }

  private append(node: AnyNode, order: number): void {
    const { past, axis, stored } = this.state.options.caches.find(({ present }) => present === node.outputs[0])!;
    this.state.stored.add(node.outputs[0]);
    this.state.borders.add(node.outputs[0], 'written in parts');
    const by = typeOf(this.state.graph, past).shape[axis]!;
    const fresh = node.inputs[1]!;
    if (stored) {
      this.state.forced.add(fresh);
      this.state.borders.add(fresh, 'stored in fours');
    }
    const kernel = this.state.kernel({ value: fresh, into: node.outputs[0], shift: { axis, by } }, order);
    this.state.order.read(fresh, kernel);
  }

  /** Who reads codes by their scales reads both. */
  private readCache({ present, read }: CacheAppend): void {
    const { value, scales } = read!;
    this.state.stored.add(value);
    for (const reader of this.state.order.readersOf(value))
      for (const operand of [present, scales]) this.state.order.read(operand, reader);
  }
}
