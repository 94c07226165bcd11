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
import { code, type Wgsl, wgsl } from './wgsl.ts';

export interface Loop {
  readonly counter: Name;
  readonly from: Expression;
  readonly below: Expression;
  readonly step: Expression;
}

/** A name that does not change, and is left out where nothing reads it. */
type Let = { readonly kind: 'let'; readonly name: Name; readonly value: Expression };

export type Statement =
  | Let
  | { readonly kind: 'var'; readonly name: Name; readonly value: Expression }
  | { readonly kind: 'assign'; readonly to: Expression; readonly operator: '=' | '+='; readonly value: Expression }
  | { readonly kind: 'return'; readonly value: Expression }
  | { readonly kind: 'if'; readonly condition: Expression; readonly body: readonly Statement[] }
  | { readonly kind: 'for'; readonly loop: Loop; readonly body: readonly Statement[] };

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
    case 'for':
      return [];
    default:
      return [statement.value];
  }
}

function withComputed<S extends Statement>(statement: S, change: (of: Expression) => Expression): S {
  switch (statement.kind) {
    case 'if':
      return { ...statement, condition: change(statement.condition) };
    case 'assign':
      return { ...statement, to: change(statement.to), value: change(statement.value) };
    case 'for':
      return statement;
    default:
      return { ...statement, value: change(statement.value) };
  }
}

/** Without names that nothing reads. @param reads of what follows; those of what is left are added */
function live(statements: readonly Statement[], reads: Reads): readonly Statement[] {
  const kept: Statement[] = [];
  for (const statement of statements.toReversed()) {
    if (statement.kind === 'let' && !reads.has(statement.name.hint)) continue;
    kept.push('body' in statement ? { ...statement, body: live(statement.body, reads) } : statement);
    for (const of of computedBy(statement)) countReads(of, reads);
    if (statement.kind !== 'for') continue;
    // these are computed in each turn
    for (const of of [statement.loop.from, statement.loop.below, statement.loop.step]) countReads(of, reads);
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
function inlined(statements: readonly Statement[], reads: Reads): readonly Statement[] {
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
      const once = reads.get(hint) === 1 && inBlock.get(hint) === 1 && isMovable(whole.value);
      if (once) waiting.set(hint, whole);
      else made.push(whole);
      continue;
    }
    if (whole.kind !== 'var') settle();
    made.push('body' in whole ? { ...whole, body: inlined(whole.body, reads) } : whole);
  }
  settle();
  return made;
}

function printed(statement: Statement, indent: string): Wgsl[] {
  const line = (text: Wgsl): Wgsl[] => [wgsl`${indent}${text}`];
  const around = (header: Wgsl, body: readonly Statement[]): Wgsl[] => {
    const inside = body.flatMap((own) => printed(own, `${indent}  `));
    return [...line(wgsl`${header} {`), ...inside, ...line(wgsl`}`)];
  };
  switch (statement.kind) {
    case 'let':
    case 'var':
      return line(wgsl`${statement.kind} ${statement.name} = ${code(statement.value)};`);
    case 'assign':
      return line(wgsl`${statement.to} ${statement.operator} ${code(statement.value)};`);
    case 'return':
      return line(wgsl`return ${code(statement.value)};`);
    case 'if':
      return around(wgsl`if (${code(statement.condition)})`, statement.body);
    case 'for': {
      const { counter, from, below, step } = statement.loop;
      const next = numberOf(step) === 1 ? wgsl`${counter}++` : wgsl`${counter} += ${code(step)}`;
      const inside = code(binary('<', variable(counter, 'u32'), below));
      return around(wgsl`for (var ${counter} = ${code(from)}; ${inside}; ${next})`, statement.body);
    }
  }
}

/** @param after stands behind them, and may read some of their names */
export function printStatements(statements: readonly Statement[], indent: string, after?: Expression): Wgsl[] {
  const reads: Reads = new Map();
  // twice: it is no statement that an expression can be put into
  for (const of of after ? [after, after] : []) countReads(of, reads);
  return inlined(live(statements, reads), reads).flatMap((statement) => printed(statement, indent));
}
