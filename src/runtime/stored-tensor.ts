/** A cache in host memory as it is stored, which one run returns and the next is fed without a look at it. */
import type { CacheStorage } from '../shared/cache-storage.ts';
import { type HostTensor, sizeOf } from '../shared/tensor.ts';
import type { DeviceTensor } from './device-tensor.ts';
import { runtimeError } from './errors.ts';
import { fromStored, type StoredData } from './stored.ts';

export class StoredTensor implements DeviceTensor {
  readonly dtype = 'f32';
  readonly shape: readonly number[];
  /** for messages */
  private readonly name: string;
  private readonly as: CacheStorage;
  private held: StoredData | undefined;

  constructor(name: string, shape: readonly number[], as: CacheStorage, data: StoredData) {
    this.name = name;
    this.shape = shape;
    this.as = as;
    this.held = data;
  }

  /** @throws RuntimeError R1008 after `destroy` */
  get stored(): StoredData {
    if (this.held) return this.held;
    throw runtimeError('tensor_not_usable', { tensor: this.name, reason: 'was destroyed' });
  }

  async read(): Promise<HostTensor> {
    return { dtype: 'f32', shape: this.shape, data: fromStored(this.as, this.stored.slice().buffer) };
  }

  takeRows(rows: readonly number[]): StoredTensor {
    const { stored, shape } = this;
    const row = sizeOf(shape.slice(1));
    const all = stored instanceof Int8Array ? new Int8Array(rows.length * row) : new Uint16Array(rows.length * row);
    for (const [i, source] of rows.entries()) all.set(stored.subarray(source * row, (source + 1) * row), i * row);
    return new StoredTensor(this.name, [rows.length, ...shape.slice(1)], this.as, all);
  }

  destroy(): void {
    this.held = undefined;
  }
}
