/** Which buffer of an entry a value lies in, and how: what kernels see as numbers (text/input.ts), the plan as these. */
import type { Shape } from '../../../../shared/dim.ts';
import type { Quantisation } from '../../../../shared/quantisation.ts';
import type { Node, ValueId } from '../../../ir/graph.ts';
import type { Element } from '../text/code.ts';
import type { Layout } from '../text/layout.ts';

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
}

/** Where values lie that kernels read or write. */
export interface EntryStorage {
  stored(value: ValueId): BufferPlace | undefined;
}

/** A slice of all that lies in a buffer, where that is flat: a tensor that begins at a base. Undefined for any other. */
export function pieceOf(
  layout: BufferLayout,
  { attributes }: Node<'slice'>,
  shape: Shape,
): (Omit<Layout, 'base'> & Based) | undefined {
  const {
    starts: [start],
    steps,
  } = attributes;
  const flat = layout.shape.length === 1 && layout.strides[0] === 1 && layout.base === undefined && !layout.offset;
  return flat && typeof start === 'number' && steps[0] === 1 ? { ...layout, shape, base: start } : undefined;
}
