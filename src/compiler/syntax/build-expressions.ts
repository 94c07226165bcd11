/** The expression half of CST → AST. Binary operators become left-deep trees; `x |> f(a)` becomes f(x, a). */
import type { CstNode, IToken } from 'chevrotain';
import type * as Cst from '../../../grammar/cst.generated.ts';
import { joinSpans, type SourceFile, type Span } from '../diagnostics/span.ts';
import type * as ast from './ast.ts';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

export class Expressions {
  protected readonly source: SourceFile;

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
    let value = this.disjunction(node.children.disjunction[0]!);
    for (const step of node.children.postfix ?? []) {
      const target = this.postfix(step);
      const span = joinSpans(value.span, target.span);
      const first: ast.Argument = { name: undefined, value, span: value.span };
      value =
        target.kind === 'call'
          ? { ...target, arguments: [first, ...target.arguments], piped: true, span }
          : { kind: 'call', callee: target, arguments: [first], piped: true, span };
    }
    return value;
  }

  private disjunction(node: Cst.DisjunctionCstNode): ast.Expression {
    return this.fold(node.children.conjunction, node.children.Kw_or, (item) => this.conjunction(item));
  }

  private conjunction(node: Cst.ConjunctionCstNode): ast.Expression {
    return this.fold(node.children.negation, node.children.Kw_and, (item) => this.negation(item));
  }

  private negation(node: Cst.NegationCstNode): ast.Expression {
    return this.prefixed('not', node.children.Kw_not, this.comparison(node.children.comparison[0]!));
  }

  private comparison(node: Cst.ComparisonCstNode): ast.Expression {
    const { additive, ...operators } = node.children;
    return this.fold(additive, Object.values(operators).flat(), (item) => this.additive(item));
  }

  protected additive(node: Cst.AdditiveCstNode): ast.Expression {
    const { multiplicative, ...operators } = node.children;
    return this.fold(multiplicative, Object.values(operators).flat(), (item) => this.multiplicative(item));
  }

  private multiplicative(node: Cst.MultiplicativeCstNode): ast.Expression {
    const { unary, ...operators } = node.children;
    return this.fold(unary, Object.values(operators).flat(), (item) => this.unary(item));
  }

  private unary(node: Cst.UnaryCstNode): ast.Expression {
    return this.prefixed('-', node.children.Minus, this.power(node.children.power[0]!));
  }

  private power(node: Cst.PowerCstNode): ast.Expression {
    const base = this.postfix(node.children.postfix[0]!);
    if (!node.children.unary) return base;
    const exponent = this.unary(node.children.unary[0]!);
    return { kind: 'binary', operator: '**', left: base, right: exponent, span: this.span(node) };
  }

  private prefixed(
    operator: '-' | 'not',
    tokens: readonly IToken[] | undefined,
    operand: ast.Expression,
  ): ast.Expression {
    let value = operand;
    for (const token of [...(tokens ?? [])].reverse()) {
      value = { kind: 'unary', operator, operand: value, span: joinSpans(this.tokenSpan(token), value.span) };
    }
    return value;
  }

  private fold<N extends CstNode>(
    operands: readonly N[],
    operators: readonly (IToken | undefined)[] | undefined,
    build: (node: N) => ast.Expression,
  ): ast.Expression {
    const sorted = (operators ?? [])
      .filter((token) => token !== undefined)
      .sort((a, b) => a.startOffset - b.startOffset);
    let left = build(operands[0]!);
    sorted.forEach((token, index) => {
      const right = build(operands[index + 1]!);
      const operator = token.image as ast.BinaryOperator;
      left = { kind: 'binary', operator, left, right, span: joinSpans(left.span, right.span) };
    });
    return left;
  }

  private postfix(node: Cst.PostfixCstNode): ast.Expression {
    let value = this.primary(node.children.primary[0]!);
    const { Identifier, arguments: calls, index } = node.children;
    const steps = [...(Identifier ?? []), ...(calls ?? []), ...(index ?? [])].sort((a, b) => startOf(a) - startOf(b));
    for (const step of steps) {
      if (!('children' in step)) {
        const member = this.name(step);
        value = { kind: 'member', object: value, member, span: joinSpans(value.span, member.span) };
        continue;
      }
      const span = joinSpans(value.span, this.span(step));
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
    const { Ellipsis, Colon, additive = [], indexStep } = node.children;
    if (Ellipsis) return { kind: 'rest' };
    if (!Colon) return { kind: 'at', index: this.additive(additive[0]!) };
    const colon = Colon[0]!.startOffset;
    const before = additive.find((item) => item.location!.startOffset < colon);
    const after = additive.find((item) => item.location!.startOffset > colon);
    return {
      kind: 'range',
      from: before ? this.additive(before) : undefined,
      to: after ? this.additive(after) : undefined,
      step: indexStep ? this.additive(indexStep[0]!.children.additive[0]!) : undefined,
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
    if (items.length === 1 && !Comma) return this.expression(items[0]!);
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

function startOf(item: CstNode | IToken): number {
  return 'children' in item ? item.location!.startOffset : item.startOffset;
}
