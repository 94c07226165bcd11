/** The expression half of CST → AST. Binary operators become left-deep trees; `x |> f(a)` becomes f(x, a). */
import type { CstNode, IToken } from 'chevrotain';
import type * as Cst from '../../../grammar/cst.generated.ts';
import { joinSpans, type SourceFile, type Span } from '../diagnostics/span.ts';
import type * as ast from './ast.ts';
import { childrenOf, isToken, startOf } from './cst.ts';
import { type Operation, operationOf } from './operators.ts';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** What operators apply to, in the grammar. */
type Operand = Cst.ConditionCstNode | Cst.ComparisonCstNode | Cst.ArithmeticCstNode | Cst.PostfixCstNode;

export class Expressions {
  protected readonly source: SourceFile;
  /** of what stands in parentheses, with them: what is built around it spans them too */
  private readonly inParentheses = new WeakMap<ast.Expression, Span>();

  constructor(source: SourceFile) {
    this.source = source;
  }

  protected span(node: CstNode): Span {
    const { startOffset, endOffset } = node.location!;
    return { source: this.source, start: startOffset, end: (endOffset ?? startOffset) + 1 };
  }

  protected tokenSpan(token: IToken): Span {
    return { source: this.source, start: token.startOffset, end: (token.endOffset ?? token.startOffset) + 1 };
  }

  /** The text of an operand, its parentheses among it. */
  private extent(value: ast.Expression): Span {
    return this.inParentheses.get(value) ?? value.span;
  }

  protected name(token: IToken): ast.Name {
    return { text: token.image, span: this.tokenSpan(token) };
  }

  protected string(token: IToken): ast.StringExpression {
    const value = token.image.slice(1, -1).replace(/\\(.)/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
    return { kind: 'string', value, span: this.tokenSpan(token) };
  }

  protected expression(node: Cst.ExpressionCstNode): ast.Expression {
    const [value, condition] = node.children.pipeline;
    const left = this.pipeline(value!);
    if (!condition) return left;
    const otherwise = node.children.expression ? this.expression(node.children.expression[0]!) : undefined;
    return { kind: 'when', value: left, condition: this.pipeline(condition), otherwise, span: this.span(node) };
  }

  private pipeline(node: Cst.PipelineCstNode): ast.Expression {
    let value = this.operand(node.children.condition[0]!);
    for (const step of node.children.postfix ?? []) {
      const target = this.postfix(step);
      const span = joinSpans(this.extent(value), this.extent(target));
      const first: ast.Argument = { name: undefined, value, span: this.extent(value) };
      value =
        target.kind === 'call'
          ? { ...target, arguments: [first, ...target.arguments], piped: true, span }
          : { kind: 'call', callee: target, arguments: [first], piped: true, span };
    }
    return value;
  }

  protected arithmetic(node: Cst.ArithmeticCstNode): ast.Expression {
    return this.operation(operationOf(childrenOf(node)));
  }

  private operation(operation: Operation): ast.Expression {
    if (!('kind' in operation)) return this.operand(operation as Operand);
    if (operation.kind === 'prefixed') {
      let value = this.operation(operation.operand);
      for (const token of operation.operators.toReversed()) {
        const operator = token.image as '-' | 'not';
        value = { kind: 'unary', operator, operand: value, span: joinSpans(this.tokenSpan(token), this.extent(value)) };
      }
      return value;
    }
    const [first, ...rest] = operation.operands;
    let left = this.operation(first!);
    rest.forEach((operand, index) => {
      const right = this.operation(operand);
      const operator = operation.operators[index]!.image as ast.BinaryOperator;
      left = { kind: 'binary', operator, left, right, span: joinSpans(this.extent(left), this.extent(right)) };
    });
    return left;
  }

  private operand(node: Operand): ast.Expression {
    return node.name === 'postfix' ? this.postfix(node) : this.operation(operationOf(childrenOf(node)));
  }

  private postfix(node: Cst.PostfixCstNode): ast.Expression {
    let value = this.primary(node.children.primary[0]!);
    const { Identifier, arguments: calls, index } = node.children;
    if (!Identifier && !calls && !index) return value;
    const steps = [...(Identifier ?? []), ...(calls ?? []), ...(index ?? [])].sort((a, b) => startOf(a) - startOf(b));
    for (const step of steps) {
      if (isToken(step)) {
        const member = this.name(step);
        value = { kind: 'member', object: value, member, span: joinSpans(this.extent(value), member.span) };
        continue;
      }
      const span = joinSpans(this.extent(value), this.span(step));
      if (step.name === 'arguments') {
        value = { kind: 'call', callee: value, arguments: this.arguments(step), piped: false, span };
      } else {
        value = {
          kind: 'index',
          object: value,
          items: step.children.indexItem.map((item) => this.indexItem(item)),
          span,
        };
      }
    }
    return value;
  }

  protected arguments(node: Cst.ArgumentsCstNode): ast.Argument[] {
    return (node.children.argument ?? []).map((item) => ({
      name: item.children.Identifier ? this.name(item.children.Identifier[0]!) : undefined,
      value: this.expression(item.children.expression[0]!),
      span: this.span(item),
    }));
  }

  private indexItem(node: Cst.IndexItemCstNode): ast.IndexItem {
    const { Ellipsis, Colon, arithmetic = [], indexStep } = node.children;
    if (Ellipsis) return { kind: 'rest' };
    if (!Colon) return { kind: 'at', index: this.arithmetic(arithmetic[0]!) };
    const colon = Colon[0]!.startOffset;
    const before = arithmetic.find((item) => item.location!.startOffset < colon);
    const after = arithmetic.find((item) => item.location!.startOffset > colon);
    return {
      kind: 'range',
      from: before ? this.arithmetic(before) : undefined,
      to: after ? this.arithmetic(after) : undefined,
      step: indexStep ? this.arithmetic(indexStep[0]!.children.arithmetic[0]!) : undefined,
    };
  }

  private primary(node: Cst.PrimaryCstNode): ast.Expression {
    const c = node.children;
    const span = this.span(node);
    if (c.FloatLiteral) return { kind: 'float', value: numberOf(c.FloatLiteral[0]!), span };
    if (c.IntLiteral) return { kind: 'int', value: numberOf(c.IntLiteral[0]!), span };
    if (c.StringLiteral) return this.string(c.StringLiteral[0]!);
    if (c.Kw_true) return { kind: 'bool', value: true, span };
    if (c.Kw_false) return { kind: 'bool', value: false, span };
    if (c.Kw_none) return { kind: 'none', span };
    if (c.Identifier) return { kind: 'name', text: c.Identifier[0]!.image, span };
    if (c.list) return this.list(c.list[0]!);
    const { expression: items = [], Comma } = c.parenthesised![0]!.children;
    if (items.length === 1 && !Comma) {
      const inner = this.expression(items[0]!);
      this.inParentheses.set(inner, span);
      return inner;
    }
    return { kind: 'tuple', items: items.map((item) => this.expression(item)), span };
  }

  private list(node: Cst.ListCstNode): ast.Expression {
    const { expression: items = [], Identifier, Kw_if } = node.children;
    const span = this.span(node);
    if (!Identifier) return { kind: 'list', items: items.map((item) => this.expression(item)), span };
    return {
      kind: 'comprehension',
      item: this.expression(items[0]!),
      names: Identifier.map((token) => this.name(token)),
      over: this.expression(items[1]!),
      filter: Kw_if ? this.expression(items[2]!) : undefined,
      span,
    };
  }
}

function numberOf(token: IToken): number {
  return Number(token.image.replaceAll('_', ''));
}
