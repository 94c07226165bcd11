/**
 * Writes ONNX nodes: unique names, constants shared by content, subexpressions shared by key.
 *
 * A lowering rule calls `emit.op('MatMul', [a, b])` and gets the name of the result. Whatever several
 * layers have in common (dimension values, masks, rotary tables) goes through `shared`, which builds it once per
 * graph; those nodes are named `shared/…` because they belong to no single module.
 */
import type { Quantisation } from '../../../shared/quantisation.ts';
import { type HostTensor, narrow, type WideTensor } from '../../../shared/tensor.ts';
import type { Origin } from '../../ir/graph.ts';
import type { OnnxOpset } from './file.ts';
import { type Attributes, attributeProto, inlineTensor, type NodeProto, type TensorProto } from './proto.ts';
import { type NamedType, type SymbolSource, solveSymbols } from './symbols.ts';

const SHARED: Origin = { path: 'shared' };

/** The initializers of a quantised parameter, by name. */
export interface PackedNames {
  readonly quantisation: Quantisation;
  readonly codes: string;
  readonly scales: string;
  readonly zeros: string | undefined;
  /** of the nodes that dequantise all of it */
  readonly nodes: readonly string[];
  /** stored for MatMulNBits (nbits.ts): nothing makes the whole matrix */
  readonly unsigned?: UnsignedNames;
}

export interface UnsignedNames {
  /** of a row */
  readonly groups: number;
  /** of int8 in halves; codes and zeros beside it are the high ones */
  readonly low?: { readonly codes: string; readonly zeros: string | undefined };
}

export class Emitter {
  readonly opset: OnnxOpset;
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  /** How to get each dynamic dimension from the graph's inputs. */
  readonly symbols: ReadonlyMap<string, SymbolSource>;
  /** f32 values that are dequantised parameters, by name: rules may read their parts instead */
  readonly packed = new Map<string, PackedNames>();
  private origin: Origin = { path: '' };
  private readonly taken = new Set<string>(['']); // the empty name means "operand absent" in ONNX
  private readonly counters = new Map<string, number>();
  private readonly cache = new Map<string, string>();
  private readonly constants = new Map<string, { readonly bytes: Uint8Array; readonly name: string }[]>();

  constructor(opset: OnnxOpset, inputs: readonly NamedType[]) {
    this.opset = opset;
    this.symbols = solveSymbols(inputs);
  }

  /** Nodes emitted from now on come from here. */
  from(origin: Origin): void {
    this.origin = origin;
  }

  /** Takes a name for a value; a second taker of the same name gets `name_1`, `name_2` … */
  claim(name: string): string {
    let free = name;
    for (let n = 1; this.taken.has(free); n++) free = `${name}_${n}`;
    this.taken.add(free);
    return free;
  }

  /**
   * Adds a node of one output and returns the output's name. An empty input name leaves that operand out.
   * @param domain of an operator that is not ONNX's own
   */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.outputs(opType, inputs, 1, attributes, domain)[0]!;
  }

  outputs(
    opType: string,
    inputs: readonly string[],
    count: number,
    attributes: Attributes = {},
    domain = '',
  ): readonly string[] {
    const name = this.nodeName(opType);
    const output = Array.from({ length: count }, (_, index) => (index === 0 ? name : this.claim(`${name}.${index}`)));
    this.push(name, opType, inputs, output, attributes, domain);
    return output;
  }

  /** Copies a value to a name that is already claimed: an output of the graph. */
  copy(from: string, to: string): void {
    this.push(this.nodeName('Identity'), 'Identity', [from], [to], {});
  }

  /** The value that `build` emits, built once per graph and key; it belongs to no module. */
  shared(key: string, build: () => string): string {
    return this.once(key, () => {
      const origin = this.origin;
      this.origin = SHARED;
      const name = build();
      this.origin = origin;
      return name;
    });
  }

  /** As `shared`, but named after the first module that asked. */
  once(key: string, build: () => string): string {
    const before = this.cache.get(key);
    if (before !== undefined) return before;
    const name = build();
    this.cache.set(key, name);
    return name;
  }

  /** An initializer; tensors of equal dtype, shape and bytes are one. */
  constant(tensor: HostTensor, hint = 'constant'): string {
    const { dtype, shape, data } = tensor;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = `${dtype} [${shape.join(', ')}] ${checksum(bytes)}`;
    const equal = this.constants.get(key) ?? [];
    const before = equal.find((other) => other.bytes.every((byte, index) => byte === bytes[index]));
    if (before) return before.name;
    const name = this.claim(hint);
    this.initializers.push(inlineTensor(name, tensor));
    this.constants.set(key, [...equal, { bytes, name }]);
    return name;
  }

  /** A constant held by the IR in float64. */
  wide(tensor: WideTensor, hint?: string): string {
    return this.constant(narrow(tensor), hint);
  }

  /** f32 scalar */
  scalar(value: number): string {
    return this.constant({ dtype: 'f32', shape: [], data: Float32Array.of(value) });
  }

  /** i64 scalar */
  index(value: number): string {
    return this.constant({ dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(value)) });
  }

  /** i64 [n]: axes, shapes, starts, ends */
  indices(values: readonly (number | bigint)[]): string {
    return this.constant({ dtype: 'i64', shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  }

  private push(
    name: string,
    opType: string,
    input: readonly string[],
    output: readonly string[],
    attributes: Attributes,
    domain = '',
  ): void {
    const { source } = this.origin;
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    const own = domain === '' ? {} : { domain };
    const node = { name, opType, ...own, input: [...input], output: [...output], attribute };
    this.nodes.push(source === undefined ? node : { ...node, docString: source });
  }

  /** `llama_model.model.layers.3.self_attn/MatMul_2`: the third MatMul of that module */
  private nodeName(opType: string): string {
    const { path } = this.origin;
    const base = path === '' ? opType : `${path}/${opType}`;
    const seen = this.counters.get(base) ?? 0;
    this.counters.set(base, seen + 1);
    return this.claim(seen === 0 ? base : `${base}_${seen}`);
  }
}

/** FNV-1a; only narrows the search, equality is decided on the bytes. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
