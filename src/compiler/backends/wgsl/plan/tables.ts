/** What the entries of a plan share: kernels by text, constants by content, parameters by key. */
import type { DType } from '../../../../shared/dtype.ts';
import { isQuantised, type PackedStorage, type Quantisation, wordsOf } from '../../../../shared/quantisation.ts';
import { narrow, sizeOf, type WideTensor } from '../../../../shared/tensor.ts';
import type {
  ConstantPlan,
  DeviceNeeds,
  KernelPlan,
  PackPlan,
  ParameterPlan,
  ParameterStorage,
} from '../../../../shared/webgpu.ts';
import { escapeText } from '../../../diagnostics/text.ts';
import type { GraphParameter } from '../../../ir/graph.ts';
import type { Element } from '../text/code.ts';
import type { Emitted, EmittedForms } from '../text/emit.ts';
import { ELEMENTS } from '../text/scalar.ts';
import { type BufferRef, BufferRefs } from './buffer.ts';
import type { KeyedInputs } from './kernel-input.ts';
import { type KernelTexts, writtenTexts } from './kernel-texts.ts';
import { StructuralKeys } from './structural-key.ts';

/** What every WebGPU device grants (the specification's defaults, section 3.6.2). */
export const DEFAULT_LIMITS: DeviceNeeds = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxBufferSize: 256 * 2 ** 20,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
};

/** Rows of a part of a parameter are a multiple of this: where a part begins, vectors can be loaded. */
const EVEN = 4;

/** How f32 parameters of two or more axes are stored; a map: those of its keys so, the others as f32. */
export type WeightStorage = 'f32' | 'f16' | ReadonlyMap<string, PackedStorage>;

export interface ParameterPlace {
  readonly index: number;
  readonly element: Element;
  readonly quantised?: Quantisation;
  /** elements at which further buffers begin */
  readonly shards: readonly number[];
}

/** A text over the buffers of a step. */
export interface BoundKernel {
  readonly emitted: Emitted;
  /** lines of comment, without slashes */
  readonly header: readonly string[];
  /** what a buffer is named after */
  pathOf(buffer: number): string;
  /** in binding order */
  readonly buffers: readonly BufferRef[];
  /** by number */
  readonly bases: readonly number[];
}

function remembered<T>(map: Map<string, T>, key: string, make: () => T): T {
  const before = map.get(key);
  if (before !== undefined) return before;
  const made = make();
  map.set(key, made);
  return made;
}

/** Puts rows under keys of their own behind those that are there, each once. @returns where each is, in order */
function joined<T>(
  keys: ReadonlyMap<string, number>,
  rows: readonly T[],
  into: Map<string, number>,
  all: T[],
): readonly number[] {
  return [...keys].map(([key, at]) => remembered(into, key, () => all.push(rows[at]!) - 1));
}

export class PlanTables {
  readonly kernels: KernelPlan[] = [];
  readonly constants: ConstantPlan[] = [];
  readonly parameters: ParameterPlan[] = [];
  readonly packs: PackPlan[] = [];
  readonly buffers = new BufferRefs();
  readonly keys: StructuralKeys;
  private readonly texts: KernelTexts;
  readonly limits: DeviceNeeds;
  private readonly storage: WeightStorage;
  private readonly kernelOf = new Map<string, number>();
  private readonly constantOf = new Map<string, number>();
  private readonly parameterOf = new Map<string, ParameterPlace>();
  private readonly packOf = new Map<string, number>();

  /** @param texts what has been written before, which equal kernels need not be again */
  constructor(
    storage: WeightStorage = 'f32',
    limits: DeviceNeeds = DEFAULT_LIMITS,
    texts: KernelTexts = writtenTexts(),
  ) {
    this.storage = storage;
    this.limits = limits;
    this.texts = texts;
    this.keys = new StructuralKeys(texts.names);
  }

  /** Tables of one entry, for a plan like this. */
  alone(): PlanTables {
    return new PlanTables(this.storage, this.limits, this.texts);
  }

  /** What the plan of an entry with these parameters depends on beside its graph. */
  settingsFor(parameters: readonly GraphParameter[]) {
    return { limits: this.limits, stored: parameters.map(({ key }) => this.askedFor(key)) };
  }

  private askedFor(key: string): PackedStorage | 'f32' | undefined {
    return typeof this.storage === 'string' ? this.storage : this.storage.get(key);
  }

  /** Adds what another's plan has, and says by its numbers which are these here. */
  join(other: PlanTables) {
    const parameters = other.parameters.map(({ key, dtype, shape }) => this.parameter(key, dtype, shape).index);
    return {
      parameters,
      kernels: joined(other.kernelOf, other.kernels, this.kernelOf, this.kernels),
      constants: joined(other.constantOf, other.constants, this.constantOf, this.constants),
      packs: other.packs.map(({ parts }) => this.pack(parts.map(({ parameter }) => parameters[parameter]!)).index),
    };
  }

  /** What the emitters write for these inputs, written once, whichever plan it is in. */
  emitted({ key }: KeyedInputs, make: () => EmittedForms): EmittedForms {
    return remembered(this.texts.forms, key, make);
  }

  /** What a kernel may share its dispatch by, found once. */
  shareKey({ key }: KeyedInputs, make: () => string): string {
    return remembered(this.texts.shareKeys, key, make);
  }

  /** Index of a text among the plan's; its names are those of the kernel that has it first. */
  kernel(label: string, { header, pathOf, emitted }: BoundKernel): number {
    const { module, halves, access, params, workgroup } = emitted;
    return remembered(this.kernelOf, module.key, () => {
      // a path may hold what ends a line of WGSL: any of seven characters
      const text = header.map((line) => `// ${escapeText(line)}\n`).join('') + module.print(pathOf);
      const plan: KernelPlan = { label, wgsl: text, bindings: access, params: params.length, workgroup };
      return this.kernels.push(halves ? { ...plan, halves: true } : plan) - 1;
    });
  }

  constant(tensor: WideTensor, described: ConstantPlan | undefined): number {
    const plan = described ?? stored(tensor);
    return remembered(this.constantOf, JSON.stringify(plan), () => this.constants.push(plan) - 1);
  }

  parameter(key: string, dtype: DType, shape: readonly number[]): ParameterPlace {
    const before = this.parameterOf.get(key);
    if (before) return before;
    const asked = this.askedFor(key);
    const packed = dtype === 'f32' && shape.length >= 2 && asked !== 'f32' ? asked : undefined;
    const storage: ParameterStorage = packed ?? ELEMENTS[dtype];
    const index = this.parameters.push({ key, dtype, shape, storage }) - 1;
    const place: ParameterPlace = {
      index,
      ...(isQuantised(storage) ? { element: 'u32', quantised: storage } : { element: storage }),
      shards: shardsOf(shape, this.elementsPerBuffer(storage)),
    };
    this.parameterOf.set(key, place);
    return place;
  }

  /** Small f32 parameters side by side, each at a multiple of four words. @param indices of `parameters` */
  pack(indices: readonly number[]): { readonly index: number; readonly starts: ReadonlyMap<number, number> } {
    const starts = new Map<number, number>();
    let elements = 0;
    for (const parameter of indices) {
      starts.set(parameter, elements);
      elements += 4 * Math.ceil(sizeOf(this.parameters[parameter]!.shape) / 4);
    }
    const key = indices.join();
    let index = this.packOf.get(key);
    if (index === undefined) {
      index = this.packs.push({ elements, parts: [...starts].map(([parameter, at]) => ({ parameter, at })) }) - 1;
      this.packOf.set(key, index);
    }
    return { index, starts };
  }

  /** The part of a parameter that a shard holds; nothing to say when it is in one piece. */
  shard(index: number, shard: number): { readonly from?: number; readonly to?: number } {
    const { key, shape } = this.parameters[index]!;
    const { shards } = this.parameterOf.get(key)!;
    if (shards.length === 0) return {};
    return { from: shard === 0 ? 0 : shards[shard - 1]!, to: shards[shard] ?? sizeOf(shape) };
  }

  private elementsPerBuffer(storage: ParameterStorage): number {
    const bytes = Math.min(this.limits.maxStorageBufferBindingSize, this.limits.maxBufferSize);
    if (!isQuantised(storage)) return Math.floor(bytes / (storage === 'f16' ? 2 : 4));
    // scales and zeros of four groups are whole words
    const step = EVEN * storage.group;
    return step * Math.floor(bytes / (4 * wordsOf(storage, step).all));
  }
}

/** Where the parts begin, of as many whole rows each as is even; of rows longer than the limit, of as many elements as fit. */
function shardsOf(shape: readonly number[], limit: number): number[] {
  const elements = sizeOf(shape);
  if (elements <= limit) return [];
  const [rows = 1, ...row] = shape;
  const width = sizeOf(row);
  const most = Math.floor(limit / width / EVEN) * EVEN; // rows of a part
  const each = most === 0 ? limit : EVEN * Math.ceil(rows / Math.ceil(rows / most) / EVEN) * width;
  const starts: number[] = [];
  for (let start = each; start < elements; start += each) starts.push(start);
  return starts;
}

function stored(tensor: WideTensor): ConstantPlan {
  const { dtype, shape, data } = narrow(tensor);
  const words =
    dtype === 'f32'
      ? (data as Float32Array)
      : dtype === 'i64'
        ? Int32Array.from(data as BigInt64Array, Number)
        : Uint32Array.from(data as Uint8Array);
  return {
    kind: 'data',
    dtype,
    shape,
    base64: base64(new Uint8Array(words.buffer, words.byteOffset, words.byteLength)),
  };
}

/** Works in a page as well, and on arrays of any length. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
