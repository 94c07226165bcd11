/**
 * Statements of a kernel as data, and the one place that prints them. A block names what its rules make, each once; a name that
 * is read once is not printed, and its expression stands where it is read:
 *
 *     let v0 = x[i] - mean;
 *     let v1 = v0 * scale;         y[i] = (x[i] - mean) * scale + bias[c];
 *     y[i] = v1 + bias[c];
 */
import { binary, type Expression, mentions, numberOf, replaced, variable } from './expression.ts';
import { libraryFunction } from './library.ts';
import type { Name } from './name.ts';
import { code, type FunctionText, joined, trimmed, type Wgsl, wgsl } from './wgsl.ts';

export interface Loop {
  readonly counter: Name;
  readonly from: Expression;
  readonly below: Expression;
  readonly step: Expression;
}

/** A name that does not change. One that a template gives stays where it is; others are left out where nothing reads them. */
type Let = { readonly kind: 'let'; readonly name: Name; readonly value: Expression; readonly stays?: true };

export type Statements = readonly Statement[];

export type Statement =
  | Let
  | { readonly kind: 'var'; readonly name: Name; readonly value: Expression }
  | { readonly kind: 'assign'; readonly to: Expression; readonly operator: Assignment; readonly value: Expression }
  /** a call for what it does */
  | { readonly kind: 'do'; readonly value: Expression }
  | { readonly kind: 'return'; readonly value?: Expression }
  | { readonly kind: 'break' }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'if'; readonly condition: Expression; readonly body: Statements; readonly otherwise?: Statements }
  | { readonly kind: 'for'; readonly loop: Loop; readonly body: Statements }
  /** `from`, half of it, half of that … and 1 */
  | { readonly kind: 'halving'; readonly counter: Name; readonly from: Expression; readonly body: Statements };

export type Assignment = '=' | '+=' | '-=' | '*=';

/** How often names are read, by their hints. */
type Reads = Map<string, number>;

function countReads(of: Expression, reads: Reads): void {
  mentions(of, ({ hint }) => {
    reads.set(hint, (reads.get(hint) ?? 0) + 1);
    return false;
  });
}

/** What a statement computes itself, once. */
function computedBy(statement: Statement): readonly Expression[] {
  switch (statement.kind) {
    case 'if':
      return [statement.condition];
    case 'assign':
      return [statement.to, statement.value];
    case 'let':
    case 'var':
    case 'do':
      return [statement.value];
    case 'return':
      return statement.value ? [statement.value] : [];
    default:
      return [];
  }
}

function withComputed<S extends Statement>(statement: S, change: (of: Expression) => Expression): S {
  switch (statement.kind) {
    case 'if':
      return { ...statement, condition: change(statement.condition) };
    case 'assign':
      return { ...statement, to: change(statement.to), value: change(statement.value) };
    case 'let':
    case 'var':
    case 'do':
      return { ...statement, value: change(statement.value) };
    case 'return':
      return statement.value ? { ...statement, value: change(statement.value) } : statement;
    default:
      return statement;
  }
}

/** What a loop computes in each of its turns. */
function computedInTurns(statement: Statement): readonly Expression[] {
  if (statement.kind === 'halving') return [statement.from];
  return statement.kind === 'for' ? [statement.loop.from, statement.loop.below, statement.loop.step] : [];
}

/** With its own blocks changed. */
function withBodies(statement: Statement, change: (of: Statements) => Statements): Statement {
  if (!('body' in statement)) return statement;
  const made = { ...statement, body: change(statement.body) };
  return made.kind === 'if' && made.otherwise ? { ...made, otherwise: change(made.otherwise) } : made;
}

/** Without names that nothing reads. @param reads of what follows; those of what is left are added */
function live(statements: Statements, reads: Reads): Statements {
  const kept: Statement[] = [];
  for (const statement of statements.toReversed()) {
    if (statement.kind === 'let' && !statement.stays && !reads.has(statement.name.hint)) continue;
    kept.push(withBodies(statement, (body) => live(body, reads)));
    for (const of of [...computedBy(statement), ...computedInTurns(statement)]) countReads(of, reads);
  }
  return kept.reverse();
}

/** Characters of an expression up to which others are put into it. */
const LONGEST = 100;

/** Functions of the module may have barriers, and are called where they stand. */
const isMovable = (of: Expression): boolean => !mentions(of, (name, called) => called && !libraryFunction(name));

/**
 * With expressions of names that are read once, by a later statement of the same block, in their place. Nothing is moved past
 * what may write what it reads.
 */
function inlined(statements: Statements, reads: Reads): Statements {
  const inBlock: Reads = new Map();
  for (const statement of statements) for (const of of computedBy(statement)) countReads(of, inBlock);
  const made: Statement[] = [];
  const waiting = new Map<string, Let>();
  const settle = (): void => {
    made.push(...waiting.values());
    waiting.clear();
  };
  const filled = (statement: Statement): Statement => {
    const found = new Map<string, Expression>();
    let length = computedBy(statement).reduce((sum, { key }) => sum + key.length, 0);
    for (const [hint, own] of waiting) {
      if (!computedBy(statement).some((of) => mentions(of, (name) => name.hint === hint))) continue;
      waiting.delete(hint);
      length += own.value.key.length;
      if (length <= LONGEST) found.set(hint, own.value);
      else made.push(own);
    }
    return found.size === 0 ? statement : withComputed(statement, (of) => replaced(of, found));
  };
  for (const statement of statements) {
    const whole = filled(statement);
    if (whole.kind === 'let') {
      const { hint } = whole.name;
      const once = !whole.stays && reads.get(hint) === 1 && inBlock.get(hint) === 1 && isMovable(whole.value);
      if (once) waiting.set(hint, whole);
      else made.push(whole);
      continue;
    }
    if (whole.kind !== 'var') settle();
    made.push(withBodies(whole, (body) => inlined(body, reads)));
  }
  settle();
  return made;
}

function printed(statement: Statement, indent: string): Wgsl[] {
  const line = (text: Wgsl): Wgsl[] => [wgsl`${indent}${text}`];
  const inside = (body: Statements): Wgsl[] => body.flatMap((own) => printed(own, `${indent}  `));
  const around = (header: Wgsl, body: Statements): Wgsl[] => {
    return [...line(wgsl`${header} {`), ...inside(body), ...line(wgsl`}`)];
  };
  switch (statement.kind) {
    case 'let':
    case 'var':
      return line(wgsl`${statement.kind} ${statement.name} = ${code(statement.value)};`);
    case 'assign':
      return line(wgsl`${statement.to} ${statement.operator} ${code(statement.value)};`);
    case 'do':
      return line(wgsl`${code(statement.value)};`);
    case 'return':
      return line(statement.value ? wgsl`return ${code(statement.value)};` : wgsl`return;`);
    case 'break':
      return line(wgsl`break;`);
    case 'comment':
      return line(wgsl`// ${statement.text}`);
    case 'if':
      return printedIf(statement, around);
    case 'for': {
      const { counter, from, below, step } = statement.loop;
      const next = numberOf(step) === 1 ? wgsl`${counter}++` : wgsl`${counter} += ${code(step)}`;
      const goesOn = code(binary('<', variable(counter, 'u32'), below));
      return around(wgsl`for (var ${counter} = ${code(from)}; ${goesOn}; ${next})`, statement.body);
    }
    case 'halving': {
      const { counter, from, body } = statement;
      return around(wgsl`for (var ${counter} = ${code(from)}; ${counter} > 0u; ${counter} >>= 1u)`, body);
    }
  }
}

/** A guard is one line. */
function printedIf(
  { condition, body, otherwise }: Statement & { readonly kind: 'if' },
  around: (header: Wgsl, body: Statements) => Wgsl[],
): Wgsl[] {
  const header = wgsl`if (${code(condition)})`;
  const [first, ...others] = around(header, body) as [Wgsl, ...Wgsl[]];
  const isGuard = body.length === 1 && !otherwise && (body[0]!.kind === 'break' || body[0]!.kind === 'return');
  if (isGuard) return [joined([first, ...others.map(trimmed)], ' ')];
  if (!otherwise) return [first, ...others];
  const [start, ...rest] = around(wgsl`else`, otherwise) as [Wgsl, ...Wgsl[]];
  return [first, ...others.slice(0, -1), wgsl`${others.at(-1)!} ${trimmed(start)}`, ...rest];
}

/** @param after stands behind them, and may read some of their names */
export function printStatements(statements: Statements, indent: string, after?: Expression): Wgsl[] {
  const reads: Reads = new Map();
  // twice: it is no statement that an expression can be put into
  for (const of of after ? [after, after] : []) countReads(of, reads);
  return inlined(live(statements, reads), reads).flatMap((statement) => printed(statement, indent));
}

/** A function of a module, with names as its parameters have them. @param gives undefined: it is called for what it does */
export function functionText(
  name: Name,
  parameters: readonly (readonly [name: Name, type: string])[],
  gives: string | undefined,
  statements: Statements,
): FunctionText {
  const list = joined(
    parameters.map(([parameter, type]) => wgsl`${parameter}: ${type}`),
    ', ',
  );
  const body = joined(printStatements(statements, '  '), '\n');
  return { name, text: wgsl`fn ${name}(${list})${gives === undefined ? '' : ` -> ${gives}`} {\n${body}\n}` };
}
