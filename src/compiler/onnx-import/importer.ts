/**
 * The state of an import: the graph that grows, what each name of the file stands for, and the tensors that the model will hold.
 */
import { type Dim, equalShapes, isSymbolic, type Shape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { GraphBuilder } from '../ir/builder.ts';
import type { Origin, TensorType, ValueId } from '../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import { Refusal } from './problems.ts';
import type { FileTensor } from './proto.ts';
import { type Imported, isConcrete, type Known } from './values.ts';

/** A tensor that the imported model holds, by its key in the graph. */
export interface HeldTensor {
  /** name of the initialiser, or '' of what the import made */
  readonly source: string;
  readonly trains: boolean;
  readonly dtype: DType;
  /** in the model's order of axes */
  readonly shape: readonly number[];
  /** the file's tensor is the transposed one */
  readonly turned: boolean;
  readonly file?: FileTensor;
  readonly host?: HostTensor;
}

export class Importer {
  readonly builder: GraphBuilder;
  readonly held = new Map<string, HeldTensor>();
  /** what is otherwise than in the file, though equal within rounding or where ONNX says nothing */
  readonly notes = new Set<string>();
  /** nodes added from now on come from here */
  origin: Origin = { path: '' };
  private constants = 0;

  constructor(name: string) {
    this.builder = new GraphBuilder(name);
  }

  typeOf(value: Imported): TensorType {
    return value.kind === 'made' ? this.builder.typeOf(value.id) : { dtype: value.dtype, shape: value.shape };
  }

  /** Rules put operands together as the file has them, optional ones left out. */
  emit<N extends OpName>(op: N, inputs: readonly ValueId[], attributes: OpAttributes[N]): ValueId {
    return this.builder.node(op, inputs as unknown as Operands<N, ValueId>, attributes, this.origin);
  }

  emitAll<N extends OpName>(op: N, inputs: readonly ValueId[], attributes: OpAttributes[N]): readonly ValueId[] {
    return this.builder.nodeOutputs(op, inputs as unknown as Operands<N, ValueId>, attributes, this.origin);
  }

  scalar(value: number, dtype: DType = 'f32'): ValueId {
    return this.builder.scalar(value, dtype);
  }

  reshape(x: ValueId, shape: Shape): ValueId {
    return equalShapes(this.builder.typeOf(x).shape, shape) ? x : this.emit('reshape', [x], { shape });
  }

  /** The value in the graph. */
  tensor(value: Imported): ValueId {
    if (value.kind === 'made') return value.id;
    if (value.kind === 'known') return this.constant(value);
    const { tensor, dtype, shape, trains, turned } = value;
    if (!tensor.view) throw new Refusal(tensor.unread ?? 'its numbers cannot be read');
    const key = turned ? `${tensor.name}\u0000turned` : tensor.name;
    this.held.set(key, { source: tensor.name, trains, dtype, shape, turned, file: tensor });
    return this.builder.parameter(key, dtype, shape);
  }

  /** The size of a dimension as an i64 scalar. */
  size(dim: Dim): ValueId {
    return isSymbolic(dim) ? this.emit('dim_size', [], { dim }) : this.scalar(dim, 'i64');
  }

  private constant(value: Known): ValueId {
    const { dtype, shape, items } = value;
    if (!isConcrete(items)) return this.sizes(value);
    const [first = 0] = items;
    if (items.some((item) => dtype === 'i64' && !Number.isSafeInteger(item)))
      throw new Refusal('it computes with an integer past 2^53');
    if (items.every((item) => Object.is(item, first))) {
      const scalar = this.scalar(first, dtype);
      return shape.length === 0 ? scalar : this.emit('expand', [scalar], { shape });
    }
    if (value.tensor?.view) {
      const { tensor } = value;
      this.held.set(tensor.name, { source: tensor.name, trains: false, dtype, shape, turned: false, file: tensor });
      return this.builder.parameter(tensor.name, dtype, shape);
    }
    const run = dtype === 'i64' && shape.length === 1 ? this.run(items) : undefined;
    if (run !== undefined) return run;
    const key = `\u0000constant ${this.constants++}`;
    this.held.set(key, { source: '', trains: false, dtype, shape, turned: false, host: host(dtype, shape, items) });
    return this.builder.parameter(key, dtype, shape);
  }

  /** start, start + step, …: iota(n) · step + start */
  private run(items: readonly number[]): ValueId | undefined {
    const [start, second] = items as [number, number];
    const step = second - start;
    if (!items.every((item, index) => item === start + index * step)) return undefined;
    const count = this.emit('iota', [], { shape: [items.length], axis: 0 });
    const scaled = step === 1 ? count : this.emit('mul', [count, this.scalar(step, 'i64')], {});
    return start === 0 ? scaled : this.emit('add', [scaled, this.scalar(start, 'i64')], {});
  }

  private sizes({ shape, items }: Known): ValueId {
    if (shape.length === 0) return this.size(items[0]!);
    const column = items.map((item) => this.reshape(this.size(item), [1]));
    const flat = column.length === 1 ? column[0]! : this.emit('concat', column, { axis: 0 });
    return shape.length === 1 ? flat : this.reshape(flat, shape);
  }
}

function host(dtype: DType, shape: readonly number[], items: readonly number[]): HostTensor {
  if (dtype === 'f32') return { dtype, shape, data: Float32Array.from(items) };
  if (dtype === 'i64') return { dtype, shape, data: BigInt64Array.from(items, BigInt) };
  return { dtype, shape, data: Uint8Array.from(items) };
}
