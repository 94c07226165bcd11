/** Expressions of MDL as data, and their text: parentheses where the grammar needs them, pipelines where calls nest. */

export type Expression =
  | { readonly kind: 'atom'; readonly text: string }
  /** `-1.0`, which an operator beside it takes in parentheses */
  | { readonly kind: 'negative'; readonly text: string }
  | {
      readonly kind: 'call';
      readonly callee: string;
      readonly operands: readonly Expression[];
      readonly named: readonly string[];
    }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'infix'; readonly operator: Operator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'prefix'; readonly operator: '-' | 'not'; readonly operand: Expression }
  | { readonly kind: 'index'; readonly object: Expression; readonly items: readonly string[] };

export type Operator = keyof typeof BINDING;

/** How strongly operators bind; 10 is a name or a call. */
const BINDING = { or: 2, and: 3, '==': 5, '!=': 5, '<': 5, '<=': 5, '+': 6, '-': 6, '*': 7, '/': 7, '@': 7 } as const;
const PREFIX = { not: 4, '-': 8 } as const;
const WHOLE = 10;

export const atom = (text: string): Expression => ({ kind: 'atom', text });

export function call(callee: string, operands: readonly Expression[], named: readonly string[] = []): Expression {
  return { kind: 'call', callee, operands, named };
}

function bindingOf(expression: Expression): number {
  switch (expression.kind) {
    case 'infix':
      return BINDING[expression.operator];
    case 'prefix':
      return PREFIX[expression.operator];
    case 'negative':
      return PREFIX['-'];
    default:
      return WHOLE;
  }
}

const within = (expression: Expression, least: number): string =>
  bindingOf(expression) < least ? `(${print(expression)})` : print(expression);

export function print(expression: Expression): string {
  switch (expression.kind) {
    case 'atom':
    case 'negative':
      return expression.text;
    case 'list':
      return `[${expression.items.map(print).join(', ')}]`;
    case 'call':
      return `${expression.callee}(${[...expression.operands.map(print), ...expression.named].join(', ')})`;
    case 'index':
      return `${within(expression.object, WHOLE)}[${expression.items.join(', ')}]`;
    case 'prefix':
      return `${expression.operator === 'not' ? 'not ' : '-'}${within(expression.operand, PREFIX[expression.operator] + 1)}`;
    case 'infix': {
      const binding = BINDING[expression.operator];
      // comparisons do not chain, the others do to the left
      const left = within(expression.left, binding === 5 ? 6 : binding);
      return `${left} ${expression.operator} ${within(expression.right, binding + 1)}`;
    }
  }
}

/** As the value of a statement: calls of calls are a pipeline. */
export function printStatement(expression: Expression): string {
  const stages: string[] = [];
  let base = expression;
  while (base.kind === 'call' && base.operands.length > 0 && base.operands[0]!.kind !== 'list') {
    const [first, ...rest] = base.operands as readonly [Expression, ...Expression[]];
    const more = [...rest.map(print), ...base.named];
    stages.unshift(more.length === 0 ? base.callee : `${base.callee}(${more.join(', ')})`);
    base = first;
  }
  if (stages.length < 2) return shielded(print(expression));
  return shielded([within(base, 2), ...stages].join(' |> '));
}

/** A statement may not begin with a minus. */
const shielded = (text: string): string => (text.startsWith('-') ? `(${text})` : text);
