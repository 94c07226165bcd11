/**
 * One graph → one entry of the plan: decompose, fuse until every kernel fits the device, write the kernels, share memory.
 */
import type { CachePort } from '../../../shared/artifact.ts';
import { addDims, type Dim, equalShapes, mulDims, productOf, symbol } from '../../../shared/dim.ts';
import type { DType } from '../../../shared/dtype.ts';
import { type BufferPlan, CAPACITY, type EntryPlan, type Groups, type StepPlan } from '../../../shared/webgpu.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../ir/graph.ts';
import { BufferBudget } from './budget.ts';
import { bundle } from './bundle.ts';
import { type Element, isBase } from './code.ts';
import { decompose } from './decompose.ts';
import { Descriptions } from './describe.ts';
import { dependsOnProfile, type Emitted, emitKernels, workgroupOf } from './emit.ts';
import { factsOf, type GraphFacts, type Storage, type Stored } from './evaluator.ts';
import type { Profile } from './families/contract.ts';
import { type CacheAppend, type Fused, fuse } from './fuse.ts';
import type { Kernel } from './kernel.ts';
import { assignSlots, type Lifetime, sizeText } from './memory.ts';
import { type OutputPiece, outputPieces } from './pieces.ts';
import type { PlanTables } from './plan.ts';
import { isPointwise } from './scalar.ts';
import { signatureOf } from './signature.ts';
import { contiguous, pieceOf, rowMajor, type Strided } from './strided.ts';

export interface EntryOptions {
  readonly cache?: readonly CachePort[];
  /** output → the input whose buffer it takes over */
  readonly donations?: ReadonlyMap<string, string>;
}

const ELEMENTS: { readonly [D in DType]: Element } = { f32: 'f32', i64: 'i32', bool: 'u32' };

export function lowerEntry(original: Graph, tables: PlanTables, options: EntryOptions = {}): EntryPlan {
  const { graph, described } = decompose(original);
  return new EntryLowering(graph, tables, options, described).lower();
}

class EntryLowering {
  /** its outputs are `written`, one by one */
  private readonly graph: Graph;
  private readonly ports: Pick<Graph, 'inputs' | 'outputs'>;
  private readonly written: readonly OutputPiece[];
  private readonly facts: GraphFacts;
  private readonly tables: PlanTables;
  private readonly options: EntryOptions;
  private readonly caches: readonly CacheAppend[];
  private readonly places = new Map<ValueId, Stored>();
  private readonly buffers: BufferPlan[] = [];
  private readonly bufferOf = new Map<string, number>();
  private readonly budget: BufferBudget;
  private describe!: Descriptions;

  constructor(
    graph: Graph,
    tables: PlanTables,
    options: EntryOptions,
    described: ReturnType<typeof decompose>['described'],
  ) {
    const facts = factsOf(graph);
    this.ports = graph;
    this.written = outputPieces(facts);
    this.graph = { ...graph, outputs: this.written };
    this.facts = { ...facts, graph: this.graph };
    this.budget = new BufferBudget(this.facts, tables, this.places);
    this.tables = tables;
    this.options = options;
    this.caches = cachesOf(this.graph, this.facts, options.cache ?? []);
    this.placeLeaves(described);
  }

  lower(): EntryPlan {
    const copies = this.copies();
    const fused = this.fuse(copies);
    for (const value of fused.stored) if (!this.places.has(value)) this.place(value, `value:${value}`);
    const storage: Storage = { stored: (value) => this.places.get(value) };
    const emitted = this.bundles(fused, copies, storage).map((together) => {
      const keys = new Set(together.flatMap((kernel) => [...this.budget.buffersOf(kernel, fused.stored)]));
      return { together, ...this.emit(together, this.budget.storageFor(keys)) };
    });
    this.shareMemory(emitted.map(({ gpu }) => gpu.buffers));
    // an output without elements has no kernel, and a buffer all the same
    for (const [port, { value }] of this.graph.outputs.entries()) {
      const { key } = (this.places.get(-1 - port) ?? this.places.get(value))!;
      if (key.startsWith('output')) this.buffer(key);
    }
    const steps = emitted.map(({ together, gpu, software }) => {
      const reads = (kernel: Kernel) => this.budget.reads(kernel, fused.stored);
      return this.step(together, gpu, software, this.bytesOf(together, gpu, reads));
    });
    const port = ({ name, value }: { readonly name: string; readonly value: ValueId }) => {
      const { dtype, shape } = typeOf(this.graph, value);
      return { name, dtype, shape: shape.map(sizeText) };
    };
    return {
      inputs: this.ports.inputs.map(port),
      outputs: this.ports.outputs.map(port),
      cache: this.options.cache ?? [],
      buffers: this.buffers,
      steps,
    };
  }

  // --- where values lie ------------------------------------------------------------------------------------

  private place(value: ValueId, key: string, base?: number): void {
    this.places.set(value, this.placeOf(value, key, base));
  }

  private placeOf(value: ValueId, key: string, base?: number): Stored {
    const { dtype, shape } = typeOf(this.graph, value);
    const layout = { ...contiguous(shape), ...(base === undefined ? {} : { base }) };
    return { key, element: ELEMENTS[dtype], layout };
  }

  private placeLeaves(described: ReturnType<typeof decompose>['described']): void {
    for (const [port, { value }] of this.graph.inputs.entries()) this.place(value, `input:${port}`);
    for (const { key, value } of this.graph.parameters) {
      const { dtype, shape } = typeOf(this.graph, value);
      const { index, element, shards } = this.tables.parameter(key, dtype, shape as readonly number[]);
      this.places.set(value, {
        key: `parameter:${index}`,
        element,
        layout: contiguous(shape),
        ...(shards.length > 0 ? { shards } : {}),
      });
    }
    for (const { value, tensor } of this.graph.constants) {
      this.places.set(value, {
        key: `constant:${this.tables.constant(tensor, described.get(tensor))}`,
        element: ELEMENTS[tensor.dtype],
        layout: contiguous(tensor.shape),
      });
    }
    for (const [index, { past, present, axis }] of this.caches.entries()) {
      for (const value of [past, present]) {
        const { shape, dtype } = typeOf(this.graph, value);
        const room = shape.map((dim, at) => (at === axis ? symbol(CAPACITY) : dim));
        this.places.set(value, {
          key: `cache:${this.cacheIndex(index)}`,
          element: ELEMENTS[dtype],
          layout: { shape, strides: rowMajor(room), offset: 0 },
        });
      }
    }
  }

  private cacheIndex(index: number): number {
    const name = this.graph.inputs.find(({ value }) => value === this.caches[index]!.past)!.name;
    return this.options.cache!.findIndex(({ past }) => past === name);
  }

  /** Outputs that no kernel of their own writes: inputs and parameters handed through, values given twice. */
  private copies(): Kernel[] {
    const copies: Kernel[] = [];
    const seen = new Set<ValueId>();
    for (const [index, { value, port, base }] of this.written.entries()) {
      const cached = this.caches.some(({ present }) => present === value);
      const made = this.facts.producers.has(value) && !seen.has(value);
      seen.add(value);
      if (made || cached) continue;
      const into = -1 - index;
      const { shape } = typeOf(this.graph, value);
      this.places.set(into, this.placeOf(value, `output:${port}`, base));
      copies.push({
        outputs: [{ value, into }],
        shape,
        columns: 0,
        core: undefined,
        phases: [],
        order: this.graph.nodes.length + index,
      });
    }
    return copies;
  }

  /** @returns those that had no place before */
  private placeOutputs(kernels: readonly Kernel[]): readonly ValueId[] {
    return this.written.flatMap(({ name, value, port, base }) => {
      if (this.places.has(value)) return [];
      this.place(value, this.donated(name, value, kernels) ?? `output:${port}`, base);
      return [value];
    });
  }

  /** The key of the input that this output may overwrite: only its own kernel reads it, and only at the same place. */
  private donated(name: string, value: ValueId, kernels: readonly Kernel[]): string | undefined {
    const input = this.graph.inputs.findIndex((other) => other.name === this.options.donations?.get(name));
    if (input < 0) return undefined;
    const donor = this.graph.inputs[input]!.value;
    // handed through as an output, which is copied last; or taken over already
    const taken = [...this.places.values()].filter(({ key }) => key === `input:${input}`).length > 1;
    if (taken || this.graph.outputs.some((output) => output.value === donor)) return undefined;
    const writer = kernels.find(({ outputs }) => outputs.some(({ into }) => into === value));
    if (!writer || writer.core || writer.phases.length > 0) return undefined;
    if (!equalShapes(typeOf(this.graph, donor).shape, writer.shape)) return undefined;
    const users = this.graph.nodes.filter(({ inputs }) => inputs.includes(donor));
    const inside = new Set(this.describe.computedBy(writer));
    const inPlace = ({ op, inputs }: AnyNode): boolean => isPointwise(op) || inputs.length === 0;
    const safe = users.every((node) => inside.has(node)) && [...inside].every(inPlace);
    const alone = kernels.every(
      (kernel) => kernel === writer || !this.describe.computedBy(kernel).some((node) => users.includes(node)),
    );
    return safe && alone ? `input:${input}` : undefined;
  }

  // --- kernels ---------------------------------------------------------------------------------------------

  /** Fuses, and where a kernel binds more buffers than the device allows splits it, until all fit. */
  private fuse(copies: readonly Kernel[]): Fused {
    const forced = new Set<ValueId>();
    const alone = new Set<ValueId>();
    for (;;) {
      const fused = fuse(this.facts, { caches: this.caches, forced, alone });
      this.describe = new Descriptions(this.facts, fused.stored);
      // before buffers are counted: an output in place of an input needs none of its own
      const placed = this.placeOutputs([...fused.kernels, ...copies]);
      const split = fused.kernels.flatMap((kernel) => this.budget.tooManyBuffers(kernel, fused) ?? []);
      const fresh = split.filter((value) => !alone.has(value));
      if (fresh.length === 0) return fused;
      for (const value of placed) this.places.delete(value);
      for (const value of fresh) {
        forced.add(value);
        alone.add(value);
      }
    }
  }

  private bundles(fused: Fused, copies: readonly Kernel[], storage: Storage): readonly (readonly Kernel[])[] {
    const buffers = new Map<Kernel, ReadonlySet<string>>();
    const classes = new Map<Kernel, string>();
    const once = <T>(map: Map<Kernel, T>, kernel: Kernel, make: () => T): T => {
      if (!map.has(kernel)) map.set(kernel, make());
      return map.get(kernel)!;
    };
    const context = { facts: this.facts, storage };
    return bundle(
      [...fused.kernels, ...copies].filter(({ shape }) => !shape.includes(0)),
      {
        readersOf: (kernel) => {
          const copying = copies.filter(({ outputs: [copy] }) =>
            kernel.outputs.some(({ into }) => into === copy!.value),
          );
          return [...fused.readersOf(kernel), ...copying].filter(({ shape }) => !shape.includes(0));
        },
        buffersOf: (kernel) => once(buffers, kernel, () => this.budget.buffersOf(kernel, fused.stored)),
        classOf: (kernel) =>
          once(classes, kernel, () =>
            kernel.core
              ? this.tables.common(
                  signatureOf([kernel], this.facts, storage),
                  () => `core ${workgroupOf(kernel, context, 'gpu')} ${workgroupOf(kernel, context, 'software')}`,
                )
              : 'plain',
          ),
        fits: (keys) => this.budget.fits(keys),
      },
    );
  }

  private emit(
    kernels: readonly Kernel[],
    storage: Storage,
  ): { readonly gpu: Emitted; readonly software: Emitted | undefined } {
    const context = { facts: this.facts, storage };
    const headers = kernels.map((kernel) => this.describe.headerOf(kernel));
    const signature = signatureOf(kernels, this.facts, storage);
    const write = (profile: Profile): Emitted =>
      this.tables.emitted(signature, [profile, ...headers].join('\n'), () =>
        emitKernels(kernels, context, profile, headers),
      );
    const gpu = write('gpu');
    if (!kernels.some((kernel) => dependsOnProfile(kernel, this.facts))) return { gpu, software: undefined };
    const software = write('software');
    return { gpu, software: software.wgsl === gpu.wgsl ? undefined : software };
  }

  // --- the plan --------------------------------------------------------------------------------------------

  private shareMemory(uses: readonly (readonly string[])[]): void {
    const lifetimes = new Map<string, { first: number; last: number }>();
    for (const [step, keys] of uses.entries()) {
      for (const key of keys) {
        if (!key.startsWith('value:')) continue;
        const life = lifetimes.get(key) ?? { first: step, last: step };
        lifetimes.set(key, { first: life.first, last: step });
      }
    }
    const list = [...lifetimes].map(([key, life]): Lifetime => {
      const { shape } = typeOf(this.graph, Number(key.slice('value:'.length)));
      return { key, elements: productOf(shape), ...life };
    });
    const { slotOf, sizes } = assignSlots(list);
    const base = this.buffers.length;
    for (const elements of sizes) this.buffers.push({ kind: 'scratch', elements: elements.map(sizeText) });
    for (const [key, slot] of slotOf) this.bufferOf.set(key, base + slot);
  }

  private buffer(key: string): number {
    const before = this.bufferOf.get(key);
    if (before !== undefined) return before;
    const made = this.buffers.push(this.bufferPlan(key)) - 1;
    this.bufferOf.set(key, made);
    return made;
  }

  private bufferPlan(key: string): BufferPlan {
    const [kind, rest] = key.split(':') as [string, string];
    const [index, shard] = rest.split('#').map(Number) as [number, number?];
    switch (kind) {
      case 'input': {
        const output = this.written.find(({ value }) => this.places.get(value)?.key === key);
        return output ? { kind: 'output', port: output.port, donated: index } : { kind, port: index };
      }
      case 'output':
        return { kind, port: index };
      case 'parameter':
        return { kind, parameter: index, ...this.tables.shard(index, shard ?? 0) };
      case 'pack':
        return { kind, pack: index };
      case 'constant':
        return { kind, constant: index };
      case 'cache':
        return { kind, cache: index };
      default:
        throw new Error(`no buffer is called ${key}`);
    }
  }

  private step(kernels: readonly Kernel[], gpu: Emitted, software: Emitted | undefined, bytes: Dim): StepPlan {
    const label = kernels.map((kernel) => this.describe.labelOf(kernel)).join(' ‖ ');
    const launch = (emitted: Emitted) => {
      const [groups, ...beside] = emitted.parts.map(
        (part) => part.map(({ of, per }) => ({ of: sizeText(of), per })) as unknown as Groups,
      );
      return {
        kernel: this.tables.kernel(label, emitted),
        groups: groups!,
        ...(beside.length > 0 ? { beside } : {}),
        linear: emitted.linear,
        buffers: emitted.buffers.map((key) => this.buffer(key)),
        params: emitted.params.map((param) => (isBase(param) ? param.base : sizeText(param))),
      };
    };
    return {
      ...launch(gpu),
      origin: kernels.map((kernel) => this.describe.originOf(kernel)).join(' ‖ '),
      ...(software ? { alternatives: [{ profile: 'software', ...launch(software) }] } : {}),
      flops: sizeText(kernels.reduce<Dim>((sum, kernel) => addDims(sum, this.describe.flopsOf(kernel)), 0)),
      bytes: sizeText(bytes),
    };
  }

  /** What a dispatch touches, each place once: one buffer may hold several values, and a piece is a part of one. */
  private bytesOf(
    kernels: readonly Kernel[],
    { buffers }: Emitted,
    reads: (kernel: Kernel) => ReadonlySet<ValueId>,
  ): Dim {
    const touched = new Map<string, Dim>();
    for (const kernel of kernels) {
      for (const value of [...reads(kernel), ...kernel.outputs.map(({ into }) => into)]) {
        const { key, element, layout } = this.places.get(value)!;
        const bytes = element === 'f16' ? 2 : 4;
        const pieces = this.piecesOf(kernel, value) ?? [layout];
        if (buffers.includes(key))
          for (const { base, shape } of pieces) touched.set(`${key} ${base}`, mulDims(bytes, productOf(shape)));
      }
    }
    const packs = buffers.filter((key) => key.startsWith('pack:')).map((key) => Number(key.slice(5)));
    const packed = packs.reduce((sum, pack) => sum + 4 * this.tables.packs[pack]!.elements, 0);
    return [...touched.values()].reduce<Dim>(addDims, packed);
  }

  /** The pieces of a flat value that a kernel reads, where it reads nothing else of it. */
  private piecesOf(kernel: Kernel, value: ValueId): readonly Strided[] | undefined {
    const readers = [...this.describe.computedBy(kernel), ...kernel.phases, ...(kernel.core ? [kernel.core] : [])];
    const own = readers.filter(({ inputs }) => inputs.includes(value));
    const slices = own.flatMap((node) => (node.op === 'slice' ? [node] : []));
    const pieces = slices.flatMap((node) => {
      return pieceOf(this.places.get(value)!.layout, node, typeOf(this.graph, node.outputs[0]!).shape) ?? [];
    });
    return pieces.length > 0 && pieces.length === own.length ? pieces : undefined;
  }
}

/** The concats that append to a cache: past is an input, the result an output, and nothing but views of it is needed. */
function cachesOf(graph: Graph, facts: GraphFacts, ports: readonly CachePort[]): CacheAppend[] {
  return ports.flatMap(({ past, present, axis }) => {
    const input = graph.inputs.find(({ name }) => name === past);
    const output = graph.outputs.find(({ name }) => name === present);
    const node = output && facts.producers.get(output.value);
    if (!input || node?.op !== 'concat' || node.inputs.length !== 2 || node.inputs[0] !== input.value) return [];
    return [{ past: input.value, present: output!.value, axis }];
  });
}
