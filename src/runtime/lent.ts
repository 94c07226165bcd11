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
  private readonly free: Float32Array[];
  private lent: Float32Array | undefined;

  constructor(name: string, shape: readonly number[], lent: Float32Array, free: Float32Array[]) {
    this.name = name;
    this.shape = shape;
    this.lent = lent;
    this.free = free;
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
    if (this.lent !== undefined) this.free.push(this.lent);
    this.lent = undefined;
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
    return new LentTensor(name, shape, free.pop() ?? new Float32Array(sizeOf(shape)), free);
  }
}
