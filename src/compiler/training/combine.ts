/**
 * How the micro-batches of a step combine, so that the step is that of one batch of all their rows:
 *
 *   a mean   loss = Σ wᵢ lossᵢ / Σ wᵢ, where wᵢ is what the mean of micro-batch i is over: labels that count (cross_entropy),
 *            elements (mean), a divisor (sum(l * mask) / sum(mask))
 *   a sum    loss = Σ lossᵢ
 *
 * Which it is, is read off the graph in one walk from its inputs to its loss. A loss may scale terms and add those that are over the
 * same. Another has no such weight (a square root of a mean; a mean over labels plus a mean over rows; rows that see each other), and
 * its stage must say `average "batches"`, which counts every micro-batch the same.
 */
import { type Dim, isSymbolic, mulDims, printDim, productOf } from '../../shared/dim.ts';
import type { EntryGraph } from '../elaborate/trace-entry.ts';
import type { NodeSink } from '../ir/editor.ts';
import { type AnyNode, type Graph, type Node, typeOf, type ValueId } from '../ir/graph.ts';
import { type Mixing, mixedRows } from './rows.ts';
import { StageError } from './stage-error.ts';

/** Makes wᵢ, an f32 scalar, of values of the graph. */
export type Weight = (b: NodeSink) => ValueId;

export interface Combination {
  readonly combine: 'weighted' | 'equal' | 'sum';
  /** where weighted */
  readonly weight?: Weight;
}

/** What a value without dynamic dims is of the batch. */
type Share =
  | { readonly kind: 'constant' }
  | { readonly kind: 'sum' }
  /** `weight` absent: every batch has as much of it */
  | { readonly kind: 'mean'; readonly over: string; readonly what: string; readonly weight: Weight | undefined }
  | { readonly kind: 'neither'; readonly why: string; readonly at: AnyNode };
type Neither = Extract<Share, { kind: 'neither' }>;

const CONSTANT: Share = { kind: 'constant' };
const SUM: Share = { kind: 'sum' };
const OF_FIXED_SIZE: Share = { kind: 'mean', over: '1', what: 'a batch of fixed size', weight: undefined };

/**
 * @param traced with its updates, which are statistics of the batch (see `mixedRows`)
 * @param loss a scalar of the graph
 * @throws StageError where the loss has no weight
 */
export function combinationOf({ graph, updates }: Pick<EntryGraph, 'graph' | 'updates'>, loss: ValueId): Combination {
  const dynamic = graph.inputs.some(({ value }) => typeOf(graph, value).shape.some(isSymbolic));
  // batches of one size that count nothing: any two weigh the same
  if (!dynamic && !graph.nodes.some(({ op }) => op === 'cross_entropy')) return { combine: 'equal' };
  const share = new Shares(
    graph,
    mixedRows(
      graph,
      [...updates.values()].map(({ value }) => value),
    ),
  ).of(loss);
  if (share.kind === 'sum') return { combine: 'sum' };
  if (share.kind === 'mean' && share.weight) return { combine: 'weighted', weight: share.weight };
  if (share.kind !== 'neither') return { combine: 'equal' };
  const { op, origin } = share.at;
  throw new StageError(
    `it accumulates, and its loss is no mean or sum over the batch by which micro-batches could be weighed: ${origin.source ?? op} ${share.why}; write \`average "batches"\` in the stage to count every micro-batch the same`,
  );
}

class Shares {
  private readonly graph: Graph;
  private readonly shares = new Map<ValueId, Share>();
  private readonly makers = new Map<ValueId, AnyNode>();
  /** values that are another in another batch */
  private readonly varying = new Set<ValueId>();
  /** values whose rows depend on each other, and where they were made so */
  private readonly mixed: Mixing;
  /** equal for values that are computed alike, so that two slices of the labels are one */
  private readonly names = new Map<ValueId, string>();

  constructor(graph: Graph, mixed: Mixing) {
    this.graph = graph;
    this.mixed = mixed;
    for (const { value } of graph.inputs) {
      this.varying.add(value);
      if (!this.isDynamic(value)) this.shares.set(value, OF_FIXED_SIZE);
    }
    for (const { value, tensor } of graph.constants)
      if (tensor.data.length === 1) this.names.set(value, `${tensor.dtype} ${tensor.shape.length} ${tensor.data[0]}`);
    const known = new Map<string, string>();
    for (const node of graph.nodes) this.visit(node, known);
  }

  of(value: ValueId): Share {
    return this.shares.get(value) ?? CONSTANT;
  }

  private visit(node: AnyNode, known: Map<string, string>): void {
    const text = `${node.op} ${JSON.stringify(node.attributes)} ${node.inputs.map((input) => this.nameOf(input)).join()}`;
    const name = known.get(text) ?? `#${known.size}`;
    known.set(text, name);
    const varies = node.op === 'dim_size' || node.inputs.some((input) => this.varying.has(input));
    for (const [index, output] of node.outputs.entries()) {
      this.makers.set(output, node);
      this.names.set(output, `${name}.${index}`);
      if (!varies) continue;
      this.varying.add(output);
      if (!this.isDynamic(output)) this.shares.set(output, this.shareOf(node));
    }
  }

  private shareOf(node: AnyNode): Share {
    if (node.op !== 'mean' && node.op !== 'sum' && node.op !== 'cross_entropy') {
      if (node.inputs.some((input) => this.varying.has(input) && this.isDynamic(input)))
        return neither(node, `makes one value of all rows by ${node.op}`);
    }
    switch (node.op) {
      case 'cross_entropy':
        return this.overLabels(node);
      case 'mean':
      case 'sum':
        return this.reduction(node);
      case 'add':
      case 'sub':
      case 'concat':
        return this.together(node);
      case 'mul': {
        const [first, ...others] = node.inputs.filter((input) => this.varying.has(input));
        return others.length === 0 ? this.of(first!) : neither(node, 'multiplies two values that the batch decides');
      }
      case 'div':
        return this.quotient(node);
      case 'neg':
      case 'cast':
      case 'reshape':
      case 'transpose':
      case 'expand':
      case 'slice':
        return this.of(node.inputs[0]);
      default:
        return neither(node, `takes ${node.op} of what the batch decides`);
    }
  }

  private overLabels({ inputs, attributes: { ignore_index } }: Node<'cross_entropy'>): Share {
    const [logits, target] = inputs;
    const mixed = this.mixing(logits) ?? this.mixing(target);
    if (mixed) return mixed;
    return {
      kind: 'mean',
      over: `labels ${this.nameOf(target)} ${ignore_index}`,
      what: 'labels that count',
      weight: (b) => countedLabels(b, target, ignore_index),
    };
  }

  private reduction(node: Node<'mean'> | Node<'sum'>): Share {
    const x = node.inputs[0];
    const { shape } = typeOf(this.graph, x);
    const dynamic = node.attributes.axes.map((axis) => shape[axis]!).filter(isSymbolic);
    if (dynamic.length === 0) return this.of(x);
    const mixed = this.mixing(x);
    if (mixed) return mixed;
    return node.op === 'sum' ? SUM : overElements(productOf(dynamic));
  }

  private mixing(value: ValueId): Neither | undefined {
    const by = this.mixed.get(value);
    return by && neither(by, 'lets rows of the batch depend on each other');
  }

  private together(node: AnyNode): Share {
    const shares = node.inputs.map((input) => this.of(input));
    const [first = CONSTANT, ...others] = shares.filter(({ kind }) => kind !== 'constant');
    if (first.kind === 'sum' && others.length + 1 < shares.length)
      return neither(node, 'adds what does not grow with the batch to a sum over it');
    for (const other of others) {
      if (other.kind === 'neither') return other;
      if (first.kind === 'mean' && other.kind === 'mean') {
        if (first.over !== other.over)
          return neither(node, `adds a mean over ${other.what} to a mean over ${first.what}`);
      } else if (first.kind !== 'neither' && first.kind !== other.kind)
        return neither(node, 'adds a sum over the batch to a mean');
    }
    return first;
  }

  private quotient(node: Node<'div'>): Share {
    const [above, below] = node.inputs as readonly [ValueId, ValueId];
    const dividend = this.of(above);
    if (!this.varying.has(below) || dividend.kind === 'neither') return dividend;
    const elements = this.dimOf(below);
    if (elements !== undefined && dividend.kind === 'sum') return overElements(elements);
    const divisor = this.unguarded(below);
    const divides = this.of(divisor);
    const isScalar = typeOf(this.graph, divisor).shape.every((dim) => dim === 1);
    const both = dividend.kind === 'mean' && divides.kind === 'mean' && dividend.over === divides.over;
    if (!isScalar || !(both || (dividend.kind === 'sum' && divides.kind === 'sum')))
      return neither(node, 'divides by what the batch decides');
    // (Σ l / n) / (Σ m / n) has the weight Σ m = n · (Σ m / n)
    const count = divides.kind === 'mean' ? divides.weight : undefined;
    return {
      kind: 'mean',
      over: `${this.nameOf(divisor)} ${divides.kind === 'mean' ? divides.over : ''}`,
      what: 'a weighted sum',
      weight: (b) => {
        const value = scalarOf(b, divisor);
        return count ? b.node('mul', [value, count(b)], {}) : value;
      },
    };
  }

  /** What `maximum(sum(mask), 1)` guards: where the guard acts, the dividend is 0 and the weight may be. */
  private unguarded(value: ValueId): ValueId {
    let inner = value;
    for (let node = this.makers.get(inner); node; node = this.makers.get(inner)) {
      const varying: ValueId[] = node.inputs.filter((input) => this.varying.has(input));
      if ((node.op !== 'maximum' && node.op !== 'cast' && node.op !== 'reshape') || varying.length !== 1) break;
      inner = varying[0]!;
    }
    return inner;
  }

  /** The dimension that a scalar is: `B * T` as a float. */
  private dimOf(value: ValueId): Dim | undefined {
    const node = this.makers.get(value);
    if (node?.op === 'dim_size') return node.attributes.dim;
    if (node?.op === 'cast' || node?.op === 'reshape') return this.dimOf(node.inputs[0]);
    if (node?.op !== 'mul') return undefined;
    const [a, b] = node.inputs.map((input) => this.dimOf(input));
    return a === undefined || b === undefined ? undefined : mulDims(a, b);
  }

  private isDynamic(value: ValueId): boolean {
    return typeOf(this.graph, value).shape.some(isSymbolic);
  }

  private nameOf(value: ValueId): string {
    return this.names.get(value) ?? `%${value}`;
  }
}

const neither = (at: AnyNode, why: string): Neither => ({ kind: 'neither', why, at });

function overElements(dim: Dim): Share {
  return {
    kind: 'mean',
    over: `elements ${perUnit(dim)}`,
    what: `${printDim(dim)} elements`,
    weight: (b) => b.node('cast', [b.node('dim_size', [], { dim })], { to: 'f32' }),
  };
}

/** Σ [target ≠ ignore_index], f32. */
export function countedLabels(b: NodeSink, target: ValueId, ignoreIndex: number): ValueId {
  const counted = b.node('not', [b.node('equal', [target, b.scalar(ignoreIndex, 'i64')], {})], {});
  const axes = [...b.typeOf(target).shape.keys()];
  return b.node('sum', [b.node('cast', [counted], { to: 'f32' })], { axes, keepdims: false });
}

/** A tensor of one element as an f32 scalar. */
function scalarOf(b: NodeSink, value: ValueId): ValueId {
  const { dtype, shape } = b.typeOf(value);
  const number = dtype === 'f32' ? value : b.node('cast', [value], { to: 'f32' });
  return shape.length === 0 ? number : b.node('reshape', [number], { shape: [] });
}

/** `B*T` of `10*B*T`: a factor that every batch has is no weight. */
function perUnit(dim: Dim): string {
  if (!isSymbolic(dim)) return '1';
  const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
  const common = dim.terms.reduce((found, { coefficient }) => gcd(found, coefficient), 0);
  return printDim({ ...dim, terms: dim.terms.map((term) => ({ ...term, coefficient: term.coefficient / common })) });
}
