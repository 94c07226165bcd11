/**
 * Arithmetic as templates write it: of expressions and of numbers, which are of the type of what stands beside them.
 *
 *     add(mul(row, 16), 3)      row * 16u + 3u
 *
 * Of u32, what is known is computed, and what a number leaves as it is is not written: `x + 0`, `x * 1`, `x / 1`. Arithmetic
 * of f32 is what it says.
 */
import {
  type BinaryOperator,
  binary,
  builtin,
  call,
  chain,
  component,
  type Expression,
  element,
  fourOf,
  literal,
  numberOf,
  scalarOf,
  type Type,
  vector,
} from './expression.ts';
import type { Name } from './name.ts';

export type Operand = Expression | number;

/** 0 … count − 1 */
export const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

export const u32 = (number: number): Expression => literal('u32', number);
export const f32 = (number: number): Expression => literal('f32', number);

const lifted = (of: Operand, beside: Operand): Expression => {
  if (typeof of !== 'number') return of;
  return literal(typeof beside === 'number' ? 'u32' : scalarOf(beside.type), of);
};

/** What is left of an operation on u32 where one of its operands is a number. */
type Rest = (
  a: number | undefined,
  b: number | undefined,
  left: Expression,
  right: Expression,
) => Expression | undefined;

function operator(
  sign: BinaryOperator,
  rest: Rest = () => undefined,
  of?: (a: number, b: number) => number,
): (a: Operand, b: Operand) => Expression {
  return (a, b) => {
    const [left, right] = [lifted(a, b), lifted(b, a)];
    if (left.type !== 'u32' || right.type !== 'u32') return binary(sign, left, right);
    const [one, other] = [numberOf(left), numberOf(right)];
    const known = of && one !== undefined && other !== undefined ? of(one, other) : -1;
    if (Number.isSafeInteger(known) && known >= 0 && known < 2 ** 32) return u32(known);
    return rest(one, other, left, right) ?? binary(sign, left, right);
  };
}

const sum = operator(
  '+',
  (a, b, left, right) => {
    if (a === 0 || b === 0) return a === 0 ? right : left;
    // sums of u32 may be taken in any order
    if (right.kind === 'binary' && right.operator === '+') return sum(sum(left, right.left), right.right);
    return undefined;
  },
  (a, b) => a + b,
);
const product = operator(
  '*',
  (a, b, left, right) => (a === 0 || b === 0 ? u32(0) : a === 1 ? right : b === 1 ? left : undefined),
  (a, b) => a * b,
);

/** From the left. */
export const add = (first: Operand, second: Operand, ...others: readonly Operand[]): Expression =>
  others.reduce<Expression>(sum, sum(first, second));
export const mul = (first: Operand, second: Operand, ...others: readonly Operand[]): Expression =>
  others.reduce<Expression>(product, product(first, second));
export const sub = operator(
  '-',
  (_, b, left) => (b === 0 ? left : undefined),
  (a, b) => a - b,
);
export const div = operator(
  '/',
  (_, b, left) => (b === 1 ? left : undefined),
  (a, b) => Math.floor(a / b),
);
export const mod = operator('%', (_, b) => (b === 1 ? u32(0) : undefined));

export const less = operator('<');
export const atMost = operator('<=');
export const greater = operator('>');
export const atLeast = operator('>=');
export const equal = operator('==');
export const unequal = operator('!=');
/** Of bool; of vectors of them component by component. */
export const and = (...of: readonly Expression[]): Expression => chain(of[0]!.type === 'bool' ? '&&' : '&', of);
export const or = (...of: readonly Expression[]): Expression => chain('||', of);
/** Of the bits of u32. */
export const bits = operator('&');
export const bitsOfAny = (...of: readonly Expression[]): Expression => chain('|', of);
export const shiftRight = (of: Expression, by: number): Expression => binary('>>', of, u32(by));

export const smallest = (a: Operand, b: Operand): Expression => builtin('min', [lifted(a, b), lifted(b, a)]);
export const largest = (a: Operand, b: Operand): Expression => builtin('max', [lifted(a, b), lifted(b, a)]);

/** Four of one number, or one for each lane. */
export const four = (component: (lane: number) => Expression): Expression => vector(range(4).map(component));
export const everywhere = (of: Operand): Expression => vector([typeof of === 'number' ? f32(of) : of]);
export const ZEROS = call(fourOf('f32'), [], fourOf('f32'));
/** The sum of products of two vectors' components. */
export const dot = (a: Expression, b: Expression): Expression => call('dot', [a, b], 'f32');
/** Whether all components are true. */
export const all = (of: Expression): Expression => call('all', [of], 'bool');
export const lane = component;

/** An element of an array, or a component of a vector by its number. */
export function at(of: Expression, index: Operand): Expression {
  return element(of, lifted(index, 0), elementType(of.type));
}

function elementType(type: Type): Type {
  if (!type.startsWith('array<')) return scalarOf(type);
  const [of] = type.slice('array<'.length, -1).split(', ');
  return of as Type;
}

/** What a function of the module gives. */
export const apply = (of: Name, operands: readonly Expression[], type: Type = 'f32'): Expression =>
  call(of, operands, type);
