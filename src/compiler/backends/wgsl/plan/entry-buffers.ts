/** The buffers of an entry, as the plan has them. */
import { productOf } from '../../../../shared/dim.ts';
import type { BufferPlan } from '../../../../shared/webgpu.ts';
import { type Graph, typeOf } from '../../../ir/graph.ts';
import type { OutputPiece } from '../fusion/pieces.ts';
import type { BufferRef } from './buffer.ts';
import { assignSlots, type Lifetime, sizeText } from './memory.ts';
import type { Places } from './places.ts';
import type { PlanTables } from './tables.ts';

type ScratchRef = Extract<BufferRef, { kind: 'value' }>;

export class EntryBuffers {
  /** in the order of their indices */
  readonly plans: BufferPlan[] = [];
  private readonly indexOf = new Map<BufferRef, number>();
  private readonly graph: Graph;
  private readonly written: readonly OutputPiece[];
  private readonly places: Places;
  private readonly tables: PlanTables;
  /** index of the output that is no port of the entry, −1 */
  private readonly watch: number;

  /** @param watched whether the graph's last output is the counts of its watched integers */
  constructor(graph: Graph, written: readonly OutputPiece[], places: Places, tables: PlanTables, watched: boolean) {
    this.graph = graph;
    this.written = written;
    this.places = places;
    this.tables = tables;
    this.watch = watched ? written.at(-1)!.port : -1;
  }

  /** Scratch buffers for what lies between kernels, shared by liveness. @param uses buffers that each step binds */
  shareScratch(uses: readonly (readonly BufferRef[])[]): void {
    const lifetimes = new Map<ScratchRef, { first: number; last: number }>();
    for (const [step, buffers] of uses.entries()) {
      for (const buffer of buffers) {
        if (buffer.kind !== 'value') continue;
        const life = lifetimes.get(buffer) ?? { first: step, last: step };
        lifetimes.set(buffer, { first: life.first, last: step });
      }
    }
    const list = [...lifetimes].map(([key, life]): Lifetime<ScratchRef> => {
      const { shape } = typeOf(this.graph, key.value);
      return { key, elements: productOf(shape), ...life };
    });
    const { slotOf, sizes } = assignSlots(list);
    const base = this.plans.length;
    for (const elements of sizes) this.plans.push({ kind: 'scratch', elements: elements.map(sizeText) });
    for (const [key, slot] of slotOf) this.indexOf.set(key, base + slot);
  }

  /** Index of a buffer. */
  index(ref: BufferRef): number {
    const before = this.indexOf.get(ref);
    if (before !== undefined) return before;
    const made = this.plans.push(this.planOf(ref)) - 1;
    this.indexOf.set(ref, made);
    return made;
  }

  /** Whether nothing but random numbers reads the input. */
  private isSeed(input: number): boolean {
    const { value } = this.graph.inputs[input]!;
    const users = this.graph.nodes.filter(({ inputs }) => inputs.some((read) => read === value));
    return users.length > 0 && users.every(({ op }) => op === 'random_uniform');
  }

  private planOf(ref: BufferRef): BufferPlan {
    switch (ref.kind) {
      case 'input': {
        const output = this.written.find(({ value }) => this.places.known.get(value)?.buffer === ref);
        if (output) return { kind: 'output', port: output.port, donated: ref.port };
        return { ...ref, ...(this.isSeed(ref.port) ? { unsigned: true } : {}) };
      }
      case 'output':
        return ref.port === this.watch ? { kind: 'watch' } : { ...ref };
      case 'parameter':
        return { kind: ref.kind, parameter: ref.parameter, ...this.tables.shard(ref.parameter, ref.part) };
      case 'pack':
      case 'constant':
      case 'cache':
        return { ...ref };
      case 'value':
        throw new Error(`value %${ref.value} is bound, and no step was known to bind it`);
    }
  }
}
