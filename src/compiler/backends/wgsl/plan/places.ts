/** Where the values of an entry lie: which buffer, in which layout, at which place of it. */
import type { CachePort } from '../../../../shared/artifact.ts';
import type { CacheStorage } from '../../../../shared/cache-storage.ts';
import { equalShapes, symbol } from '../../../../shared/dim.ts';
import { CAPACITY } from '../../../../shared/webgpu.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Decomposed } from '../decompose.ts';
import type { ParameterPart } from '../dialect.ts';
import type { EntryOptions } from '../entry-options.ts';
import type { CacheAppend } from '../fusion/options.ts';
import type { OutputPiece } from '../fusion/pieces.ts';
import type { Kernel } from '../kernel.ts';
import type { Element } from '../text/code.ts';
import type { GraphFacts } from '../text/evaluator.ts';
import { contiguous, rowMajor } from '../text/layout.ts';
import { ELEMENTS, isPointwise } from '../text/scalar.ts';
import type { BufferPlace, BufferRef } from './buffer.ts';
import type { Descriptions } from './describe.ts';
import type { PlanTables } from './tables.ts';

const STORED_ELEMENTS = { f16: 'half', int8: 'i8' } as const satisfies Record<CacheStorage, Element>;

export class Places {
  /** by value; copies of values that are outputs already are numbered −1, −2 … by output piece */
  readonly known = new Map<ValueId, BufferPlace>();
  readonly caches: readonly CacheAppend[];
  private readonly graph: Graph;
  private readonly facts: GraphFacts;
  private readonly written: readonly OutputPiece[];
  private readonly tables: PlanTables;
  private readonly cache: readonly CachePort[];
  private readonly donations: EntryOptions['donations'];

  /** @param facts of the graph whose outputs are `written` */
  constructor(
    facts: GraphFacts,
    written: readonly OutputPiece[],
    tables: PlanTables,
    { cache = [], donations }: EntryOptions,
    described: Decomposed['described'],
  ) {
    this.graph = facts.graph;
    this.facts = facts;
    this.written = written;
    this.tables = tables;
    this.cache = cache;
    this.donations = donations;
    this.caches = cachesOf(facts, cache);
    this.placeLeaves(described);
  }

  /** A value's own buffer, or the place in it that `base` says. */
  place(value: ValueId, ref: BufferRef, base?: number): void {
    this.known.set(value, this.placeOf(value, ref, base));
  }

  private placeOf(value: ValueId, ref: BufferRef, base?: number): BufferPlace {
    const { dtype, shape } = typeOf(this.graph, value);
    const layout = { ...contiguous(shape), ...(base === undefined ? {} : { base }) };
    return { buffer: this.tables.buffers.of(ref), element: ELEMENTS[dtype], layout };
  }

  private placeLeaves(described: Decomposed['described']): void {
    for (const [port, { value }] of this.graph.inputs.entries()) this.place(value, { kind: 'input', port });
    for (const parameter of this.graph.parameters) {
      const { key, value } = parameter;
      const part = 'part' in parameter ? (parameter as ParameterPart).part : undefined;
      const { dtype, shape } = typeOf(this.graph, value);
      const { index, element, shards, quantised } = this.tables.parameter(key, dtype, shape as readonly number[]);
      const buffer = (part: number): BufferRef => this.tables.buffers.of({ kind: 'parameter', parameter: index, part });
      const further = shards.map((start, at) => ({ buffer: buffer(at + 1), start }));
      this.known.set(value, {
        buffer: buffer(part ?? 0),
        element,
        layout: contiguous(shape),
        ...(quantised ? { quantised } : {}),
        ...(shards.length > 0 && part === undefined ? { shards: further } : {}),
      });
    }
    for (const { value, tensor } of this.graph.constants) {
      const index = this.tables.constant(tensor, described.get(tensor));
      this.known.set(value, {
        buffer: this.tables.buffers.of({ kind: 'constant', constant: index }),
        element: ELEMENTS[tensor.dtype],
        layout: contiguous(tensor.shape),
      });
    }
    for (const [index, cache] of this.caches.entries())
      for (const value of [cache.past, cache.present]) this.known.set(value, this.placeInCache(value, index));
    // when all have places
    for (const { present, read } of this.caches) {
      if (!read) continue;
      const codes = this.known.get(present)!;
      const width = Number(codes.layout.shape.at(-1));
      this.known.set(read.value, { ...codes, scales: { buffer: this.known.get(read.scales)!.buffer, width } });
    }
  }

  private placeInCache(value: ValueId, index: number): BufferPlace {
    const { axis, stored } = this.caches[index]!;
    const { shape, dtype } = typeOf(this.graph, value);
    const room = shape.map((dim, at) => (at === axis ? symbol(CAPACITY) : dim));
    return {
      buffer: this.tables.buffers.of({ kind: 'cache', cache: this.cacheIndex(index) }),
      element: stored === undefined ? ELEMENTS[dtype] : STORED_ELEMENTS[stored],
      layout: { shape, strides: rowMajor(room) },
    };
  }

  private cacheIndex(index: number): number {
    const name = this.graph.inputs.find(({ value }) => value === this.caches[index]!.past)!.name;
    return this.cache.findIndex(({ past }) => past === name);
  }

  /** Outputs that no kernel of their own writes: inputs and parameters handed through, values given twice. */
  copies(): Kernel[] {
    const copies: Kernel[] = [];
    const seen = new Set<ValueId>();
    for (const [index, { value, port, base }] of this.written.entries()) {
      const cached = this.caches.some(({ present }) => present === value);
      const made = this.facts.producers.has(value) && !seen.has(value);
      seen.add(value);
      if (made || cached) continue;
      const into = -1 - index;
      const { shape } = typeOf(this.graph, value);
      this.known.set(into, this.placeOf(value, { kind: 'output', port }, base));
      copies.push({
        outputs: [{ value, into }],
        shape,
        columns: 0,
        contraction: undefined,
        reductions: [],
        order: this.graph.nodes.length + index,
      });
    }
    return copies;
  }

  /** @returns those that had no place before */
  placeOutputs(kernels: readonly Kernel[], describe: Descriptions): readonly ValueId[] {
    return this.written.flatMap(({ name, value, port, base }) => {
      if (this.known.has(value)) return [];
      this.place(value, this.donated(name, value, kernels, describe) ?? { kind: 'output', port }, base);
      return [value];
    });
  }

  /** The buffer of the input that this output may overwrite: only its own kernel reads it, and only at the same place. */
  private donated(
    name: string,
    value: ValueId,
    kernels: readonly Kernel[],
    describe: Descriptions,
  ): BufferRef | undefined {
    const input = this.graph.inputs.findIndex((other) => other.name === this.donations?.get(name));
    if (input < 0) return undefined;
    const donor = this.graph.inputs[input]!.value;
    // handed through as an output, which is copied last; or taken over already
    const own = this.tables.buffers.of({ kind: 'input', port: input });
    const taken = [...this.known.values()].filter(({ buffer }) => buffer === own).length > 1;
    if (taken || this.graph.outputs.some((output) => output.value === donor)) return undefined;
    const writer = kernels.find(({ outputs }) => outputs.some(({ into }) => into === value));
    if (!writer || writer.contraction || writer.reductions.length > 0) return undefined;
    if (!equalShapes(typeOf(this.graph, donor).shape, writer.shape)) return undefined;
    const users = this.graph.nodes.filter(({ inputs }) => inputs.some((read) => read === donor));
    const inside = new Set(describe.computedBy(writer));
    const inPlace = ({ op, inputs }: AnyNode): boolean => isPointwise(op) || inputs.length === 0;
    const safe = users.every((node) => inside.has(node)) && [...inside].every(inPlace);
    const alone = kernels.every(
      (kernel) => kernel === writer || !describe.computedBy(kernel).some((node) => users.includes(node)),
    );
    return safe && alone ? own : undefined;
  }
}

/** The concats that append to a cache: past is an input, the result an output. */
function cachesOf({ graph, producers }: GraphFacts, ports: readonly CachePort[]): CacheAppend[] {
  const appends = ports.flatMap(({ past, present, axis, stored }) => {
    const input = graph.inputs.find(({ name }) => name === past);
    const output = graph.outputs.find(({ name }) => name === present);
    const node = output && producers.get(output.value);
    if (!input || node?.op !== 'concat' || node.inputs.length !== 2 || node.inputs[0] !== input.value) return [];
    return [{ past: input.value, present: output!.value, axis, ...(stored ? { stored } : {}) }];
  });
  const left = new Set(graph.outputs.map(({ value }) => value));
  return appends.map((append): CacheAppend => {
    const read = graph.nodes.find(({ op, inputs: [codes], outputs: [value] }) => {
      return append.stored === 'int8' && op === 'mul' && codes === append.present && !left.has(value);
    });
    const scales = read?.inputs[1];
    const scaled = appends.some(({ present }) => present === scales);
    return read && scales !== undefined && scaled ? { ...append, read: { value: read.outputs[0], scales } } : append;
  });
}
