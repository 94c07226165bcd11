/**
 * What a dispatch may bind: counts the buffers behind a kernel, says which value to store apart when they are too many,
 * and puts small parameters into one buffer where that is enough.
 */
import { sizeOf } from '../../../../shared/tensor.ts';
import type { ValueId } from '../../../ir/graph.ts';
import { gradientOperands } from '../dialect.ts';
import { isContraction, type Kernel, kernelsOf } from '../kernel.ts';
import type { BufferPlace, BufferRef, EntryStorage } from '../plan/buffer.ts';
import type { PlanTables } from '../plan/tables.ts';
import type { GraphFacts } from '../text/evaluator.ts';
import type { Fused } from './fuse.ts';

/** Elements that a parameter may have to be packed with others. */
const PACKED = 16_384;

export class BufferBudget {
  private readonly facts: GraphFacts;
  private readonly tables: PlanTables;
  /** where values lie, as far as it is known */
  private readonly places: ReadonlyMap<ValueId, BufferPlace>;

  constructor(facts: GraphFacts, tables: PlanTables, places: ReadonlyMap<ValueId, BufferPlace>) {
    this.facts = facts;
    this.tables = tables;
    this.places = places;
  }

  /** each value where it is */
  readonly plain: EntryStorage = { stored: (value) => this.places.get(value) };

  private readonly readBy = new WeakMap<
    Kernel,
    { readonly stored: ReadonlySet<ValueId>; readonly leaves: ReadonlySet<ValueId> }
  >();

  /** Values in buffers that a kernel reads, once fusion is done with it. */
  reads(kernel: Kernel, stored: ReadonlySet<ValueId>): ReadonlySet<ValueId> {
    const before = this.readBy.get(kernel);
    if (before?.stored === stored) return before.leaves;
    const leaves = this.leavesOf(kernel, stored);
    this.readBy.set(kernel, { stored, leaves });
    return leaves;
  }

  private leavesOf(kernel: Kernel, stored: ReadonlySet<ValueId>): ReadonlySet<ValueId> {
    const roots = rootsOf(kernel, stored);
    // what an earlier kernel of the same contraction left for this one
    const { pass, contraction } = kernel;
    const gradient =
      contraction?.op === 'attention_grad' && pass !== 'statistics' ? gradientOperands(contraction) : undefined;
    const shared = gradient?.makesThem ? gradient.statistics : undefined;
    const leaves = new Set<ValueId>(shared === undefined ? [] : [shared]);
    const seen = new Set<ValueId>(kernel.outputs.map(({ value }) => value));
    const open = [...seen];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      if (this.facts.numbers.has(value)) continue;
      const node = this.facts.producers.get(value);
      if (!node || (stored.has(value) && !roots.has(value))) leaves.add(value);
      else {
        for (const operand of node.inputs) {
          if (seen.has(operand)) continue;
          seen.add(operand);
          open.push(operand);
        }
      }
    }
    return leaves;
  }

  /** The same for each value on the way to them. */
  private leaves(kernel: Kernel, stored: ReadonlySet<ValueId>): Map<ValueId, ReadonlySet<ValueId>> {
    const roots = rootsOf(kernel, stored);
    const found = new Map<ValueId, Set<ValueId>>();
    const visit = (value: ValueId): Set<ValueId> => {
      const before = found.get(value);
      if (before) return before;
      const leaves = new Set<ValueId>();
      found.set(value, leaves);
      const node = this.facts.producers.get(value);
      if (this.facts.numbers.has(value)) return leaves;
      if (!node || (stored.has(value) && !roots.has(value))) leaves.add(value);
      else for (const operand of node.inputs) for (const leaf of visit(operand)) leaves.add(leaf);
      return leaves;
    };
    for (const { value } of kernel.outputs) visit(value);
    return found;
  }

  /**
   * A value to store by a kernel of its own so that this one binds fewer buffers; undefined when it fits or nothing can
   * be split off. A parameter in several shards takes as many buffers.
   */
  tooManyBuffers(kernel: Kernel, { stored }: Fused): ValueId | undefined {
    const limit = this.tables.limits.maxStorageBuffersPerShaderStage;
    const roots = new Set(kernel.outputs.map(({ value }) => value));
    const buffersOf = (leaves: ReadonlySet<ValueId>): number =>
      [...leaves].reduce((sum, value) => sum + 1 + (this.places.get(value)?.shards?.length ?? 0), 0);
    const all = this.reads(kernel, stored);
    const written = new Set(kernel.outputs.map(({ into }) => into)).size;
    if (buffersOf(all) + written <= limit || this.fits(this.buffersOf(kernel, stored))) return undefined;
    // outputs that joined: the one that joined last leaves
    if (kernel.outputs.length > 1 && (kernel.contraction?.outputs.length ?? 1) === 1) return kernel.outputs[0]!.value;
    // the value with the most buffers behind it that is not nearly everything
    const candidates = [...this.leaves(kernel, stored)].flatMap(([value, leaves]) => {
      const node = this.facts.producers.get(value);
      const own = node && !roots.has(value) && !stored.has(value) && !isContraction(node, this.facts.graph.types);
      return own && buffersOf(leaves) > 1 && leaves.size < all.size ? [{ value, buffers: buffersOf(leaves) }] : [];
    });
    candidates.sort((a, b) => b.buffers - a.buffers);
    return candidates.find(({ buffers }) => buffers + 1 <= limit)?.value;
  }

  /** Within the device's limit, if need be with the small parameters in one buffer. */
  fits(buffers: ReadonlySet<BufferRef>): boolean {
    const limit = this.tables.limits.maxStorageBuffersPerShaderStage;
    const small = this.smallParameters(buffers).length;
    return buffers.size <= limit || (small > 1 && buffers.size - small + 1 <= limit);
  }

  /** Indices of the parameters among these buffers that may be packed. */
  private smallParameters(buffers: ReadonlySet<BufferRef>): number[] {
    return [...buffers].flatMap((ref) => {
      if (ref.kind !== 'parameter' || ref.part > 0) return [];
      const { shape, storage } = this.tables.parameters[ref.parameter]!;
      return storage === 'f32' && sizeOf(shape) <= PACKED ? [ref.parameter] : [];
    });
  }

  /** Where a bundle finds its values: its small parameters in one buffer, when it would bind too many otherwise. */
  storageFor(buffers: ReadonlySet<BufferRef>): EntryStorage {
    if (buffers.size <= this.tables.limits.maxStorageBuffersPerShaderStage) return this.plain;
    const { index, starts } = this.tables.pack(this.smallParameters(buffers).sort((a, b) => a - b));
    const pack = this.tables.buffers.of({ kind: 'pack', pack: index });
    return {
      stored: (value) => {
        const place = this.places.get(value);
        const at = place?.buffer.kind === 'parameter' ? starts.get(place.buffer.parameter) : undefined;
        if (!place || at === undefined) return place;
        return { ...place, buffer: pack, layout: { ...place.layout, offset: at } };
      },
    };
  }

  buffersOf(kernel: Kernel, stored: ReadonlySet<ValueId>): ReadonlySet<BufferRef> {
    const { fresh } = kernel;
    const prepared = fresh ? kernelsOf(fresh) : [];
    const buffers = new Set(prepared.flatMap((part) => [...this.buffersOf(part, stored)]));
    // a place of its own, later
    const bufferOf = (value: ValueId): BufferRef =>
      this.places.get(value)?.buffer ?? this.tables.buffers.of({ kind: 'value', value });
    // the rows that it prepares itself are in no buffer, but those of the cache
    const unwritten = new Set(fresh?.query?.outputs.map(({ into }) => into));
    for (const value of unwritten) buffers.delete(bufferOf(value));
    for (const value of [...this.reads(kernel, stored), ...kernel.outputs.map(({ into }) => into)]) {
      if (unwritten.has(value)) continue;
      buffers.add(bufferOf(value));
      const { shards = [], scales } = this.places.get(value) ?? {};
      for (const { buffer } of [...shards, ...(scales ? [scales] : [])]) buffers.add(buffer);
    }
    return buffers;
  }
}

/** What a kernel computes, of its outputs: a value that lies somewhere else as well is copied from there. */
function rootsOf({ outputs }: Kernel, stored: ReadonlySet<ValueId>): ReadonlySet<ValueId> {
  return new Set(outputs.flatMap(({ value, into }) => (value === into || !stored.has(value) ? [value] : [])));
}
