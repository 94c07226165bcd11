/**
 * Elements of values as WGSL: what is stored is loaded, what is not is computed from its operands, at any coordinates.
 *
 * This is where fusion happens. A kernel asks for the element of its result; everything between the result and the
 * buffers is written into the kernel, each element of each value once per block.
 */
import { type Dim, equalDims, type Shape } from '../../../../shared/dim.ts';
import type { WideTensor } from '../../../../shared/tensor.ts';
import { type AnyNode, type Graph, type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Block, Element, KernelCode } from './code.ts';
import { type Coordinate, literalOf, plus, times } from './index-math.ts';
import { INLINE, type InlineContext, type InlineOp, type InlineRule, isInline } from './inline.ts';
import { isPointwise, POINTWISE, type PointwiseOp, SCALAR_TYPES } from './scalar.ts';
import { pieceOf, rowMajor, type Strided, vectorAlong } from './strided.ts';

/** A value that lies in a buffer. */
export interface Stored {
  /** which buffer: equal keys are equal buffers */
  readonly key: string;
  readonly element: Element;
  readonly layout: Strided;
  /** a parameter too large for one binding: elements at which its further buffers begin, `key` with #1, #2 … */
  readonly shards?: readonly number[];
}

/** What the evaluator asks of the plan. */
export interface Storage {
  stored(value: ValueId): Stored | undefined;
}

/** Elements that a kernel has at hand: the result of its GEMM, of a fold over its row. */
export type Known = (coordinates: readonly Coordinate[]) => string | undefined;

/** A position that has a name already: the kernel's own index in the shape it runs over. */
export interface NamedPosition {
  readonly shape: Shape;
  readonly coordinates: readonly Coordinate[];
  readonly index: Coordinate;
}

/** Four neighbours along the last axis that one invocation computes, of which `lane` is being written. */
export interface Quad {
  /** of the first; its place along the last axis is a multiple of four */
  readonly first: NamedPosition;
  /** the last axis's coordinate of the one being written */
  readonly at: Coordinate;
  readonly lane: number;
}

export class Evaluator {
  readonly code: KernelCode;
  private readonly graph: Graph;
  private readonly storage: Storage;
  private readonly producers: ReadonlyMap<ValueId, AnyNode>;
  private readonly constants: ReadonlyMap<ValueId, WideTensor>;
  private readonly known = new Map<ValueId, Known>();
  private position: NamedPosition | undefined;
  private quad: Quad | undefined;
  /** called for every value that is asked for: how fusion learns where a kernel reads what */
  watch: ((value: ValueId, coordinates: readonly Coordinate[]) => void) | undefined;

  constructor(code: KernelCode, facts: GraphFacts, storage: Storage) {
    this.code = code;
    this.graph = facts.graph;
    this.storage = storage;
    this.producers = facts.producers;
    this.constants = facts.constants;
  }

  know(value: ValueId, element: Known): void {
    this.known.set(value, element);
  }

  setPosition(position: NamedPosition, quad?: Quad): void {
    this.position = position;
    this.quad = quad;
  }

  /** A name (or literal) for the element of `value`; coordinates align from the right and stretch axes of 1. */
  element(block: Block, value: ValueId, given: readonly Coordinate[]): string {
    const { shape } = typeOf(this.graph, value);
    const coordinates = aligned(given, shape);
    this.watch?.(value, coordinates);
    const known = this.known.get(value)?.(coordinates);
    if (known !== undefined) return known;
    return block.once(`%${value}[${coordinates.join(', ')}]`, () => this.compute(block, value, coordinates));
  }

  private compute(block: Block, value: ValueId, coordinates: readonly Coordinate[]): string {
    const { dtype } = typeOf(this.graph, value);
    const constant = this.constants.get(value);
    if (constant && constant.data.length === 1) return this.code.literal(SCALAR_TYPES[dtype], constant.data[0]!);
    const stored = this.storage.stored(value);
    if (stored) return this.load(block, stored, stored.layout, coordinates, dtype === 'bool');
    const node = this.producers.get(value);
    if (!node) throw new Error(`value %${value} of graph ${this.graph.name} is in no buffer and nothing makes it`);
    if (isPointwise(node.op)) return block.name(this.pointwise(block, node as Node<PointwiseOp>, coordinates), 'v');
    if (isInline(node.op)) {
      // a chain of views as one sum of products; step by step, reshapes would divide. Fusion wants to see the steps
      const below = this.watch === undefined ? this.strided(value) : undefined;
      if (below && !this.knowsBelow(value))
        return this.load(block, below.stored, below.view, coordinates, dtype === 'bool');
      const text = this.inline(block, node as Node<InlineOp>, node.outputs.indexOf(value), coordinates);
      return block.name(text, 'v');
    }
    throw new Error(`value %${value} of graph ${this.graph.name} (${node.op}) has to be stored to be read`);
  }

  private pointwise<N extends PointwiseOp>(block: Block, node: Node<N>, coordinates: readonly Coordinate[]): string {
    const x = node.inputs.map((operand) => this.element(block, operand, coordinates));
    const type = SCALAR_TYPES[typeOf(this.graph, node.inputs[0]!).dtype];
    return POINTWISE[node.op]({ x, type, code: this.code }, node.attributes);
  }

  private inline<N extends InlineOp>(
    block: Block,
    node: Node<N>,
    output: number,
    coordinates: readonly Coordinate[],
  ): string {
    const context: InlineContext<N> = {
      block,
      node,
      types: node.inputs.map((operand) => typeOf(this.graph, operand)),
      output,
      coordinates,
      element: (operand, at) => this.element(block, node.inputs[operand]!, at),
    };
    return (INLINE[node.op] as unknown as InlineRule<N>).element(context);
  }

  /** Position of an element in its buffer. */
  index(
    block: Block,
    { shape, strides, offset, base }: Strided,
    coordinates: readonly Coordinate[],
    position = this.position,
  ): Coordinate {
    const start = base === undefined ? '0u' : this.code.base(base);
    if (position && offset === 0 && isPosition(position, shape, coordinates, strides))
      return plus(start, position.index);
    let text = plus(start, block.size(offset));
    for (const [axis, at] of coordinates.entries()) {
      if (shape[axis] !== 1) text = plus(text, times(at, block.size(strides[axis]!)));
    }
    return text;
  }

  /** Whether something between this value and its buffer is at hand in the kernel, or a number: it is not read then. */
  private knowsBelow(value: ValueId): boolean {
    for (let at: ValueId | undefined = value; at !== undefined; at = this.producers.get(at)?.inputs[0]) {
      if (this.known.has(at) || this.constants.get(at)?.data.length === 1) return true;
      if (this.storage.stored(at)) return false;
    }
    return false;
  }

  private load(
    block: Block,
    stored: Stored,
    layout: Strided,
    coordinates: readonly Coordinate[],
    bool: boolean,
  ): string {
    const four = this.loadFour(block, stored, layout, coordinates);
    if (four !== undefined) return four;
    const index = this.index(block, layout, coordinates);
    if (stored.shards) return block.name(`${this.shardReader(stored)}(${index})`, 'v');
    const { name, wide } = this.bindingOf(stored);
    const text = wordAt(name, stored.element, wide, block.name(index));
    return block.name(bool ? `${text} != 0u` : text, 'v');
  }

  /** One of four neighbours that lie together and are loaded together. */
  private loadFour(
    block: Block,
    stored: Stored,
    layout: Strided,
    coordinates: readonly Coordinate[],
  ): string | undefined {
    const { quad } = this;
    const axis = coordinates.length - 1;
    if (!quad || coordinates[axis] !== quad.at || coordinates.slice(0, -1).includes(quad.at)) return undefined;
    if (stored.element !== 'f32' || !this.vectorised({ stored, view: layout }, axis)) return undefined;
    const index = this.index(block, layout, coordinates.with(axis, quad.first.coordinates.at(-1)!), quad.first);
    return `${block.name(this.vector(stored, index), 'v')}.${'xyzw'[quad.lane]}`;
  }

  private bindingOf({ key, element }: Stored) {
    return this.code.binding(key, element, 'read');
  }

  /** A function that reads an element of a parameter that lies in several buffers. */
  private shardReader(stored: Stored): string {
    return this.code.once(`shards ${stored.key}`, () => {
      const name = this.code.fresh('load');
      const starts = [0, ...stored.shards!];
      const branches = starts.map((start, shard) => {
        const key = shard === 0 ? stored.key : `${stored.key}#${shard}`;
        const binding = this.code.binding(key, stored.element, 'read');
        const word = wordAt(binding.name, stored.element, binding.wide, start === 0 ? 'i' : `(i - ${start}u)`);
        const next = starts[shard + 1];
        return next === undefined ? `  return ${word};` : `  if (i < ${next}u) { return ${word}; }`;
      });
      const type = stored.element === 'i32' ? 'i32' : stored.element === 'u32' ? 'u32' : 'f32';
      this.code.define(`fn ${name}(i: u32) -> ${type} {\n${branches.join('\n')}\n}`);
      return name;
    });
  }

  /** Strides of a value over a stored one, through views only; undefined where there are none. */
  strided(value: ValueId): { readonly stored: Stored; readonly view: Strided } | undefined {
    const found = stridedBase(this.producers, this.graph, value, (base) => this.storage.stored(base)?.layout);
    const stored = found && this.storage.stored(found.base);
    return stored && { stored, view: found.view };
  }

  /** vec4 of the elements at `axis` and the next three, where memory allows; `index` counts elements. */
  vector(stored: Stored, index: Coordinate, access: 'read' | 'read_write' = 'read'): string {
    const binding = this.code.binding(stored.key, stored.element, access);
    if (!binding.wide) this.code.missed.add(stored.key);
    const word = `${binding.name}[${index} >> 2u]`;
    return stored.element === 'f16' ? `widen4(${word})` : word;
  }

  /** Whether `vector` may be used along an axis of the view. */
  vectorised({ stored, view }: { readonly stored: Stored; readonly view: Strided }, axis: number): boolean {
    return (stored.element === 'f32' || stored.element === 'f16') && !stored.shards && vectorAlong(view, axis);
  }
}

/** Look-ups of a graph that every kernel needs. */
export interface GraphFacts {
  readonly graph: Graph;
  readonly producers: ReadonlyMap<ValueId, AnyNode>;
  readonly constants: ReadonlyMap<ValueId, WideTensor>;
  /** position of a node in the graph */
  readonly order: ReadonlyMap<AnyNode, number>;
}

export function factsOf(graph: Graph): GraphFacts {
  return {
    graph,
    producers: new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const))),
    constants: new Map(graph.constants.map(({ value, tensor }) => [value, tensor])),
    order: new Map(graph.nodes.map((node, order) => [node, order])),
  };
}

/** The value at the bottom of a chain of views, and the chain as strides over it. */
export function stridedBase(
  producers: ReadonlyMap<ValueId, AnyNode>,
  graph: Graph,
  value: ValueId,
  layoutOf: (base: ValueId) => Strided | undefined,
): { readonly base: ValueId; readonly view: Strided } | undefined {
  const layout = layoutOf(value);
  if (layout) return { base: value, view: layout };
  const node = producers.get(value);
  if (!node || !isInline(node.op)) return undefined;
  const rule = INLINE[node.op] as InlineRule<InlineOp>;
  if (!rule.strided) return undefined;
  const below = stridedBase(producers, graph, node.inputs[0]!, layoutOf);
  if (!below) return undefined;
  const { shape } = typeOf(graph, value);
  const piece = below.base === node.inputs[0] && node.op === 'slice' ? pieceOf(below.view, node, shape) : undefined;
  const view = piece ?? rule.strided(below.view, node as Node<InlineOp>, node.outputs.indexOf(value), shape);
  return view && { base: below.base, view };
}

/** Coordinates of a result as those of an operand that stretches to it. */
function aligned(coordinates: readonly Coordinate[], shape: Shape): Coordinate[] {
  const missing = coordinates.length - shape.length;
  return shape.map((dim, axis) => (dim === 1 ? '0u' : (coordinates[axis + missing] ?? '0u')));
}

/** The word of an element, to read or to write. */
export function wordAt(name: string, element: Element, wide: boolean, index: Coordinate): string {
  const known = literalOf(index);
  if (element === 'f16') {
    return wide ? `widen4(${name}[${index} >> 2u])[${index} & 3u]` : `widen2(${name}[${index} >> 1u])[${index} & 1u]`;
  }
  if (!wide) return `${name}[${index}]`;
  return known === undefined ? `${name}[${index} >> 2u][${index} & 3u]` : `${name}[${known >> 2}][${known & 3}]`;
}

/** Whether these coordinates in a row-major tensor of `shape` are the position that has a name. */
function isPosition(
  position: NamedPosition,
  shape: Shape,
  coordinates: readonly Coordinate[],
  strides: readonly Dim[],
): boolean {
  const packed = rowMajor(shape);
  if (!strides.every((stride, axis) => shape[axis] === 1 || equalDims(stride, packed[axis]!))) return false;
  const own = position.shape.flatMap((dim, axis) => (dim === 1 ? [] : [[dim, position.coordinates[axis]!] as const]));
  const other = shape.flatMap((dim, axis) => (dim === 1 ? [] : [[dim, coordinates[axis]!] as const]));
  if (own.length !== other.length || own.length === 0) return false;
  return own.every(([dim, at], n) => equalDims(dim, other[n]![0]) && at === other[n]![1]);
}
