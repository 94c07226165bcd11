/**
 * The checks that type rules share: dtypes, ranks, axes and equal dims.
 *
 * Each throws a TypeRuleError whose message names both sides and whose `sides` point at the operands, so
 * a type rule reads as a list of what the op expects.
 */
import type { Dim } from '../../shared/dim.ts';
import { equalDims, isSymbolic, printDim, printShape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { TensorType } from '../../shared/tensor.ts';
import { TypeRuleError } from './spec.ts';

export const F32: readonly DType[] = ['f32'];
export const I64: readonly DType[] = ['i64'];
export const BOOL: readonly DType[] = ['bool'];
export const NUMBERS: readonly DType[] = ['f32', 'i64'];
export const ANY: readonly DType[] = ['f32', 'i64', 'bool'];

export function printType(type: TensorType): string {
  return `${type.dtype}${printShape(type.shape)}`;
}

/** The operand's type; throws when its dtype is not one of `allowed`. */
export function expectDType(
  op: string,
  inputs: readonly TensorType[],
  operand: number,
  name: string,
  allowed: readonly DType[],
): TensorType {
  const type = inputs[operand]!;
  if (allowed.includes(type.dtype)) return type;
  throw new TypeRuleError(`${op} takes ${allowed.join(' or ')} as ${name} and got ${type.dtype}`, [
    { operand, label: `${name} is ${printType(type)}` },
  ]);
}

/** The dtype that the operands (all of them, or those listed) share; it must be one of `allowed`. */
export function expectSameDType(
  op: string,
  inputs: readonly TensorType[],
  names: readonly string[],
  allowed: readonly DType[],
  operands: readonly number[] = [...inputs.keys()],
): DType {
  const nameOf = (operand: number) => names[operand] ?? `operand ${operand}`;
  const first = operands[0]!;
  const { dtype } = expectDType(op, inputs, first, nameOf(first), allowed);
  for (const operand of operands) {
    const other = inputs[operand]!.dtype;
    if (other === dtype) continue;
    throw new TypeRuleError(
      `${op} takes operands of one dtype, and ${nameOf(first)} is ${dtype} and ${nameOf(operand)} is ${other}`,
      [
        { operand: first, label: `${nameOf(first)} is ${dtype}` },
        { operand, label: `${nameOf(operand)} is ${other}` },
      ],
      'cast one of them',
    );
  }
  return dtype;
}

/** The operand's type; throws when it does not have exactly the axes of `layout`, such as `[N, C, H, W]`. */
export function expectLayout(
  op: string,
  inputs: readonly TensorType[],
  operand: number,
  name: string,
  rank: number,
  layout: string,
): TensorType {
  const type = inputs[operand]!;
  if (type.shape.length === rank) return type;
  throw new TypeRuleError(
    `${op} takes ${name} of shape ${layout} with ${rank} ${rank === 1 ? 'axis' : 'axes'} and got ${printShape(type.shape)} with ${type.shape.length}`,
    [{ operand, label: `${name} is ${printShape(type.shape)}` }],
  );
}

/** A tensor with at least one axis. */
export function expectAxes(op: string, inputs: readonly TensorType[], operand: number, name: string): TensorType {
  const type = inputs[operand]!;
  if (type.shape.length > 0) return type;
  throw new TypeRuleError(`${op} works along an axis of ${name}, and ${name} is a scalar with none`, [
    { operand, label: `${name} is a scalar` },
  ]);
}

/** Axes must be integers in [0, rank), each at most once. */
export function expectAxesInRange(op: string, axes: readonly number[], rank: number, operand = 0): void {
  const seen = new Set<number>();
  for (const axis of axes) {
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank) {
      throw new TypeRuleError(`${op} got axis ${axis} of a tensor with ${rank} ${rank === 1 ? 'axis' : 'axes'}`, [
        { operand, label: `has ${rank} ${rank === 1 ? 'axis' : 'axes'}` },
      ]);
    }
    if (seen.has(axis)) throw new TypeRuleError(`${op} got axis ${axis} twice`);
    seen.add(axis);
  }
}

/** Lists in attributes that have one entry per axis of x. */
export function expectOnePerAxis(op: string, what: string, list: readonly unknown[], type: TensorType): void {
  if (list.length === type.shape.length) return;
  throw new TypeRuleError(
    `${op} takes one ${what} per axis, and got ${list.length} for ${printShape(type.shape)} with ${type.shape.length} axes`,
    [{ operand: 0, label: `has ${type.shape.length} axes` }],
  );
}

/** One axis of one operand, for `expectSameDim`. `label` reads before ` is 64`: `in_features`, `last axis`. */
export interface AxisRef {
  readonly operand: number;
  readonly axis: number;
  readonly dim: Dim;
  readonly label: string;
}

export function axisRef(inputs: readonly TensorType[], operand: number, axis: number, label: string): AxisRef {
  return { operand, axis, dim: inputs[operand]!.shape[axis]!, label };
}

/** @param sentence the message, given both dims in print */
export function expectSameDim(left: AxisRef, right: AxisRef, sentence: (left: string, right: string) => string): void {
  if (equalDims(left.dim, right.dim)) return;
  const [a, b] = [printDim(left.dim), printDim(right.dim)];
  throw new TypeRuleError(sentence(a, b), [
    { operand: left.operand, axis: left.axis, label: `${left.label} is ${a}` },
    { operand: right.operand, axis: right.axis, label: `${right.label} is ${b}` },
  ]);
}

/** The axis as a number; throws when it is symbolic (windows and kernels need static sizes). */
export function expectStatic(op: string, ref: AxisRef): number {
  if (!isSymbolic(ref.dim)) return ref.dim;
  throw new TypeRuleError(`${op} needs a static size for ${ref.label} and it is ${printDim(ref.dim)}`, [
    { operand: ref.operand, axis: ref.axis, label: `${ref.label} is ${printDim(ref.dim)}` },
  ]);
}
