/**
 * Values of a kernel as data: typed expressions, and the one place that prints them.
 *
 *     binary('*', binary('+', x, literal('f32', 1)), y)     (x + 1.0) * y
 *
 * Types are checked where an expression is made, so a mistake of a rule is found when its kernel is written and not by a
 * device. Equal expressions have equal keys, by which a block names each of them once. An index (expr.ts) is the normal form of
 * u32 arithmetic, and becomes such an expression where it is used.
 */
import { Name } from './name.ts';

/** Types of WGSL; half2 and half4 are those of src/shared/halves.ts. */
export type Type = Scalar | Vector | 'half2' | 'half4' | `array<${Scalar | Vector}${'' | `, ${number}`}>`;

type Scalar = 'f32' | 'i32' | 'u32' | 'bool';
type Vector = 'vec2f' | 'vec2u' | 'vec3u' | Four;
type Four = 'vec4f' | 'vec4i' | 'vec4u' | 'vec4<bool>';

const FOURS: Readonly<Record<Scalar, Four>> = { f32: 'vec4f', i32: 'vec4i', u32: 'vec4u', bool: 'vec4<bool>' };
/** What vectors are of. */
const SCALARS: Readonly<Record<Vector, Scalar>> = {
  ...{ vec2f: 'f32', vec2u: 'u32', vec3u: 'u32', vec4f: 'f32', vec4i: 'i32', vec4u: 'u32', 'vec4<bool>': 'bool' },
};

const isVector = (type: Type): type is Vector => Object.hasOwn(SCALARS, type);
const isScalar = (type: Type): type is Scalar => Object.hasOwn(FOURS, type);
const isFour = (type: Type): type is Four => isVector(type) && FOURS[SCALARS[type]] === type;
/** A vector of four of these, in the place of one. */
const likeFour = (type: Type): Type => (isScalar(type) ? FOURS[type] : type);
/** What a vector is of; a number is of itself. @throws Error for what is neither */
export function scalarOf(type: Type): Scalar {
  if (isVector(type)) return SCALARS[type];
  if (!isScalar(type)) throw new Error(`${type} is neither a number nor a vector`);
  return type;
}
export const fourOf = (type: Scalar): Four => FOURS[type];

interface Typed {
  readonly type: Type;
  /** equal for equal expressions */
  readonly key: string;
}

export type Literal = Typed & { readonly kind: 'literal'; readonly value: number };
export type Variable = Typed & { readonly kind: 'variable'; readonly name: Name };

export type Expression =
  | Literal
  | Variable
  | (Typed & { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly of: Expression })
  | (Typed & {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  /** of a function of the module, or of one of WGSL */
  | (Typed & { readonly kind: 'call'; readonly of: Name | string; readonly operands: readonly Expression[] })
  /** of a buffer or an array: what a load gives, and where a store goes */
  | (Typed & { readonly kind: 'element'; readonly of: Name | Expression; readonly index: Expression })
  | (Typed & { readonly kind: 'component'; readonly of: Expression; readonly component: string });

type UnaryOperator = '-' | '!';
export type BinaryOperator = keyof typeof OPERATORS;

/** How tightly expressions bind (WGSL, section 8.19, "Operator precedence and associativity"). */
const LOOSE = 0;
const RELATION = 1;
const SHIFT = 2;
const SUM = 3;
const PRODUCT = 4;
const UNARY = 5;
const PRIMARY = 6;

interface Operator {
  readonly level: number;
  /** the loosest that an operand may be without parentheses */
  readonly left: number;
  readonly right: number;
}

const sum: Operator = { level: SUM, left: SUM, right: PRODUCT };
const product: Operator = { level: PRODUCT, left: PRODUCT, right: UNARY };
const shift: Operator = { level: SHIFT, left: UNARY, right: UNARY };
const relation: Operator = { level: RELATION, left: SHIFT, right: SHIFT };
/** these are associative: an operand of the same operator needs no parentheses, one of another does */
const logic: Operator = { level: LOOSE, left: RELATION, right: RELATION };
const bits: Operator = { level: LOOSE, left: UNARY, right: UNARY };

const OPERATORS = {
  ...{ '+': sum, '-': sum, '*': product, '/': product, '%': product },
  ...{ '<<': shift, '>>': shift, '&': bits, '|': bits },
  ...{ '<': relation, '<=': relation, '>': relation, '>=': relation, '==': relation, '!=': relation },
  ...{ '&&': logic, '||': logic },
} as const satisfies Record<string, Operator>;

/** A defect of a rule: its expression has no type. */
const mistyped = (what: string, ...of: readonly Expression[]): Error =>
  new Error(`${what} of ${of.map(({ type, key }) => `${type} ${key}`).join(' and ')} has no type in WGSL`);

/** @param value a finite number, 0 or 1 for bool */
export const literal = (type: Scalar, value: number): Literal => {
  if (!Number.isFinite(value)) throw new Error(`${value} is no constant of WGSL`);
  return { kind: 'literal', type, value, key: `${type} ${value}` };
};

export const variable = (name: Name, type: Type): Variable => ({ kind: 'variable', name, type, key: name.hint });

/** The number of an expression that is one. */
export const numberOf = (of: Expression): number | undefined =>
  of.kind === 'literal' && of.type !== 'bool' ? of.value : undefined;

export function unary(operator: UnaryOperator, of: Expression): Expression {
  if (operator === '!' ? of.type !== 'bool' : of.type === 'bool' || of.type === 'u32') throw mistyped(operator, of);
  return { kind: 'unary', operator, of, type: of.type, key: `${operator}(${of.key})` };
}

/** What an operator gives for operands of these types; undefined where WGSL has no such. A number beside a vector of four is four. */
function resultOf(operator: BinaryOperator, left: Type, right: Type): Type | undefined {
  const { level } = OPERATORS[operator];
  const isLogic = operator === '&&' || operator === '||';
  if (level === SHIFT) return right === (isFour(left) ? 'vec4u' : 'u32') ? left : undefined;
  if (left !== right) {
    const mixed = level === SUM || level === PRODUCT;
    return mixed && likeFour(left) === likeFour(right) && left !== 'bool' ? likeFour(left) : undefined;
  }
  if (!isScalar(left) && !isVector(left)) return undefined;
  const of = scalarOf(left);
  if (level === RELATION) return isFour(left) ? 'vec4<bool>' : 'bool';
  if (isLogic) return left === 'bool' ? left : undefined;
  const truths = left === 'vec4<bool>';
  if (level === LOOSE) return truths || of === 'u32' || of === 'i32' ? left : undefined;
  return of === 'bool' ? undefined : left;
}

export function binary(operator: BinaryOperator, left: Expression, right: Expression): Expression {
  const type = resultOf(operator, left.type, right.type);
  if (type === undefined) throw mistyped(operator, left, right);
  return { kind: 'binary', operator, left, right, type, key: `(${left.key} ${operator} ${right.key})` };
}

/** Several by one operator, from the left. */
export const chain = (operator: BinaryOperator, of: readonly Expression[]): Expression =>
  of.reduce((left, right) => binary(operator, left, right));

const keysOf = (of: readonly Expression[]): string => of.map(({ key }) => key).join(', ');

/** A call of a function whose types its caller knows. */
export const call = (of: Name | string, operands: readonly Expression[], type: Type): Expression => ({
  kind: 'call',
  of,
  operands,
  type,
  key: `${typeof of === 'string' ? of : of.hint}(${keysOf(operands)})`,
});

/** A function of WGSL from values of one type to one of that type. */
export function builtin(of: 'abs' | 'min' | 'max', operands: readonly [Expression, ...Expression[]]): Expression {
  const [{ type }] = operands;
  if (type === 'bool' || operands.some((operand) => operand.type !== type)) throw mistyped(of, ...operands);
  return call(of, operands, type);
}

/** `yes` where the condition holds, else `no`; of vectors also component by component. */
export function select(no: Expression, yes: Expression, condition: Expression): Expression {
  const each = condition.type === 'vec4<bool>' && isFour(no.type);
  if (no.type !== yes.type || !(each || condition.type === 'bool')) throw mistyped('select', no, yes, condition);
  return call('select', [no, yes, condition], no.type);
}

/** The number as one of another type. */
export const converted = (type: Scalar, of: Expression): Expression => call(type, [of], type);
/** The same bits as another type. */
export const bitcast = (type: Scalar, of: Expression): Expression => call(`bitcast<${type}>`, [of], type);

/** A vector of four: of its components, or of one that all of them are. */
export function vector(components: readonly Expression[]): Expression {
  const { type } = components[0]!;
  const alike = isScalar(type) && components.every((own) => own.type === type);
  if (!alike || (components.length !== 4 && components.length !== 1)) throw mistyped('vec4', ...components);
  return call(FOURS[type], components, FOURS[type]);
}

/** @param type of the element */
export function element(of: Name | Expression, index: Expression, type: Type): Expression {
  if (index.type !== 'u32') throw mistyped('an element', index);
  return { kind: 'element', of, index, type, key: `${of instanceof Name ? of.hint : of.key}[${index.key}]` };
}

const COMPONENTS = 'xyzw';

export function component(of: Expression, at: number): Expression {
  if (!isVector(of.type)) throw mistyped('a component', of);
  const name = COMPONENTS[at]!;
  return { kind: 'component', of, component: name, type: SCALARS[of.type], key: `${of.key}.${name}` };
}

/** A short expression that stays where it is and needs no name. */
export function isPlain(of: Expression): boolean {
  if (of.kind === 'literal' || of.kind === 'variable') return true;
  if (of.kind === 'component') return isPlain(of.of);
  return of.kind === 'element' && (of.of instanceof Name || isPlain(of.of)) && isPlain(of.index);
}

function operandsOf(of: Expression): readonly (Name | Expression)[] {
  switch (of.kind) {
    case 'literal':
      return [];
    case 'variable':
      return [of.name];
    case 'unary':
    case 'component':
      return [of.of];
    case 'binary':
      return [of.left, of.right];
    case 'call':
      return typeof of.of === 'string' ? of.operands : [of.of, ...of.operands];
    case 'element':
      return [of.of, of.index];
  }
}

/** Whether an expression has a name that passes. @param passes is told whether it is a function's */
export const mentions = (of: Expression, passes: (name: Name, called: boolean) => boolean): boolean =>
  operandsOf(of).some((own) => (own instanceof Name ? passes(own, of.kind === 'call') : mentions(own, passes)));

/** With others in the place of variables. @param others by the variables' hints */
export function replaced(of: Expression, others: ReadonlyMap<string, Expression>): Expression {
  const inside = (operand: Expression): Expression => replaced(operand, others);
  switch (of.kind) {
    case 'literal':
      return of;
    case 'variable':
      return others.get(of.name.hint) ?? of;
    case 'unary':
      return unary(of.operator, inside(of.of));
    case 'binary':
      return binary(of.operator, inside(of.left), inside(of.right));
    case 'call':
      return call(of.of, of.operands.map(inside), of.type);
    case 'element':
      return element(of.of instanceof Name ? of.of : inside(of.of), inside(of.index), of.type);
    case 'component':
      return component(inside(of.of), COMPONENTS.indexOf(of.component));
  }
}

/** A literal of a finite number. */
function literalText({ type, value }: Literal): string {
  if (type === 'bool') return value === 0 ? 'false' : 'true';
  if (type === 'u32') return `${value}u`;
  if (type === 'i32') return value < 0 ? `i32(${value})` : `${value}i`;
  const rounded = Math.fround(value);
  if (rounded === 0) return '0.0';
  const text = String(rounded);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function levelOf(of: Expression): number {
  if (of.kind === 'binary') return OPERATORS[of.operator].level;
  if (of.kind === 'unary') return UNARY;
  return of.kind === 'literal' && of.type === 'f32' && of.value < 0 ? UNARY : PRIMARY;
}

/**
 * Puts the texts and names of an expression behind those that are there.
 * @param loosest what stands around it: looser expressions get parentheses
 */
export function print(of: Expression, into: (string | Name)[], loosest = LOOSE): void {
  if (levelOf(of) >= loosest) printBare(of, into);
  else {
    into.push('(');
    printBare(of, into);
    into.push(')');
  }
}

/** The same as an operand of whatever it stands in. */
export const printOperand = (of: Expression, into: (string | Name)[]): void => print(of, into, PRIMARY);

function printBare(of: Expression, into: (string | Name)[]): void {
  switch (of.kind) {
    case 'literal':
      into.push(literalText(of));
      break;
    case 'variable':
      into.push(of.name);
      break;
    case 'unary':
      into.push(of.operator);
      printOperand(of.of, into); // `--` is another token
      break;
    case 'binary': {
      const { level, left, right } = OPERATORS[of.operator];
      const loosest = (side: Expression, otherwise: number): number =>
        level === LOOSE && side.kind === 'binary' && side.operator === of.operator ? LOOSE : otherwise;
      print(of.left, into, loosest(of.left, left));
      into.push(` ${of.operator} `);
      print(of.right, into, loosest(of.right, right));
      break;
    }
    case 'call':
      into.push(of.of, '(');
      for (const [at, operand] of of.operands.entries()) {
        if (at > 0) into.push(', ');
        print(operand, into);
      }
      into.push(')');
      break;
    case 'element':
      if (of.of instanceof Name) into.push(of.of);
      else printOperand(of.of, into);
      into.push('[');
      print(of.index, into);
      into.push(']');
      break;
    case 'component':
      printOperand(of.of, into);
      into.push(`.${of.component}`);
  }
}
