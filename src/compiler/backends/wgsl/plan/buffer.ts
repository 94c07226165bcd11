/** Which buffer of an entry a value lies in, and how: what kernels see as numbers (text/input.ts), the plan as these. */
import { isSymbolic, type Shape } from '../../../../shared/dim.ts';
import type { Quantisation } from '../../../../shared/quantisation.ts';
import type { AnyNode, Node, TensorType, ValueId } from '../../../ir/graph.ts';
import type { Element } from '../text/code.ts';
import { contiguous, type Layout } from '../text/layout.ts';

/** A buffer. Equal ones are one object: see `BufferRefs`. */
export type BufferRef =
  | { readonly kind: 'input'; readonly port: number }
  | { readonly kind: 'output'; readonly port: number }
  /** of a parameter that is too large for one binding, a part of it */
  | { readonly kind: 'parameter'; readonly parameter: number; readonly part: number }
  | { readonly kind: 'pack'; readonly pack: number }
  | { readonly kind: 'constant'; readonly constant: number }
  | { readonly kind: 'cache'; readonly cache: number }
  /** scratch of its own, until it shares one */
  | { readonly kind: 'value'; readonly value: ValueId };

function identity(ref: BufferRef): string {
  switch (ref.kind) {
    case 'input':
    case 'output':
      return `${ref.kind} ${ref.port}`;
    case 'parameter':
      return `parameter ${ref.parameter} ${ref.part}`;
    case 'pack':
      return `pack ${ref.pack}`;
    case 'constant':
      return `constant ${ref.constant}`;
    case 'cache':
      return `cache ${ref.cache}`;
    case 'value':
      return `value ${ref.value}`;
  }
}

/** One object per buffer, so that sets and maps compare them. */
export class BufferRefs {
  private readonly known = new Map<string, BufferRef>();

  of(ref: BufferRef): BufferRef {
    const key = identity(ref);
    const before = this.known.get(key);
    if (before) return before;
    this.known.set(key, ref);
    return ref;
  }
}

/** Where a tensor begins in a buffer that it shares with others, in elements. */
interface Based {
  readonly base: number;
}

type Unbased = Omit<Layout, 'base'> & { readonly base?: never };

/** Like a kernel's layout, with the element at which the tensor begins. */
export type BufferLayout = Unbased | (Omit<Layout, 'base'> & Based);

export const isBased = (layout: BufferLayout): layout is Omit<Layout, 'base'> & Based => layout.base !== undefined;

/** Where a value of an entry lies. */
export interface BufferPlace {
  readonly buffer: BufferRef;
  readonly element: Element;
  readonly layout: BufferLayout;
  /** of a parameter too large for one binding: its further buffers, and the elements at which they begin */
  readonly shards?: readonly { readonly buffer: BufferRef; readonly start: number }[];
  /** the words (u32) are codes, then scales, then zeros */
  readonly quantised?: Quantisation;
  /** rows of so many codes have a scale each, in a buffer of f32 */
  readonly scales?: { readonly buffer: BufferRef; readonly width: number };
}

/** Where values lie that kernels read or write. */
export interface EntryStorage {
  stored(value: ValueId): BufferPlace | undefined;
}

/**
 * A slice of a flat tensor, which may be a piece itself: a tensor that begins at a base. Undefined for any other.
 * @param layout of the flat tensor
 */
export function pieceOf(
  layout: BufferLayout,
  { attributes }: Node<'slice'>,
  shape: Shape,
): (Omit<Layout, 'base'> & Based) | undefined {
  const {
    starts: [start],
    steps,
  } = attributes;
  const flat = layout.shape.length === 1 && layout.strides[0] === 1 && !layout.offset;
  return flat && typeof start === 'number' && steps[0] === 1
    ? { ...layout, shape, base: (layout.base ?? 0) + start }
    : undefined;
}

/** Of known sizes: row after row. */
export function isGapless({ shape, strides }: BufferLayout): boolean {
  const own = contiguous(shape).strides;
  return strides.every((stride, axis) => stride === own[axis]);
}

/** What is asked of a graph to find where views of buffers lie. */
export interface ViewFacts {
  readonly producers: ReadonlyMap<ValueId, AnyNode>;
  readonly typeOf: (value: ValueId) => TensorType;
}

/**
 * Where a slice lies of a tensor that is flat, or made so by a reshape: the place of its source, and its layout there.
 * @param placeOf where a value lies; undefined for what is computed
 */
export function sliceIn<P extends { readonly layout: BufferLayout }>(
  value: ValueId,
  { producers, typeOf }: ViewFacts,
  placeOf: (value: ValueId) => P | undefined,
): P | undefined {
  const node = producers.get(value);
  if (node?.op !== 'slice') return undefined;
  const whole = placeOf(node.inputs[0]) ?? reshaped(node.inputs[0], { producers, typeOf }, placeOf);
  const layout = whole && pieceOf(whole.layout, node, typeOf(value).shape);
  return whole && layout && { ...whole, layout };
}

/** A reshape of what lies in a buffer without gaps, or is a slice there. */
function reshaped<P extends { readonly layout: BufferLayout }>(
  value: ValueId,
  facts: ViewFacts,
  placeOf: (value: ValueId) => P | undefined,
): P | undefined {
  const node = facts.producers.get(value);
  if (node?.op !== 'reshape') return undefined;
  const [source] = node.inputs;
  const place = placeOf(source) ?? sliceIn(source, facts, placeOf) ?? reshaped(source, facts, placeOf);
  if (!place || place.layout.shape.some(isSymbolic)) return undefined;
  return isGapless(place.layout)
    ? { ...place, layout: { ...place.layout, ...contiguous(facts.typeOf(value).shape) } }
    : undefined;
}
