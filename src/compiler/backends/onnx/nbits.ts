/**
 * Quantised parameters for ONNX Runtime's own operator MatMulNBits (com.microsoft), which multiplies by the codes as they are
 * stored: no f32 copy of a matrix is made, in the file, when a session loads, or later.
 *
 *   x [..., in] ─────────────────────────────────┐
 *   KEY.codes  uint8 [out, groups, group/2] ──────┼─ MatMulNBits(K = in, N = out, bits = 4, block_size = group) ─▶ f32 [..., out]
 *   KEY.scales f16 [out, groups] ─ Cast ──────────┤
 *   KEY.zeros  uint8 [out, ⌈groups/2⌉] ───────────┤
 *   bias [out] ──────────────────────────────────┘
 *
 * The operator counts from 0: codes and zeros are those of DequantizeLinear plus 2^(bits − 1) (`UnsignedRows`).
 *
 * int8 is two products by int4, since ONNX Runtime has no kernel with sums in f32 for 8 bits and makes an f32 copy of the
 * whole matrix in each run: code + 128 = 16 · high + low, so x · w = MatMulNBits(high, 16 · scale) + MatMulNBits(low, scale).
 *
 * Zeros of f16 (the method hqq) would have it make that copy too. They are taken away from the sums of x over each group:
 * x · w = MatMulNBits(codes) − Σ x[group] · (scale · zero)ᵀ.
 */
import type { Quantisation } from '../../../shared/quantisation.ts';
import { partKey } from '../../../shared/quantisation.ts';
import { matrixUse } from '../../ir/facts.ts';
import type { AnyNode, Graph, ValueId } from '../../ir/graph.ts';
import type { Emitter, PackedNames } from './emitter.ts';
import { type PackedLocation, packedBytes } from './external-data.ts';
import type { Operand } from './lowerings/rule.ts';
import { externalTensor, ONNX_DTYPE, UINT8 } from './proto.ts';

const MICROSOFT = 'com.microsoft';
/** of MatMulNBits: activations stay f32. The fastest level (4) rounds them to int8, which costs 4e-3 of a result. */
const SINGLE = 1;

/**
 * Which quantised parameters can be stored for MatMulNBits: those that all graphs read in no other way than as the right side
 * of a product that sums along their last axis or, int8, as a table of rows. A table that no product reads is whole.
 */
export function storedUnsigned(
  graphs: readonly Graph[],
  quantised: ReadonlyMap<string, Quantisation>,
): ReadonlyMap<string, 'whole' | 'halves'> {
  const keys = new Set(quantised.keys());
  const multiplied = new Set<string>();
  for (const graph of graphs) {
    const outputs = new Set(graph.outputs.map(({ value }) => value));
    const keyOf = new Map(graph.parameters.map(({ key, value }) => [value, key]));
    for (const [value, key] of keyOf) if (outputs.has(value)) keys.delete(key);
    for (const node of graph.nodes)
      for (const value of new Set(node.inputs)) {
        const key = keyOf.get(value);
        if (key === undefined) continue;
        if (node.op !== 'gather') multiplied.add(key);
        if (keys.has(key) && !readsCodes(node, value, quantised.get(key)!)) keys.delete(key);
      }
  }
  const halved = (key: string): boolean => quantised.get(key)!.bits === 8 && multiplied.has(key);
  return new Map([...keys].map((key) => [key, halved(key) ? 'halves' : 'whole']));
}

/** Whether a lowering of this backend takes the parts of the parameter. */
function readsCodes(node: AnyNode, value: ValueId, { bits }: Quantisation): boolean {
  const matrix = matrixUse(node, value);
  return matrix?.as === 'table' ? bits === 8 : matrix?.as === 'contracted' && matrix.rows !== undefined;
}

/** Declares the parts of a parameter [rows, columns]. Nothing makes its value: rules read the parts. */
export function unsignedParameter(emit: Emitter, name: string, shape: readonly number[], source: PackedLocation): void {
  const { quantisation, location, offsets, unsigned } = source;
  const { bits, group, zeros, method } = quantisation;
  const { groups, halves } = unsigned!;
  const rows = shape[0]!;
  const bytes = packedBytes(quantisation, shape, unsigned);
  const part = (
    called: string,
    type: 'uint8' | 'f16',
    own: readonly number[],
    offset: number,
    length: number,
  ): string => {
    const free = emit.claim(called);
    emit.initializers.push(externalTensor(free, type, own, { location, offset, length }));
    return free;
  };
  const [codesName, zerosName] = [partKey(name, 'codes'), partKey(name, 'zeros')];
  const codes = (called: string, at: 'codes' | 'low'): string =>
    part(called, 'uint8', [rows, groups, (group * (halves ? 4 : bits)) / 8], offsets[at], bytes[at]);
  const integerZeros = (called: string, of: 0 | 1): string | undefined => {
    if (!zeros || method === 'hqq') return undefined;
    const length = halves ? bytes.zeros / 2 : bytes.zeros;
    return part(called, 'uint8', [rows, length / rows], offsets.zeros + of * length, length);
  };
  const low = { codes: `${codesName}.low`, zeros: `${zerosName}.low` };
  emit.packed.set(name, {
    quantisation,
    codes: codes(codesName, 'codes'),
    scales: part(partKey(name, 'scales'), 'f16', [rows, groups], offsets.scales, bytes.scales),
    zeros:
      method === 'hqq'
        ? part(zerosName, 'f16', [rows, groups], offsets.zeros, bytes.zeros)
        : integerZeros(zerosName, 0),
    nodes: [],
    unsigned: {
      groups,
      ...(halves ? { low: { codes: codes(low.codes, 'low'), zeros: integerZeros(low.zeros, 1) } } : {}),
    },
  });
}

/** x · weightᵀ + bias. @param shape [out, in] of the weight */
export function matMulNBits(
  emit: Emitter,
  x: Operand,
  weight: PackedNames,
  shape: readonly number[],
  bias: string | undefined,
): string {
  const { method } = weight.quantisation;
  const scales = scalesOf(emit, weight);
  const low = weight.unsigned?.low;
  const own = method === 'hqq' ? undefined : weight.zeros;
  const product = productBy(emit, x.name, weight, shape);
  const whole = low
    ? emit.op('Add', [
        product({ codes: weight.codes, scales: sixteenfold(emit, weight), zeros: own, bias }),
        product({ codes: low.codes, scales, zeros: low.zeros ?? noZeros(emit, weight, shape), bias: undefined }),
      ])
    : product({ codes: weight.codes, scales, zeros: own, bias });
  if (method !== 'hqq' || weight.zeros === undefined) return whole;
  return emit.op('Sub', [whole, shiftOf(emit, x, weight)]);
}

interface Factor {
  readonly codes: string;
  readonly scales: string;
  readonly zeros: string | undefined;
  readonly bias: string | undefined;
}

const productBy =
  (emit: Emitter, x: string, { quantisation: { group } }: PackedNames, [out, width]: readonly number[]) =>
  ({ codes, scales, zeros = '', bias = '' }: Factor): string => {
    const operands = [x, codes, scales, zeros, '', bias];
    const given = operands.slice(0, operands.findLastIndex((operand) => operand !== '') + 1);
    const attributes = { K: width!, N: out!, bits: 4, block_size: group, accuracy_level: SINGLE };
    return emit.op('MatMulNBits', given, attributes, MICROSOFT);
  };

const scalesOf = (emit: Emitter, { scales }: PackedNames): string =>
  emit.once(`f32 of ${scales}`, () => asSingle(emit, scales));

const sixteenfold = (emit: Emitter, weight: PackedNames): string =>
  emit.once(`16 · ${weight.scales}`, () => emit.op('Mul', [scalesOf(emit, weight), emit.scalar(16)]));

/** Without zeros the operator takes 8 from each code. */
function noZeros(emit: Emitter, { unsigned }: PackedNames, [rows]: readonly number[]): string {
  const shape = [rows!, Math.ceil(unsigned!.groups / 2)];
  return emit.shared(`bytes of 0 [${shape.join(', ')}]`, () =>
    emit.op('Cast', [emit.op('ConstantOfShape', [emit.indices(shape)])], { to: UINT8 }),
  );
}

/** Σ x[group] · (scale · zero)ᵀ */
function shiftOf(emit: Emitter, { name, type }: Operand, weight: PackedNames): string {
  const { group } = weight.quantisation;
  const { groups } = weight.unsigned!;
  const sums = emit.once(`sums of ${group} of ${name}`, () => {
    // 0 in a Reshape keeps the axis
    const kept = type.shape.slice(0, -1).map(() => 0);
    const blocks = emit.op('Reshape', [name, emit.indices([...kept, groups, group])]);
    return emit.op('ReduceSum', [blocks, emit.indices([type.shape.length])], { keepdims: 0 });
  });
  const shifts = emit.once(`scale · zero of ${weight.scales}`, () => {
    const product = emit.op('Mul', [scalesOf(emit, weight), asSingle(emit, weight.zeros!)]);
    return emit.op('Transpose', [product], { perm: [1, 0] });
  });
  return emit.op('MatMul', [sums, shifts]);
}

export const asSingle = (emit: Emitter, name: string): string => emit.op('Cast', [name], { to: ONNX_DTYPE.f32 });
