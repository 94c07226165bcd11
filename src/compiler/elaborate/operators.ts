/** Operators: arithmetic of compile-time values and dims, pointwise ops of tensors. */
import { addDims, type Dim, divideDims, isSymbolic, mulDims, printDim, subDims } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { OpName } from '../ops/attributes.ts';
import type * as ast from '../syntax/ast.ts';
import { DTYPE_NAMES } from './builtin.ts';
import type { Evaluation } from './evaluation.ts';
import { bool, describe, float, int, list, type Operand, type Value } from './values.ts';

export function unary(e: Evaluation, expression: ast.UnaryExpression, operand: Value): Value {
  const { operator, span } = expression;
  if (operator === 'not') {
    if (operand.kind === 'bool') return bool(!operand.value, operand.byFlag);
    if (operand.kind === 'tensor')
      return e.emission.emit('not', [tensorOperand(e, operand, expression.operand)], {}, span)[0]!;
  } else {
    if (operand.kind === 'int') return int(-operand.value);
    if (operand.kind === 'float') return float(-operand.value);
    if (operand.kind === 'dim') return dimValue(subDims(0, operand.dim));
    if (operand.kind === 'tensor' || operand.kind === 'parameter') {
      const tensor = tensorOperand(e, operand, expression.operand);
      if (tensor.type.dtype === 'f32') return e.emission.emit('neg', [tensor], {}, span)[0]!;
      const zero = e.emission.operand(int(0), span, 'i64');
      return e.emission.emit('sub', [zero, tensor], {}, span)[0]!;
    }
  }
  return e.fail(
    diagnose(
      'wrong_type',
      {
        what: `the operand of ${operator}`,
        expected: operator === 'not' ? 'true or false' : 'a number',
        found: describe(operand),
      },
      span,
      e.here(),
    ),
  );
}

export function binary(e: Evaluation, expression: ast.BinaryExpression, left: Value, right: Value): Value {
  if (left.kind === 'error' || right.kind === 'error') return { kind: 'error' };
  const { operator } = expression;
  // whether there is a tensor is known while a body is traced: `bias == none`
  const asksForNone = (left.kind === 'none' || right.kind === 'none') && (operator === '==' || operator === '!=');
  if (!asksForNone && (isTensor(left) || isTensor(right))) return tensorBinary(e, expression, left, right);
  if (operator === '==' || operator === '!=') {
    const same = equal(left, right);
    if (same !== undefined) return bool(same === (operator === '=='));
  }
  if ((operator === 'and' || operator === 'or') && left.kind === 'bool' && right.kind === 'bool') {
    // one side alone decides by being this; both were evaluated, so the left one does not
    const deciding = operator === 'or';
    if (right.value === deciding && !right.byFlag) return right;
    return bool(right.value, left.byFlag || right.byFlag);
  }
  if (operator === '+' && left.kind === 'list' && right.kind === 'list') {
    e.effort.step(expression.span, left.items.length + right.items.length);
    return list([...left.items, ...right.items]);
  }
  if (operator === '+' && left.kind === 'string' && right.kind === 'string') {
    e.effort.step(expression.span, left.value.length + right.value.length);
    return { kind: 'string', value: left.value + right.value };
  }
  if (left.kind === 'dim' || right.kind === 'dim') {
    if (operator === '*' && degree(left) + degree(right) > MAX_FACTORS) {
      return e.fail(
        diagnose(
          'wrong_type',
          {
            what: 'a dimension',
            expected: `a product of at most ${MAX_FACTORS} dynamic dimensions`,
            found: `one of ${degree(left) + degree(right)}`,
          },
          expression.span,
          e.here(),
        ),
      );
    }
    const result = dimBinary(operator, left, right);
    if (result) return result;
  }
  if (isNumber(left) && isNumber(right)) {
    const result = numberBinary(e, expression, left, right);
    if (result) return result;
  }
  return e.fail(
    diagnose('operator_types', { operator, left: describe(left), right: describe(right) }, expression.span, {
      ...e.here(),
      secondary: [
        { span: expression.left.span, message: `this is ${describe(left)}` },
        { span: expression.right.span, message: `this is ${describe(right)}` },
      ],
    }),
  );
}

/** Terms of a product of dynamic dimensions. */
const MAX_PRODUCT_TERMS = 1000;
/** Dynamic dimensions in one term of such a product, repeated ones included. */
const MAX_FACTORS = 64;

function degree(value: Value): number {
  return value.kind === 'dim' ? Math.max(...value.dim.terms.map(({ symbols }) => symbols.length)) : 0;
}

type NumberValue = Extract<Value, { kind: 'int' | 'float' }>;

function isNumber(value: Value): value is NumberValue {
  return value.kind === 'int' || value.kind === 'float';
}

function isTensor(value: Value): boolean {
  return value.kind === 'tensor' || value.kind === 'parameter';
}

function equal(left: Value, right: Value): boolean | undefined {
  if (left.kind === 'dim' || right.kind === 'dim') {
    if (left.kind === 'dim' && right.kind === 'dim') return printDim(left.dim) === printDim(right.dim);
    return undefined;
  }
  if (left.kind === 'none' || right.kind === 'none') return left.kind === right.kind;
  if (isNumber(left) && isNumber(right)) return left.value === right.value;
  if (left.kind === 'bool' && right.kind === 'bool') return left.value === right.value;
  if (left.kind === 'string' && right.kind === 'string') return left.value === right.value;
  return undefined;
}

function dimValue(dim: number | Extract<Value, { kind: 'dim' }>['dim']): Value {
  return isSymbolic(dim) ? { kind: 'dim', dim } : int(dim);
}

function dimBinary(operator: ast.BinaryOperator, left: Value, right: Value): Value | undefined {
  const [a, b] = [left, right].map((value) =>
    value.kind === 'dim' ? value.dim : value.kind === 'int' ? value.value : undefined,
  );
  if (a === undefined || b === undefined) return undefined;
  if (operator === '+') return dimValue(addDims(a, b));
  if (operator === '-') return dimValue(subDims(a, b));
  if (operator === '*') {
    // a bound on the work; what has too many terms for a dimension is reported where it is used as one
    const terms = (dim: Dim): number => (isSymbolic(dim) ? dim.terms.length : 1);
    if (terms(a) * terms(b) > MAX_PRODUCT_TERMS) return undefined;
    return dimValue(mulDims(a, b));
  }
  const quotient = operator === '/' ? divideDims(a, b) : undefined;
  return quotient === undefined ? undefined : dimValue(quotient);
}

function numberBinary(
  e: Evaluation,
  expression: ast.BinaryExpression,
  left: NumberValue,
  right: NumberValue,
): Value | undefined {
  const [a, b] = [left.value, right.value];
  const ints = left.kind === 'int' && right.kind === 'int';
  const number = (value: number): Value => (ints && Number.isSafeInteger(value) ? int(value) : float(value));
  switch (expression.operator) {
    case '+':
      return number(a + b);
    case '-':
      return number(a - b);
    case '*':
      return withDivision(number(a * b), left, right);
    case '**':
      return number(a ** b);
    case '%':
    case '/':
      if (b === 0)
        return e.fail(
          diagnose('division_by_zero', {}, expression.span, {
            ...e.here(),
            secondary: [{ span: expression.right.span, message: 'this is 0' }],
          }),
        );
      if (expression.operator === '%') return number(((a % b) + b) % b);
      if (!ints || a % b === 0) return number(a / b);
      return { kind: 'float', value: a / b, division: { left: a, right: b, span: expression.span } };
    case '<':
      return bool(a < b);
    case '<=':
      return bool(a <= b);
    case '>':
      return bool(a > b);
    case '>=':
      return bool(a >= b);
    default:
      return undefined;
  }
}

/** A multiple of what did not come out even: 18 / 4 · 64 is 288, and no size of a tensor either. */
function withDivision(product: Value, left: NumberValue, right: NumberValue): Value {
  const [factor, other] = left.kind === 'int' ? [right, left] : [left, right];
  const division = factor.kind === 'float' && other.kind === 'int' ? factor.division : undefined;
  return product.kind === 'float' && division ? { ...product, division } : product;
}

interface TensorOperator {
  readonly op: Extract<
    OpName,
    'add' | 'sub' | 'mul' | 'div' | 'pow' | 'equal' | 'less' | 'less_equal' | 'and' | 'or' | 'matmul'
  >;
  readonly swap?: true;
  readonly negate?: true;
}

const TENSOR_OPERATORS: { readonly [O in ast.BinaryOperator]: TensorOperator | undefined } = {
  '+': { op: 'add' },
  '-': { op: 'sub' },
  '*': { op: 'mul' },
  '/': { op: 'div' },
  '**': { op: 'pow' },
  '@': { op: 'matmul' },
  '%': undefined,
  '==': { op: 'equal' },
  '!=': { op: 'equal', negate: true },
  '<': { op: 'less' },
  '<=': { op: 'less_equal' },
  '>': { op: 'less', swap: true },
  '>=': { op: 'less_equal', swap: true },
  and: { op: 'and' },
  or: { op: 'or' },
};

function tensorBinary(e: Evaluation, expression: ast.BinaryExpression, left: Value, right: Value): Value {
  const { operator, span } = expression;
  const rule = TENSOR_OPERATORS[operator];
  if (!rule) {
    return e.fail(
      diagnose('operator_types', { operator, left: describe(left), right: describe(right) }, span, e.here()),
    );
  }
  // a number takes the element type of the tensor beside it
  const dtypeOf = (value: Value, at: ast.Expression): DType | undefined =>
    isTensor(value) ? tensorOperand(e, value, at).type.dtype : undefined;
  const dtype = dtypeOf(left, expression.left) ?? dtypeOf(right, expression.right);
  const a = tensorOperand(e, left, expression.left, dtype);
  const b = tensorOperand(e, right, expression.right, dtype);
  if (a.type.dtype !== b.type.dtype) {
    return e.fail(
      diagnose('dtype_clash', { operator, left: DTYPE_NAMES[a.type.dtype], right: DTYPE_NAMES[b.type.dtype] }, span, {
        ...e.here(),
        secondary: [
          { span: expression.left.span, message: `a tensor of ${DTYPE_NAMES[a.type.dtype]}` },
          { span: expression.right.span, message: `a tensor of ${DTYPE_NAMES[b.type.dtype]}` },
        ],
        notes: ['convert one side: float(x), int(x) or bool(x)'],
      }),
    );
  }
  const operands = rule.swap ? ([b, a] as const) : ([a, b] as const);
  const attributes = rule.op === 'matmul' ? { transpose_a: false, transpose_b: false } : {};
  const result = e.emission.emit(rule.op, operands, attributes as never, span)[0]!;
  if (!rule.negate) return result;
  return e.emission.emit('not', [e.emission.operand(result, span)], {}, span)[0]!;
}

function tensorOperand(e: Evaluation, value: Value, at: ast.Expression, dtype?: DType): Operand {
  return e.emission.operand(value, at.span, dtype);
}
