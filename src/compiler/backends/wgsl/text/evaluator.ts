/**
 * Elements of values as WGSL: what is stored is loaded, what is not is computed from its operands, at any coordinates.
 *
 * This is where fusion happens. A kernel asks for the element of its result; everything between the result and the
 * buffers is written into the kernel, each element of each value once per block.
 */
import type { Shape } from '../../../../shared/dim.ts';
import { sizeOf } from '../../../../shared/tensor.ts';
import { type AnyNode, type Graph, type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import { less, sub } from './arithmetic.ts';
import type { Block } from './block.ts';
import { functionOf } from './body.ts';
import type { Element, KernelCode } from './code.ts';
import { constant, type Index, isVectorAlong, keyOf, laneOf, minus, plus, times, word, ZERO } from './expr.ts';
import {
  binary,
  call,
  component,
  type Expression,
  element as elementOf,
  fourOf,
  literal,
  numberOf,
  vector,
} from './expression.ts';
import {
  INLINE,
  type InlineContext,
  type InlineRule,
  isInline,
  isView,
  type PlaceOp,
  VIEWS,
  type ViewContext,
  type ViewOp,
  type ViewRule,
} from './inline.ts';
import type { Storage, Stored, ValueFacts } from './input.ts';
import type { Layout } from './layout.ts';
import { library } from './library.ts';
import type { Name } from './name.ts';
import { packedReader, packedVector } from './packed.ts';
import { isPointwise, POINTWISE, type PointwiseOp, SCALAR_TYPES } from './scalar.ts';

/** Elements that a kernel has at hand: the result of its GEMM, of a fold over its row. */
export type Known = (coordinates: readonly Index[]) => Expression | undefined;

/** An element of a buffer. */
export interface Place {
  readonly stored: Stored;
  readonly index: Index;
}

export class Evaluator {
  readonly code: KernelCode;
  private readonly graph: ValueFacts['graph'];
  private readonly storage: Storage;
  private readonly producers: ReadonlyMap<ValueId, AnyNode>;
  private readonly numbers: ReadonlyMap<ValueId, number>;
  private readonly known = new Map<ValueId, Known>();
  private lane: number | undefined;
  /** called for every value that is asked for: how fusion learns where a kernel reads what */
  watch: ((value: ValueId, coordinates: readonly Index[]) => void) | undefined;
  /** what stands for an element that lies in a buffer, where nothing is written and no address is asked for */
  standIn: ((value: ValueId, coordinates: readonly Index[]) => Expression | undefined) | undefined;

  constructor(code: KernelCode, facts: ValueFacts, storage: Storage) {
    this.code = code;
    this.graph = facts.graph;
    this.storage = storage;
    this.producers = facts.producers;
    this.numbers = facts.numbers;
  }

  know(value: ValueId, element: Known): void {
    this.known.set(value, element);
  }

  /** Says which of four neighbours is being written: what they have side by side is loaded as one vector. */
  setLane(lane: number): void {
    this.lane = lane;
  }

  /** A name (or literal) for the element of `value`; coordinates align from the right and stretch axes of 1. */
  element(block: Block, value: ValueId, given: readonly Index[]): Expression {
    const { shape } = typeOf(this.graph, value);
    const coordinates = aligned(given, shape);
    this.watch?.(value, coordinates);
    const known = this.known.get(value)?.(coordinates);
    if (known !== undefined) return known;
    return block.once(`%${value}[${keyOf(coordinates)}]`, () => this.compute(block, value, coordinates));
  }

  private compute(block: Block, value: ValueId, coordinates: readonly Index[]): Expression {
    const { dtype } = typeOf(this.graph, value);
    const number = this.numbers.get(value);
    if (number !== undefined) return this.code.literal(SCALAR_TYPES[dtype], number);
    const stoodFor = this.standIn?.(value, coordinates);
    if (stoodFor !== undefined) return stoodFor;
    const place = this.placeHere(value, coordinates);
    if (place) return this.load(block, place, dtype === 'bool');
    const node = this.producers.get(value);
    if (!node) throw new Error(`value %${value} of graph ${this.graph.name} is in no buffer and nothing makes it`);
    if (isPointwise(node.op)) return block.name(this.pointwise(block, node as Node<PointwiseOp>, coordinates), 'v');
    if (isView(node.op)) {
      return this.element(block, node.inputs[0]!, viewed(this.graph, node, value, coordinates));
    }
    if (isInline(node.op)) {
      const context: InlineContext<PlaceOp> = {
        block,
        node: node as Node<PlaceOp>,
        types: node.inputs.map((operand) => typeOf(this.graph, operand)),
        output: node.outputs.indexOf(value),
        coordinates,
        element: (operand, at) => this.element(block, node.inputs[operand]!, at),
      };
      return block.name((INLINE[node.op] as InlineRule<PlaceOp>).element(context), 'v');
    }
    throw new Error(`value %${value} of graph ${this.graph.name} (${node.op}) has to be stored to be read`);
  }

  private pointwise<N extends PointwiseOp>(block: Block, node: Node<N>, coordinates: readonly Index[]): Expression {
    const x = node.inputs.map((operand) => this.element(block, operand, coordinates));
    const type = SCALAR_TYPES[typeOf(this.graph, node.inputs[0]).dtype];
    return POINTWISE[node.op]({ x, type, code: this.code }, node.attributes);
  }

  /** Where an element lies, with nothing but views between it and its buffer; undefined where it is computed, or a number of the text. */
  place(value: ValueId, coordinates: readonly Index[]): Place | undefined {
    if (this.numbers.has(value)) return undefined;
    const here = this.placeHere(value, coordinates);
    if (here || this.known.has(value)) return here;
    const node = this.producers.get(value);
    if (!node || !isView(node.op)) return undefined;
    return this.place(
      node.inputs[0]!,
      aligned(viewed(this.graph, node, value, coordinates), typeOf(this.graph, node.inputs[0]!).shape),
    );
  }

  private placeHere(value: ValueId, coordinates: readonly Index[]): Place | undefined {
    const stored = this.storage.stored(value);
    return stored && { stored, index: this.address(stored.layout, coordinates) };
  }

  /** Position of an element in its buffer. */
  address({ shape, strides, base, offset = 0 }: Layout, coordinates: readonly Index[]): Index {
    let index = base === undefined ? ZERO : word(this.code.base(base.number), undefined, undefined, base.aligned);
    for (const [axis, at] of coordinates.entries()) {
      if (shape[axis] !== 1) index = plus(index, times(at, strides[axis]!));
    }
    return plus(index, constant(offset));
  }

  private load(block: Block, place: Place, bool: boolean): Expression {
    const { stored, index } = place;
    if (this.lane !== undefined && stored.element === 'f32' && !stored.shards && laneOf(index) === this.lane) {
      const four = this.vector(block, { stored, index: minus(index, constant(this.lane)) });
      return component(block.name(four, 'v'), this.lane);
    }
    const read = this.word(stored, block.named(index));
    return block.name(bool ? binary('!=', read, literal('u32', 0)) : read, 'v');
  }

  private word(stored: Stored, index: Expression): Expression {
    const { element, quantised, shards } = stored;
    if (shards) return call(this.shardReader(stored), [index], READ[element]);
    if (quantised) return call(packedReader(this.code, stored), [index], 'f32');
    const { name, wide } = this.bindingOf(stored);
    const word = wordAt(name, element, wide, index);
    return stored.scales ? binary('*', word, this.scaleAt(stored.scales, index)) : word;
  }

  /** The scale of the row that has an element. */
  private scaleAt({ buffer, width }: NonNullable<Stored['scales']>, index: Expression): Expression {
    const { name, wide } = this.code.binding(buffer, 'f32', 'read');
    return wordAt(name, 'f32', wide, binary('/', index, literal('u32', width)));
  }

  private bindingOf({ buffer, element }: Stored) {
    return this.code.binding(buffer, element, 'read');
  }

  /** A function that reads an element of a parameter that lies in several buffers. */
  private shardReader(stored: Stored): Name {
    return this.code.once(`shards ${stored.buffer}`, () => {
      const name = this.code.fresh('load');
      const shards = [{ buffer: stored.buffer, start: 0 }, ...stored.shards!];
      const reader = functionOf(name, { i: 'u32' }, READ[stored.element], (body, { i }) => {
        for (const [at, { buffer, start }] of shards.entries()) {
          const next = shards[at + 1]?.start;
          const elements = (next ?? sizeOf(stored.layout.shape as number[])) - start;
          const word = this.shardWord(stored, buffer, elements, sub(i, start));
          if (next === undefined) body.return(word);
          else body.if(less(i, next), () => body.return(word));
        }
      });
      return this.code.define(reader);
    });
  }

  private shardWord({ element, quantised }: Stored, buffer: number, elements: number, index: Expression): Expression {
    if (quantised) return call(packedReader(this.code, { buffer, quantised, elements }), [index], 'f32');
    const binding = this.code.binding(buffer, element, 'read');
    return wordAt(binding.name, element, binding.wide, index);
  }

  /** vec4 of an element and the next three, where memory allows. */
  vector(block: Block, { stored, index }: Place): Expression {
    if (stored.quantised) return call(packedVector(this.code, stored), [block.named(index)], 'vec4f');
    const at = block.named(index);
    const four = fourAt(this.wideBinding(stored, 'read').name, stored.element, binary('>>', at, literal('u32', 2)));
    if (!stored.scales) return four;
    const scale = block.name(this.scaleAt(stored.scales, at), 'scale');
    return binary('*', four, vector([scale, scale, scale, scale]));
  }

  /** Writes an element and the next three, where memory allows. */
  storeFour(block: Block, { stored, index }: Place, value: Expression): void {
    const { element } = stored;
    const { name } = this.wideBinding(stored, 'read_write');
    const at = binary('>>', block.named(index), literal('u32', 2));
    if (element === 'i8') block.assign(elementOf(name, at, 'u32'), library('bytes_from', [value]));
    else if (element === 'half') block.assign(elementOf(name, at, 'vec2u'), library('halves_from', [value]));
    else block.assign(elementOf(name, at, value.type), value);
  }

  private wideBinding({ buffer, element }: Stored, access: 'read' | 'read_write') {
    const binding = this.code.binding(buffer, element, access);
    if (!binding.wide) this.code.missed.add(buffer);
    return binding;
  }

  /** Whether `vector` may be used along an axis. */
  vectorised({ stored, index }: Place, axis: string): boolean {
    const four = stored.quantised !== undefined || ['f32', 'f16', 'half', 'i8'].includes(stored.element);
    return four && !stored.shards && isVectorAlong(index, axis);
  }
}

/** Of an entry's graph. */
export interface GraphFacts extends ValueFacts {
  readonly graph: Graph;
}

export function factsOf(graph: Graph): GraphFacts {
  return {
    graph,
    producers: new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const))),
    numbers: new Map(
      graph.constants.flatMap(({ value, tensor: { data } }) => (data.length === 1 ? [[value, data[0]!] as const] : [])),
    ),
    order: new Map(graph.nodes.map((node, order) => [node, order])),
  };
}

/** Coordinates of the operand's element that a view has at `coordinates`. */
export function viewed(
  graph: ValueFacts['graph'],
  node: AnyNode,
  value: ValueId,
  coordinates: readonly Index[],
): readonly Index[] {
  const context: ViewContext<ViewOp> = {
    node: node as Node<ViewOp>,
    types: node.inputs.map((operand) => typeOf(graph, operand)),
    output: node.outputs.indexOf(value),
    coordinates,
  };
  return (VIEWS[node.op as ViewOp] as ViewRule<ViewOp>)(context);
}

/** Coordinates of a result as those of an operand that stretches to it. */
export function aligned(coordinates: readonly Index[], shape: Shape): Index[] {
  const missing = coordinates.length - shape.length;
  return shape.map((dim, axis) => (dim === 1 ? ZERO : (coordinates[axis + missing] ?? ZERO)));
}

/** What is read of a buffer's words. A packed parameter's are read by its function. */
const READ: Readonly<Record<Element, 'f32' | 'i32' | 'u32'>> = {
  f32: 'f32',
  i32: 'i32',
  u32: 'u32',
  f16: 'f32',
  half: 'f32',
  i8: 'f32',
};

/** Vector `index` of a buffer of vectors. */
function fourAt(name: Name, element: Element, index: Expression): Expression {
  if (element === 'f16') return call('widen4', [elementOf(name, index, 'half4')], 'vec4f');
  if (element === 'half') return library('halves_of', [elementOf(name, index, 'vec2u')]);
  if (element === 'i8') return library('bytes_of', [elementOf(name, index, 'u32')]);
  return elementOf(name, index, fourOf(element));
}

/** The word of an element, to read or to write. */
export function wordAt(name: Name, element: Element, wide: boolean, index: Expression): Expression {
  const type = READ[element];
  const u32 = (number: number): Expression => literal('u32', number);
  if (element === 'i8') return library('byte_of', [elementOf(name, binary('>>', index, u32(2)), 'u32'), index]);
  if (!wide && element === 'half') {
    const two = call('unpack2x16float', [elementOf(name, binary('>>', index, u32(1)), 'u32')], 'vec2f');
    return elementOf(two, binary('&', index, u32(1)), type);
  }
  if (!wide && element === 'f16') {
    const two = call('widen2', [elementOf(name, binary('>>', index, u32(1)), 'half2')], 'vec2f');
    return elementOf(two, binary('&', index, u32(1)), type);
  }
  if (!wide) return elementOf(name, index, type);
  const known = numberOf(index);
  const [four, lane] =
    known === undefined ? [binary('>>', index, u32(2)), binary('&', index, u32(3))] : [u32(known >> 2), u32(known & 3)];
  return elementOf(fourAt(name, element, four), lane, type);
}
