/**
 * Statements as a template writes them, one after the other, each where it stands:
 *
 *     const sum = body.var('sum', f32(0));                    var sum = 0.0;
 *     body.for('k', { below: depth }, (k) => {                for (var k = 0u; k < depth; k++) {
 *       body.increase(sum, mul(at(a, k), at(b, k)));            sum += a[k] * b[k];
 *     });                                                     }
 *
 * A name that is given is a variable of the template too, so what is not declared cannot be read.
 */
import { type Operand, u32 } from './arithmetic.ts';
import { call, type Expression, type Type, variable } from './expression.ts';
import { Name } from './name.ts';
import { type Assignment, functionText, type Statement } from './statements.ts';
import type { FunctionText, VariableText } from './wgsl.ts';

const expression = (of: Operand): Expression => (typeof of === 'number' ? u32(of) : of);

export class Body {
  /** what is declared outside of `main` */
  readonly variables: VariableText[] = [];
  readonly functions: FunctionText[] = [];
  statements: Statement[] = [];

  /**
   * An array that outlives the body's blocks: of a workgroup, or of an invocation and its functions.
   * @param count elements; of none there is one, since WGSL has no empty arrays
   */
  memory(space: VariableText['space'], hint: string, element: 'f32' | 'u32' | 'vec4f', count: number): Expression {
    const [name, type] = [new Name(hint), `array<${element}, ${Math.max(1, count)}>`] as const;
    this.variables.push({ name, space, type });
    return variable(name, type as Type);
  }

  declare(...functions: readonly FunctionText[]): void {
    this.functions.push(...functions);
  }

  add(...statements: readonly Statement[]): void {
    this.statements.push(...statements);
  }

  /** What `write` adds, by itself. */
  inside(write: () => void): readonly Statement[] {
    const outer = this.statements;
    const inner: Statement[] = [];
    this.statements = inner;
    write();
    this.statements = outer;
    return inner;
  }

  let(hint: string, value: Operand): Expression {
    const [name, own] = [new Name(hint), expression(value)];
    this.add({ kind: 'let', name, value: own, stays: true });
    return variable(name, own.type);
  }

  var(hint: string, value: Operand): Expression {
    const [name, own] = [new Name(hint), expression(value)];
    this.add({ kind: 'var', name, value: own });
    return variable(name, own.type);
  }

  set(to: Expression, value: Expression, operator: Assignment = '='): void {
    this.add({ kind: 'assign', to, operator, value });
  }

  increase(to: Expression, by: Expression): void {
    this.set(to, by, '+=');
  }

  scale(to: Expression, by: Expression): void {
    this.set(to, by, '*=');
  }

  /** @param turns `from` is 0 and `step` is 1 where they are not given */
  for(
    hint: string,
    turns: { readonly from?: Operand; readonly below: Operand; readonly step?: Operand },
    write: (counter: Expression) => void,
  ): void {
    const { from = 0, below, step = 1 } = turns;
    const counter = new Name(hint);
    const body = this.inside(() => write(variable(counter, 'u32')));
    const loop = { counter, from: expression(from), below: expression(below), step: expression(step) };
    this.add({ kind: 'for', loop, body });
  }

  /** @param from a power of two, or 0: no turn */
  halving(hint: string, from: number, write: (counter: Expression) => void): void {
    const counter = new Name(hint);
    const body = this.inside(() => write(variable(counter, 'u32')));
    this.add({ kind: 'halving', counter, from: u32(from), body });
  }

  if(condition: Expression, write: () => void, otherwise?: () => void): void {
    const body = this.inside(write);
    this.add({ kind: 'if', condition, body, ...(otherwise ? { otherwise: this.inside(otherwise) } : {}) });
  }

  breakIf(condition: Expression): void {
    this.if(condition, () => this.add({ kind: 'break' }));
  }

  returnIf(condition: Expression): void {
    this.if(condition, () => this.return());
  }

  return(value?: Expression): void {
    this.add({ kind: 'return', ...(value ? { value } : {}) });
  }

  /** A call of a function that gives nothing. */
  call(of: Name, ...operands: readonly Operand[]): void {
    this.add({ kind: 'do', value: call(of, operands.map(expression), 'u32') });
  }

  /** All invocations of the workgroup have come so far, and see what the others have written. */
  barrier(): void {
    this.add({ kind: 'do', value: call('workgroupBarrier', [], 'u32') });
  }

  comment(text: string): void {
    this.add({ kind: 'comment', text });
  }
}

/**
 * A function of a module.
 * @param gives undefined: it is called for what it does
 * @param write its statements, of its parameters by name
 */
export function functionOf<P extends Readonly<Record<string, Type>>>(
  name: Name,
  parameters: P,
  gives: Type | undefined,
  write: (body: Body, of: { readonly [N in keyof P]: Expression }) => void,
): FunctionText {
  const own = Object.entries(parameters).map(([hint, type]) => [new Name(hint), type] as const);
  const values = Object.fromEntries(own.map(([parameter, type]) => [parameter.hint, variable(parameter, type)]));
  const body = new Body();
  write(body, values as { readonly [N in keyof P]: Expression });
  return functionText(name, own, gives, body.statements);
}

/** An array in a variable, from its elements or of zeros. */
export function array(element: 'vec4f' | 'f32', elements: readonly Expression[] | number): Expression {
  const count = typeof elements === 'number' ? elements : elements.length;
  const type = `array<${element}, ${count}>` as const;
  return call(type, typeof elements === 'number' ? [] : elements, type);
}
