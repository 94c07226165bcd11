/**
 * What operators apply to. The grammar reads `a + b * c` as one flat list, since a rule for each precedence would be a node
 * for each precedence around every name; here the list becomes a tree, loosest first:
 *
 *   condition    or · and
 *   comparison   not before it · == != <= >= < >
 *   arithmetic   + - · * / % @ · - before it · **, from right to left
 */
import type { CstElement, CstNode, IToken, TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { isToken } from './cst.ts';

/** An operand as the grammar has it, or operators and what they apply to. */
export type Operation = CstNode | Chain | Prefixed;

/** Operands with an operator of one precedence between each two. Two operands for `**` and comparisons. */
export interface Chain {
  readonly kind: 'chain';
  readonly operands: readonly Operation[];
  /** one fewer than operands */
  readonly operators: readonly IToken[];
}

export interface Prefixed {
  readonly kind: 'prefixed';
  /** all `-` or all `not`, in the order of the text */
  readonly operators: readonly IToken[];
  readonly operand: Operation;
}

/** The operation that the children of a condition, a comparison or an arithmetic are, given in the order of the text. */
export function operationOf(children: readonly CstElement[]): Operation {
  const [only] = children;
  return children.length === 1 ? (only as CstNode) : new Reader(children).disjunction();
}

const COMPARISONS = [t.EqualEqual, t.BangEqual, t.LessEqual, t.GreaterEqual, t.Less, t.Greater];

class Reader {
  private readonly children: readonly CstElement[];
  private at = 0;

  constructor(children: readonly CstElement[]) {
    this.children = children;
  }

  disjunction(): Operation {
    return this.chain([t.Or], () => this.conjunction());
  }

  private conjunction(): Operation {
    return this.chain([t.And], () => this.negation());
  }

  private negation(): Operation {
    return this.prefixed(t.Not, () => this.chain(COMPARISONS, () => this.sum()));
  }

  private sum(): Operation {
    return this.chain([t.Plus, t.Minus], () => this.product());
  }

  private product(): Operation {
    return this.chain([t.Star, t.Slash, t.Percent, t.At], () => this.signed());
  }

  private signed(): Operation {
    return this.prefixed(t.Minus, () => this.power());
  }

  private power(): Operation {
    const base = this.children[this.at++] as CstNode;
    const operator = this.take([t.StarStar]);
    return operator ? { kind: 'chain', operands: [base, this.signed()], operators: [operator] } : base;
  }

  private chain(types: readonly TokenType[], operand: () => Operation): Operation {
    const operands = [operand()];
    const operators: IToken[] = [];
    for (let token = this.take(types); token; token = this.take(types)) {
      operators.push(token);
      operands.push(operand());
    }
    return operators.length === 0 ? operands[0]! : { kind: 'chain', operands, operators };
  }

  private prefixed(type: TokenType, operand: () => Operation): Operation {
    const operators: IToken[] = [];
    for (let token = this.take([type]); token; token = this.take([type])) operators.push(token);
    return operators.length === 0 ? operand() : { kind: 'prefixed', operators, operand: operand() };
  }

  /** The next child if it is a token of these types. */
  private take(types: readonly TokenType[]): IToken | undefined {
    const next = this.children[this.at];
    if (next === undefined || !isToken(next) || !types.includes(next.tokenType)) return undefined;
    this.at++;
    return next;
  }
}
