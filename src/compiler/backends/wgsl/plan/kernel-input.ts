/** Kernels of an entry → what their emitters are given (text/input.ts), and which buffers and bases its numbers stand for. */
import { isSymbolic } from '../../../../shared/dim.ts';
import { type AnyNode, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Kernel, KernelOutput } from '../kernel.ts';
import type { GraphFacts } from '../text/evaluator.ts';
import type { FreshInput, InputNode, InputOutput, InputValue, KernelInput, Stored } from '../text/input.ts';
import { contiguous, type Layout } from '../text/layout.ts';
import {
  type BufferLayout,
  type BufferPlace,
  type BufferRef,
  type EntryStorage,
  isBased,
  isGapless,
  sliceIn,
} from './buffer.ts';
import type { StructuralKeys } from './structural-key.ts';

/** The kernels of one dispatch, as their emitters see them. */
export interface KeyedInputs {
  readonly inputs: readonly KernelInput[];
  /** equal for equal inputs */
  readonly key: string;
}

export interface NumberedInputs extends KeyedInputs {
  /** by number */
  readonly buffers: readonly BufferRef[];
  /** where tensors begin in buffers that they share, by number */
  readonly bases: readonly number[];
}

export function kernelInputs(
  kernels: readonly Kernel[],
  facts: GraphFacts,
  storage: EntryStorage,
  keys: StructuralKeys,
): NumberedInputs {
  const numbering = new Numbering();
  const inputs = kernels.map((kernel) => new InputBuilder(kernel, facts, storage, numbering).build());
  return {
    inputs,
    key: keys.keyOf(inputs),
    buffers: [...numbering.buffers.keys()],
    bases: [...numbering.bases.keys()],
  };
}

function numberOf<K>(numbers: Map<K, number>, key: K): number {
  const before = numbers.get(key);
  if (before !== undefined) return before;
  numbers.set(key, numbers.size);
  return numbers.size - 1;
}

class Numbering {
  readonly buffers = new Map<BufferRef, number>();
  readonly bases = new Map<number, number>();

  place({ buffer, element, layout, shards, quantised, scales }: BufferPlace): Stored {
    return {
      buffer: numberOf(this.buffers, buffer),
      element,
      layout: this.layout(layout),
      ...(shards
        ? { shards: shards.map((shard) => ({ ...shard, buffer: numberOf(this.buffers, shard.buffer) })) }
        : {}),
      ...(quantised ? { quantised } : {}),
      ...(scales ? { scales: { ...scales, buffer: numberOf(this.buffers, scales.buffer) } } : {}),
    };
  }

  private layout(layout: BufferLayout): Layout {
    if (!isBased(layout)) return layout;
    const { base } = layout;
    // only whether vectors can be loaded there is in a kernel's text
    return { ...layout, base: { number: numberOf(this.bases, base), aligned: base % 4 === 0 } };
  }
}

class InputBuilder {
  private readonly kernel: Kernel;
  private readonly facts: GraphFacts;
  private readonly storage: EntryStorage;
  private readonly numbering: Numbering;
  /** what this kernel computes, whatever lies in a buffer */
  private readonly own: ReadonlySet<ValueId>;
  private readonly values: InputValue[] = [];
  private readonly ids = new Map<ValueId, ValueId>();

  constructor(kernel: Kernel, facts: GraphFacts, storage: EntryStorage, numbering: Numbering) {
    this.kernel = kernel;
    this.facts = facts;
    this.storage = storage;
    this.numbering = numbering;
    const written = kernel.outputs.flatMap(({ value, into }) => (value === into ? [value] : []));
    // of a contraction in several kernels, the others' results are in buffers
    this.own = new Set([...written, ...(kernel.pass === undefined ? (kernel.contraction?.outputs ?? []) : [])]);
  }

  build(): KernelInput {
    const { shape, columns, contraction, pass, reductions } = this.kernel;
    const sorted = this.nodes();
    const nodes = sorted.map((node): InputNode => {
      const inputs = node.inputs.map((value) => this.idOf(value));
      const outputs = node.outputs.map((value) => this.idOf(value));
      return { op: node.op, inputs, outputs, attributes: node.attributes } as unknown as InputNode;
    });
    const outputs = this.kernel.outputs.map((output): InputOutput => {
      const { value, into, auxiliary } = output;
      const { place, shift } = this.target(output);
      return {
        value: this.idOf(value),
        to: this.numbering.place(place),
        whole: value === into,
        ...(shift ? { shift } : {}),
        ...(auxiliary ? { auxiliary } : {}),
      };
    });
    const fresh = this.fresh();
    return {
      values: this.values,
      nodes,
      outputs,
      shape,
      columns,
      reductions: reductions.map((reduction) => sorted.indexOf(reduction)),
      ...(contraction ? { contraction: sorted.indexOf(contraction) } : {}),
      ...(pass ? { pass } : {}),
      ...(fresh ? { fresh } : {}),
    };
  }

  /** Where an output is written: rows of a tensor of known size are a tensor that begins at a base. */
  private target({ value, into, shift }: KernelOutput): { place: BufferPlace; shift?: KernelOutput['shift'] } {
    const place = this.storage.stored(into);
    if (!place) throw new Error(`value %${into} is written and has no buffer`);
    if (!shift) return { place };
    const { layout } = place;
    const { shape } = typeOf(this.facts.graph, value);
    const rows = shift.axis === 0 && typeof shift.by === 'number' && !layout.shape.some(isSymbolic);
    if (!rows || !isGapless(layout)) return { place, shift };
    const base = (layout.base ?? 0) + (shift.by as number) * (layout.strides[0] as number);
    return { place: { ...place, layout: { ...layout, ...contiguous(shape), base } } };
  }

  private fresh(): FreshInput | undefined {
    const { fresh, contraction } = this.kernel;
    if (!fresh || !contraction) return undefined;
    const input = (kernel: Kernel): KernelInput =>
      new InputBuilder(kernel, this.facts, this.storage, this.numbering).build();
    // keys and values are the cache with the new position, which a concat makes of the cache before
    const [pastKeys, pastValues] = [contraction.inputs[1]!, contraction.inputs[2]!].map((value) =>
      this.idOf(this.facts.producers.get(value)!.inputs[0]!),
    ) as [ValueId, ValueId];
    const { query, key, value } = fresh;
    return { ...(query ? { query: input(query) } : {}), key: input(key), value: input(value), pastKeys, pastValues };
  }

  /** Nodes that the kernel computes, in the graph's order. */
  private nodes(): readonly AnyNode[] {
    const { contraction, reductions, outputs } = this.kernel;
    const nodes = new Set<AnyNode>([...reductions, ...(contraction ? [contraction] : [])]);
    const seen = new Set<ValueId>();
    const open = [...[...nodes].flatMap(({ inputs }) => inputs), ...outputs.map(({ value }) => value)];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      if (seen.has(value)) continue;
      seen.add(value);
      const node = this.facts.producers.get(value);
      if (!node || this.placeOf(value)) continue;
      nodes.add(node);
      open.push(...node.inputs);
    }
    return [...nodes].sort((a, b) => this.facts.order.get(a)! - this.facts.order.get(b)!);
  }

  private idOf(value: ValueId): ValueId {
    const before = this.ids.get(value);
    if (before !== undefined) return before;
    const id = this.values.length;
    this.ids.set(value, id);
    const place = this.placeOf(value);
    const number = this.facts.numbers.get(value);
    this.values.push({
      type: typeOf(this.facts.graph, value),
      ...(place ? { place: this.numbering.place(place) } : {}),
      ...(number === undefined ? {} : { number }),
    });
    return id;
  }

  /** Where a value is read: its buffer, or of a piece of a flat one the place there. */
  private placeOf(value: ValueId): BufferPlace | undefined {
    return (this.own.has(value) ? undefined : this.storage.stored(value)) ?? this.pieceOf(value);
  }

  private pieceOf(value: ValueId): BufferPlace | undefined {
    const { producers, graph } = this.facts;
    const stored = (other: ValueId) => (this.own.has(other) ? undefined : this.storage.stored(other));
    return sliceIn(value, { producers, typeOf: (other) => typeOf(graph, other) }, stored);
  }
}
