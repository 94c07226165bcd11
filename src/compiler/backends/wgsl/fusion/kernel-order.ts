/** Which kernel reads what, who therefore waits for whom, and the order that kernels run in. */
import type { ValueId } from '../../../ir/graph.ts';
import type { Kernel, KernelOutput } from '../kernel.ts';

export class KernelOrder {
  private readonly kernels = new Set<Kernel>();
  private readonly readers = new Map<ValueId, Set<Kernel>>();
  /** all kernels that need, directly or not, what a kernel writes: a bit each */
  private readonly needed = new Map<Kernel, bigint>();
  private readonly bits = new Map<Kernel, bigint>();

  add(kernel: Kernel): void {
    this.kernels.add(kernel);
  }

  readersOf(value: ValueId): ReadonlySet<Kernel> {
    return this.readingSet(value);
  }

  read(value: ValueId, reader: Kernel): void {
    this.readingSet(value).add(reader);
  }

  private readingSet(value: ValueId): Set<Kernel> {
    let set = this.readers.get(value);
    if (!set) {
      set = new Set();
      this.readers.set(value, set);
    }
    return set;
  }

  kernelsReading(kernel: Kernel): Kernel[] {
    const all = new Set(kernel.outputs.flatMap(({ into }) => [...this.readersOf(into)]));
    all.delete(kernel);
    return [...all];
  }

  /** Writers before readers; among those that are ready, the graph's order (what is computed again comes late). */
  scheduled(): Kernel[] {
    const waiting = new Map<Kernel, number>([...this.kernels].map((kernel) => [kernel, 0]));
    for (const kernel of this.kernels) {
      for (const reader of this.kernelsReading(kernel)) waiting.set(reader, waiting.get(reader)! + 1);
    }
    const ready = [...this.kernels].filter((kernel) => waiting.get(kernel) === 0);
    const done: Kernel[] = [];
    while (ready.length > 0) {
      ready.sort((a, b) => b.order - a.order);
      const kernel = ready.pop()!;
      done.push(kernel);
      for (const reader of this.kernelsReading(kernel)) {
        waiting.set(reader, waiting.get(reader)! - 1);
        if (waiting.get(reader) === 0) ready.push(reader);
      }
    }
    if (done.length < this.kernels.size) throw new Error('kernels wait for each other');
    return done;
  }

  /** Whether what `from` writes is needed, directly or not, by `to`. */
  reaches(from: Kernel, to: Kernel): boolean {
    return from === to || (this.needing(from) & this.bit(to)) !== 0n;
  }

  /** The kernel writes this value too: its readers, and theirs, now need the kernel and what it needs. */
  takeOver(kernel: Kernel, output: KernelOutput): void {
    if (output.auxiliary) kernel.outputs.push(output);
    else kernel.outputs.unshift(output);
    this.needed.delete(kernel);
    for (const [other, bits] of this.needed) if ((bits & this.bit(kernel)) !== 0n) this.needed.delete(other);
  }

  private needing(kernel: Kernel): bigint {
    const before = this.needed.get(kernel);
    if (before !== undefined) return before;
    let bits = 0n;
    for (const reader of this.kernelsReading(kernel)) bits |= this.bit(reader) | this.needing(reader);
    this.needed.set(kernel, bits);
    return bits;
  }

  private bit(kernel: Kernel): bigint {
    const before = this.bits.get(kernel);
    if (before !== undefined) return before;
    const bit = 1n << BigInt(this.bits.size);
    this.bits.set(kernel, bit);
    return bit;
  }
}
