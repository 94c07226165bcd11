/**
 * Fusion: which values are stored, and which kernel computes what.
 *
 * One walk from the outputs to the inputs. Each value is read by some kernels; an op without a kernel of its own is
 * folded into its only reader (or, when it costs next to nothing, into all of them), a fold joins the kernel that reads
 * it if it reads one result per row, a GEMM or attention takes the pointwise kernel after it as its epilogue. What is
 * left over is stored.
 *
 *   %1 = linear(x, w, b)        kernel 1: core linear, writes %2
 *   %2 = gelu(%1)
 *   %3 = mean(%2)  ┐            kernel 2: phases %3, %5; columns: the last axis; writes %6
 *   %4 = sub(%2, %3) …
 *   %6 = mul(%4, rsqrt(%5))
 *
 * Ops are asked what they are by the tables inline.ts, scalar.ts and reduce.ts, never by name. Nothing changes a
 * result: a kernel that does not join stays correct, it only reads and writes more.
 */
import { addDims, type Dim, equalDims, equalShapes, productOf, type Shape } from '../../../shared/dim.ts';
import { type AnyNode, type Graph, type Node, typeOf, type ValueId } from '../../ir/graph.ts';
import { accesses } from './accesses.ts';
import { Block, KernelCode } from './code.ts';
import { type GraphFacts, stridedBase } from './evaluator.ts';
import { sameDomain } from './folds.ts';
import { forwardCoordinates } from './forward.ts';
import type { Coordinate } from './index-math.ts';
import { INLINE, isInline, isView } from './inline.ts';
import { type AttentionPass, isCore, type Kernel, type KernelOutput } from './kernel.ts';
import { KernelOrder } from './kernel-order.ts';
import { isReduction, REDUCTIONS, type ReduceOp, type ReduceRule } from './reduce.ts';
import { costOf, isPointwise } from './scalar.ts';
import { gradientOperands } from './statistics.ts';
import { contiguous, reshaped } from './strided.ts';

/** A concat of more operands than this is written piece by piece. */
const SELECTED_PIECES = 4;
/** Tensors that a kernel writes. */
const MOST_OUTPUTS = 4;
/** Simple operations between two folds' operands and what both read. */
const NEAR = 5;
/** Elements that one row's columns may have when the row is everything there is. */
const SINGLE_ROW = 4096;
/** Simple operations per element that are done again rather than stored and loaded. */
const CHEAP = 1;

/** A concat that appends to a key/value cache: `past` is an input, the result an output. */
export interface CacheAppend {
  readonly past: ValueId;
  readonly present: ValueId;
  readonly axis: number;
}

export interface FuseOptions {
  readonly caches: readonly CacheAppend[];
  /** values to store whatever fusion would do: a kernel that reads too many buffers is split this way */
  readonly forced: ReadonlySet<ValueId>;
  /** values that no kernel writes beside others */
  readonly alone: ReadonlySet<ValueId>;
}

export interface Fused {
  /** in the order they run in */
  readonly kernels: readonly Kernel[];
  /** values that kernels write, beside inputs, parameters and constants */
  readonly stored: ReadonlySet<ValueId>;
  /** kernels that read what this one writes */
  readersOf(kernel: Kernel): readonly Kernel[];
}

export function fuse(facts: GraphFacts, options: FuseOptions): Fused {
  return new Fusion(facts, options).run();
}

class Fusion {
  private readonly graph: Graph;
  private readonly facts: GraphFacts;
  private readonly options: FuseOptions;
  private readonly order = new KernelOrder();
  private readonly forced: Set<ValueId>;
  private readonly stored = new Set<ValueId>();
  /** second results of cores, and where they go */
  private readonly beside = new Map<ValueId, KernelOutput>();
  /** kernels with folds */
  private readonly folding = new Set<Kernel>();
  private readonly reads = new Map<AnyNode, ReadonlySet<ValueId>>();
  private readonly outputs: ReadonlySet<ValueId>;
  private readonly leaves: ReadonlySet<ValueId>;

  constructor(facts: GraphFacts, options: FuseOptions) {
    this.graph = facts.graph;
    this.facts = facts;
    this.options = options;
    this.forced = new Set(options.forced);
    this.outputs = new Set(this.graph.outputs.map(({ value }) => value));
    const { inputs, parameters, constants } = this.graph;
    this.leaves = new Set([...inputs, ...parameters, ...constants].map(({ value }) => value));
  }

  run(): Fused {
    for (const [order, node] of [...this.graph.nodes.entries()].reverse()) this.visit(node, order);
    return {
      kernels: this.order.scheduled(),
      stored: this.stored,
      readersOf: (kernel) => this.order.kernelsReading(kernel),
    };
  }

  private visit(node: AnyNode, order: number): void {
    const wanted = node.outputs.filter((value) => this.outputs.has(value) || this.order.readersOf(value).size > 0);
    if (wanted.length === 0) return;
    if (this.options.caches.some(({ present }) => present === node.outputs[0])) this.append(node, order);
    else if (node.op === 'attention_grad') this.attentionGradient(node, order);
    else if (isCore(node)) this.core(node, order);
    else if (isReduction(node.op)) this.reduction(node as Node<ReduceOp>, order);
    else if (node.op === 'concat' && this.inPieces(node)) this.pieces(node, order);
    else this.inline(node, wanted, order);
  }

  private inline(node: AnyNode, wanted: readonly ValueId[], order: number): void {
    for (const value of wanted) {
      if (!this.mustStore(value) && this.foldable(node, value)) {
        for (const operand of node.inputs)
          for (const reader of this.order.readersOf(value)) this.order.read(operand, reader);
      } else this.store(node, value, order);
    }
  }

  private mustStore(value: ValueId): boolean {
    return this.outputs.has(value) || this.forced.has(value);
  }

  /** Folded into its only reader, or into several when computing it again costs next to nothing. */
  private foldable(node: AnyNode, value: ValueId): boolean {
    if (this.order.readersOf(value).size <= 1) return true;
    if (isView(node.op)) return true;
    if (isInline(node.op)) return INLINE[node.op].cost <= CHEAP;
    if (!isPointwise(node.op)) return false;
    // arithmetic on single numbers costs each reader less than a dispatch does
    if (typeOf(this.graph, value).shape.every((dim) => dim === 1)) return true;
    return costOf(node.op) <= CHEAP && this.readsLittle(node);
  }

  /** At most one operand has to be loaded, through nothing but views. */
  private readsLittle(node: AnyNode): boolean {
    const loads = node.inputs.filter((value) => this.facts.constants.get(value)?.data.length !== 1);
    return (loads.length <= 1 && loads.every((value) => this.leaves.has(value))) || this.nearOutput(node, 2);
  }

  /** An output by single numbers, or the like of that: a gradient without its loss scale, and the size of it. */
  private nearOutput(node: AnyNode, steps: number): boolean {
    const loads = node.inputs.filter((value) => !typeOf(this.graph, value).shape.every((dim) => dim === 1));
    return (
      loads.length === 1 &&
      loads.every((value) => {
        if (this.outputs.has(value)) return true;
        const below = this.facts.producers.get(value);
        const cheap = below !== undefined && isPointwise(below.op) && costOf(below.op) <= CHEAP;
        return cheap && steps > 1 && this.nearOutput(below, steps - 1);
      })
    );
  }

  private kernel(output: KernelOutput, order: number): Kernel {
    const { shape } = typeOf(this.graph, output.value);
    const made: Kernel = { outputs: [output], shape, columns: 0, core: undefined, phases: [], order };
    this.order.add(made);
    return made;
  }

  private store(node: AnyNode, value: ValueId, order: number): void {
    this.stored.add(value);
    const host = this.mergeTarget(value, undefined);
    const kernel = host ?? this.kernel({ value, into: value }, order);
    if (host) this.order.takeOver(host, { value, into: value });
    for (const operand of node.inputs) this.order.read(operand, kernel);
  }

  /** Many operands; only products, which write where they are told to; or one, the first, that a template writes beside its result. */
  private inPieces({ inputs }: AnyNode): boolean {
    const makers = inputs.map((value) => this.facts.producers.get(value));
    const [first] = makers;
    if (makers.every((maker) => maker?.op === 'linear' || maker?.op === 'matmul')) return true;
    return inputs.length > SELECTED_PIECES || (first?.op === 'attention' && first.outputs[0] !== inputs[0]);
  }

  /** Each operand is written into its part of the result. */
  private pieces(node: AnyNode, order: number): void {
    const value = node.outputs[0]!;
    this.stored.add(value);
    const { axis } = node.attributes as { readonly axis: number };
    let by: Dim = 0;
    for (const operand of node.inputs) {
      const maker = this.facts.producers.get(operand);
      if (maker?.op === 'attention' && maker.outputs[0] !== operand) {
        this.beside.set(operand, { value: operand, into: value, beside: true });
      } else this.order.read(operand, this.kernel({ value: operand, into: value, shift: { axis, by } }, order));
      by = addDims(by, typeOf(this.graph, operand).shape[axis]!);
    }
  }

  private append(node: AnyNode, order: number): void {
    const { past, axis } = this.options.caches.find(({ present }) => present === node.outputs[0])!;
    this.stored.add(node.outputs[0]!);
    const by = typeOf(this.graph, past).shape[axis]!;
    const fresh = node.inputs[1]!;
    const kernel = this.kernel({ value: fresh, into: node.outputs[0]!, shift: { axis, by } }, order);
    this.order.read(fresh, kernel);
  }

  private reduction(node: Node<ReduceOp>, order: number): void {
    const value = node.outputs[0]!;
    const readers = this.order.readersOf(value);
    let kernel: Kernel | undefined;
    if (!this.mustStore(value) && readers.size === 1) {
      const [reader] = readers as unknown as [Kernel];
      const columns = this.columnsFor(node, reader);
      if (columns !== undefined) {
        reader.columns = columns;
        reader.phases.unshift(node as AnyNode);
        kernel = reader;
      }
    }
    if (!kernel) {
      this.stored.add(value);
      kernel = this.foldsAlong(node as AnyNode);
      if (kernel) this.order.takeOver(kernel, { value, into: value });
      else kernel = this.kernel({ value, into: value }, order);
      kernel.phases.unshift(node as AnyNode);
    }
    this.folding.add(kernel);
    for (const operand of node.inputs) this.order.read(operand, kernel);
  }

  /**
   * A kernel that goes over the same places and reads some of the same numbers there: the sum of a gradient's squares, its
   * largest element and its zeros, or a bias's gradient and a weight's. It reads them once for all.
   */
  private foldsAlong(node: AnyNode): Kernel | undefined {
    const value = node.outputs[0]!;
    if (this.options.alone.has(value)) return undefined;
    const own = this.readBy(node);
    const readers = [...this.order.readersOf(value)];
    return [...this.folding].findLast(
      (kernel) =>
        !kernel.core &&
        kernel.columns === 0 &&
        kernel.outputs.length < MOST_OUTPUTS &&
        kernel.outputs.every(({ value: other, shift }) => !shift && !this.options.alone.has(other)) &&
        kernel.phases.every((phase) => sameDomain(this.facts, phase, node)) &&
        equalShapes(kernel.shape, typeOf(this.graph, value).shape) &&
        kernel.phases.some((phase) => [...this.readBy(phase)].some((read) => own.has(read))) &&
        !readers.some((reader) => this.order.reaches(reader, kernel)),
    );
  }

  /** Tensors that a fold needs at each of its places, within a few simple operations. */
  private readBy(node: AnyNode): ReadonlySet<ValueId> {
    const before = this.reads.get(node);
    if (before) return before;
    const found = new Set<ValueId>();
    const walk = (value: ValueId, steps: number): void => {
      if (found.has(value) || typeOf(this.graph, value).shape.every((dim) => dim === 1)) return;
      found.add(value);
      const below = this.facts.producers.get(value);
      if (below && steps > 0 && isPointwise(below.op)) for (const operand of below.inputs) walk(operand, steps - 1);
    };
    for (const operand of node.inputs) walk(operand, NEAR);
    this.reads.set(node, found);
    return found;
  }

  /** How many columns the reader's rows have if the fold becomes one of its phases; undefined when it cannot. */
  private columnsFor(node: Node<ReduceOp>, reader: Kernel): number | undefined {
    if (reader.core) return undefined;
    const rule = REDUCTIONS[node.op] as ReduceRule<ReduceOp>;
    const { shape } = reader;
    const results = productOf(typeOf(this.graph, node.outputs[0]!).shape);
    const rowsOf = (columns: number): Shape => shape.slice(0, shape.length - columns);
    // one result per row, none computed twice
    const free = (reader.phases.length > 0 ? [reader.columns] : rule.rows ? [0, 1] : [0]).filter(
      (columns) => columns <= shape.length && equalDims(results, productOf(rowsOf(columns))),
    );
    if (free.length === 0) return undefined;
    const seen = this.accesses(reader, node.outputs[0]!);
    if (seen.length === 0 || seen.some((at) => at.join() !== seen[0]!.join())) return undefined;
    if (seen[0]!.some((at) => /\bj\d/.test(at))) return undefined; // another result at each place of a fold
    const used = new Set(seen[0]!.flatMap((at) => at.match(/\bc\d+\b/g) ?? []));
    return free.find((columns) => {
      const axes = rowsOf(columns).flatMap((dim, axis) => (dim === 1 ? [] : [`c${axis}`]));
      if (used.size !== axes.length || !axes.every((axis) => used.has(axis))) return false;
      const elements = productOf(shape.slice(shape.length - columns));
      return columns === 0 || axes.length > 0 || (typeof elements === 'number' && elements <= SINGLE_ROW);
    });
  }

  /** Coordinates, as texts over c0, c1 … of the kernel's space, at which it reads a value. */
  private accesses(kernel: Kernel, value: ValueId): readonly (readonly Coordinate[])[] {
    const { order, producers } = this.facts;
    const own = order.get(producers.get(value)!)!;
    // what is made before the value does not read it, and need not be looked into
    const before = (other: ValueId): boolean => (order.get(producers.get(other)!) ?? -1) < own;
    return accesses(this.facts, kernel, value, (other) => before(other) || this.isApart(other, kernel));
  }

  /** Whether a kernel under construction finds a value in a buffer. */
  private isApart(value: ValueId, kernel: Kernel): boolean {
    const node = this.facts.producers.get(value);
    if (node !== undefined && (isCore(node) || isReduction(node.op))) return true;
    if (kernel.outputs.some((output) => output.value === value)) return false;
    return !this.order.readersOf(value).has(kernel) || this.leaves.has(value) || this.stored.has(value);
  }

  private core(node: AnyNode, order: number): void {
    const value = node.outputs[0]!;
    const readers = this.order.readersOf(value);
    // the kernel takes no epilogue that needs what is computed from its second result
    const beside = node.outputs.flatMap((other) => this.beside.get(other) ?? []);
    const free = (host: Kernel): boolean =>
      beside.every(({ into }) => [...this.order.readersOf(into)].every((reader) => !this.order.reaches(reader, host)));
    let kernel: Kernel | undefined;
    if (!this.mustStore(value) && readers.size === 1) {
      const [reader] = readers as unknown as [Kernel];
      if (this.takesCore(reader, value) && free(reader)) kernel = reader;
    }
    if (!kernel) {
      this.stored.add(value);
      const host = this.mergeTarget(value, node);
      if (host && free(host)) {
        this.order.takeOver(host, { value, into: value });
        kernel = host;
      } else kernel = this.kernel({ value, into: value }, order);
    }
    for (const output of beside) this.order.takeOver(kernel, output);
    kernel.core = node as NonNullable<Kernel['core']>;
    for (const [index, operand] of node.inputs.entries()) {
      // a mask and a bias are read once per result, with whatever is fused into them
      if (index > 2 || (node.op === 'linear' && index === 2)) this.order.read(operand, kernel);
      else this.readStrided(node, operand, kernel);
    }
  }

  /** One kernel for what the others need of each query, one for dq, one for dk and dv, as far as they are wanted. */
  private attentionGradient(node: Node<'attention_grad'>, order: number): void {
    const [dq, dk, dv] = node.outputs as [ValueId, ValueId, ValueId];
    const { statistics, makesThem } = gradientOperands(node);
    const wanted = (value: ValueId): boolean => this.outputs.has(value) || this.order.readersOf(value).size > 0;
    const add = (pass: AttentionPass, values: readonly ValueId[]): void => {
      const outputs = values.map((value) => ({ value, into: value }));
      const { shape } = typeOf(this.graph, values[0]!);
      const kernel: Kernel = { outputs, shape, columns: 0, core: node, pass, phases: [], order };
      this.order.add(kernel);
      for (const value of values) this.stored.add(value);
      if (pass !== 'statistics') this.order.read(statistics, kernel);
      for (const [index, operand] of node.inputs.entries()) {
        if (index < 4) this.readStrided(node, operand, kernel);
        else this.order.read(operand, kernel);
      }
    };
    if (wanted(dq)) add('query', [dq]);
    if (wanted(dk) || wanted(dv)) add('key_value', [dk, dv]);
    if (makesThem) add('statistics', [statistics]);
  }

  /**
   * Templates load operands many times, so only views that are strides are folded into them. A GEMM needs its leading
   * axes to merge as well.
   */
  private readStrided(node: AnyNode, operand: ValueId, kernel: Kernel): void {
    this.order.read(operand, kernel);
    const { shape } = typeOf(this.graph, operand);
    const layoutOf = (value: ValueId) => {
      const own = this.facts.producers.get(value);
      return own && isView(own.op) && !this.mustStore(value) ? undefined : contiguous(typeOf(this.graph, value).shape);
    };
    const found = stridedBase(this.facts.producers, this.graph, operand, layoutOf);
    const merges =
      node.op !== 'linear' || (found && reshaped(found.view, [productOf(shape.slice(0, -1)), shape.at(-1) ?? 1]));
    if (found && merges) {
      if (!this.leaves.has(found.base)) this.forced.add(found.base);
    } else this.forced.add(operand);
  }

  /** Whether the kernel can be driven by the op that makes `value`: each of its points needs one element of it. */
  private takesCore(kernel: Kernel, value: ValueId): boolean {
    if (kernel.core || kernel.phases.length > 0) return false;
    return this.forward(kernel, value) !== undefined;
  }

  private forward(kernel: Kernel, value: ValueId): readonly Coordinate[] | undefined {
    const { shape } = typeOf(this.graph, value);
    const start = shape.map((dim, axis) => (dim === 1 ? '0u' : `c${axis}`));
    return forwardCoordinates(this.facts, kernel, value, start, new Block(new KernelCode()), (other) =>
      this.stored.has(other),
    );
  }

  /**
   * A reader of a stored value that can write it as well: same space, read at the same point, and nothing else that
   * reads the value has to run before that reader.
   */
  private mergeTarget(value: ValueId, core: AnyNode | undefined): Kernel | undefined {
    if (this.options.alone.has(value)) return undefined;
    const readers = [...this.order.readersOf(value)];
    const { shape } = typeOf(this.graph, value);
    return readers.find((reader) => {
      if (reader.core || reader.outputs.some(({ shift }) => shift)) return false;
      if (core && reader.phases.length > 0) return false;
      const joined = { ...reader, outputs: [{ value, into: value }, ...reader.outputs] };
      if (core && this.forward(joined, value) === undefined) return false;
      if (!equalShapes(reader.shape, shape) || reader.outputs.length >= MOST_OUTPUTS) return false;
      const own = shape.map((dim, axis) => (dim === 1 ? '0u' : `c${axis}`)).join();
      const direct = reader.phases.length === 0;
      if (readers.some((other) => other !== reader && this.order.reaches(other, reader))) return false;
      return direct ? this.accesses(reader, value).every((at) => at.join() === own) : this.readsOwnRow(reader, value);
    });
  }

  /** In a row kernel a phase reads the value at its own places of the same row; the outputs read it at their point. */
  private readsOwnRow(kernel: Kernel, value: ValueId): boolean {
    const rows = kernel.shape.length - kernel.columns;
    const { shape } = typeOf(this.graph, value);
    return this.accesses(kernel, value).every((at) =>
      at.every((text, axis) =>
        axis < rows ? text === (shape[axis] === 1 ? '0u' : `c${axis}`) : /^(c|j)?\d+u?$/.test(text),
      ),
    );
  }
}
