/** The buffers of an entry by key (`input:2`, `parameter:7#1`, `value:812`), as the plan has them. */
import { productOf } from '../../../../shared/dim.ts';
import type { BufferPlan } from '../../../../shared/webgpu.ts';
import { type Graph, typeOf } from '../../../ir/graph.ts';
import type { OutputPiece } from '../fusion/pieces.ts';
import { assignSlots, type Lifetime, sizeText } from './memory.ts';
import type { Places } from './places.ts';
import type { PlanTables } from './tables.ts';

export class EntryBuffers {
  /** in the order of their indices */
  readonly plans: BufferPlan[] = [];
  private readonly indexOf = new Map<string, number>();
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

  /** Scratch buffers for what lies between kernels, shared by liveness. @param uses keys that each step binds */
  shareScratch(uses: readonly (readonly string[])[]): void {
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
    const base = this.plans.length;
    for (const elements of sizes) this.plans.push({ kind: 'scratch', elements: elements.map(sizeText) });
    for (const [key, slot] of slotOf) this.indexOf.set(key, base + slot);
  }

  /** Index of the buffer with this key. */
  index(key: string): number {
    const before = this.indexOf.get(key);
    if (before !== undefined) return before;
    const made = this.plans.push(this.planOf(key)) - 1;
    this.indexOf.set(key, made);
    return made;
  }

  /** Whether nothing but random numbers reads the input. */
  private isSeed(input: number): boolean {
    const { value } = this.graph.inputs[input]!;
    const users = this.graph.nodes.filter(({ inputs }) => inputs.some((read) => read === value));
    return users.length > 0 && users.every(({ op }) => op === 'random_uniform');
  }

  private planOf(key: string): BufferPlan {
    const [kind, rest] = key.split(':') as [string, string];
    const [index, shard] = rest.split('#').map(Number) as [number, number?];
    switch (kind) {
      case 'input': {
        const output = this.written.find(({ value }) => this.places.known.get(value)?.key === key);
        if (output) return { kind: 'output', port: output.port, donated: index };
        return { kind, port: index, ...(this.isSeed(index) ? { unsigned: true } : {}) };
      }
      case 'output':
        return index === this.watch ? { kind: 'watch' } : { kind, port: index };
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
}
