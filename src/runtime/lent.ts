/**
 * Host memory that a program lends. An output that a caller keeps lies in memory that is written again once the caller
 * releases it, so a step of training neither allocates its parameters and gradients anew nor leaves them to the garbage
 * collector.
 */
import type { HostTensor } from '../shared/tensor.ts';
import { sizeOf } from '../shared/tensor.ts';
import { runtimeError } from './errors.ts';

/** An f32 tensor in lent memory: good until it is released. */
export class LentTensor {
  readonly dtype = 'f32';
  readonly shape: readonly number[];
  private readonly name: string;
  private giveBack: ((memory: Float32Array) => void) | undefined;
  private lent: Float32Array | undefined;

  /** @param giveBack is called with the memory at the release */
  constructor(name: string, shape: readonly number[], lent: Float32Array, giveBack?: (memory: Float32Array) => void) {
    this.name = name;
    this.shape = shape;
    this.lent = lent;
    this.giveBack = giveBack;
  }

  /** @throws RuntimeError R1008 after the release */
  get data(): Float32Array {
    if (this.lent === undefined) throw runtimeError('tensor_not_usable', { tensor: this.name, reason: 'was released' });
    return this.lent;
  }

  /** The same numbers in memory of their own. @throws RuntimeError R1008 after the release */
  copy(): HostTensor {
    return { dtype: 'f32', shape: this.shape, data: this.data.slice() };
  }

  /** Gives the memory back; a second time does nothing. */
  release(): void {
    if (this.lent !== undefined) this.giveBack?.(this.lent);
    this.lent = undefined;
  }

  /** Goes on in memory of its own: the lender needs what it lent. After the release it does nothing. */
  moveOut(): void {
    this.lent = this.lent?.slice();
    this.giveBack = undefined;
  }
}

/** The memory of a program's outputs, by name: what is free of it. */
export class Lender {
  private readonly free = new Map<string, Float32Array[]>();

  take(name: string, shape: readonly number[]): LentTensor {
    let free = this.free.get(name);
    if (!free) {
      free = [];
      this.free.set(name, free);
    }
    const own = free;
    return new LentTensor(name, shape, own.pop() ?? new Float32Array(sizeOf(shape)), (memory) => own.push(memory));
  }
}
