/** Layouts of expressions and of the types of tensors. */
import type { CstElement, CstNode, IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { childrenOf, isToken } from '../syntax/cst.ts';
import { type Chain, type Operation, operationOf } from '../syntax/operators.ts';
import { concat, type Doc, group, indent, line, softline } from './doc.ts';
import { bracketed, type Layout, spaced, tight, type Writer } from './writer.ts';

/** The children beside each other, without blanks. */
export const joined: Layout = (writer, node) => tight(writer, childrenOf(node));
export const beside: Layout = (writer, node) => spaced(writer, childrenOf(node));
const inBrackets: Layout = (writer, node) => bracketed(writer, childrenOf(node));

const operators: Layout = (writer, node) => operation(writer, operationOf(childrenOf(node)));

function operation(writer: Writer, it: Operation): Doc {
  if (!('kind' in it)) return writer.of(it);
  if (it.kind === 'prefixed') {
    const signs = it.operators.map((token) => concat([writer.of(token), token.tokenType === t.Not ? ' ' : '']));
    return concat([...signs, operation(writer, it.operand)]);
  }
  return chain(writer, it);
}

/** `a + b + c`: lines end with the operator, since one that begins with `-` would read like an expression of its own. */
function chain(writer: Writer, { operands, operators: tokens }: Chain): Doc {
  const [first, ...rest] = operands.map((operand) => operation(writer, operand));
  if (tokens[0]!.tokenType === t.StarStar) return concat([first!, ' ', writer.of(tokens[0]!), ' ', ...rest]);
  return group([first!, indent(rest.flatMap((operand, index) => [' ', writer.of(tokens[index]!), line, operand]))]);
}

const pipeline: Layout = (writer, node) => {
  const [first, ...rest] = childrenOf(node);
  if (rest.length === 0) return writer.of(first!);
  const parts: Doc[] = rest.flatMap((child) => (isToken(child) ? [line, writer.of(child), ' '] : [writer.of(child)]));
  return group([writer.of(first!), indent(parts)]);
};

/** `a when b else c when d else e`: each `else` on a line of its own if one is. */
const expression: Layout = (writer, node) => {
  const alternatives: Doc[] = [];
  let word: Doc[] = [];
  for (let rest: CstNode | undefined = node; rest; ) {
    const [value, when, condition, otherwise, next]: CstElement[] = childrenOf(rest);
    if (!when) alternatives.push(concat([...word, writer.of(value!)]));
    else {
      const test = indent([line, writer.of(when), ' ', writer.of(condition!)]);
      alternatives.push(concat([...word, group([writer.of(value!), test])]));
    }
    word = otherwise ? [writer.of(otherwise), ' '] : [];
    rest = next as CstNode | undefined;
  }
  const [first, ...others] = alternatives;
  if (others.length === 0) return first!;
  return group([first!, indent(others.flatMap((other) => [line, other]))]);
};

const list: Layout = (writer, node) => {
  const children = childrenOf(node);
  const filter = node.children.Kw_if?.[0];
  if (!node.children.Kw_for) return bracketed(writer, children);
  const at = (type: IToken['tokenType']): number =>
    children.findIndex((child) => isToken(child) && child.tokenType === type);
  const [loop, condition] = [at(t.For), filter ? at(t.If) : -1];
  const close = children.at(-1) as IToken;
  const over = children.slice(loop, condition < 0 ? -1 : condition);
  const parts: Doc[] = [writer.of(children[1]!), line, spaced(writer, over)];
  if (condition >= 0) parts.push(line, spaced(writer, children.slice(condition, -1)));
  return writer.bracketed(children[0]!, [group(parts)], close);
};

const resultType: Layout = (writer, node) =>
  node.children.LParen ? bracketed(writer, childrenOf(node), softline) : joined(writer, node);

export const EXPRESSIONS = {
  expression,
  pipeline,
  condition: operators,
  comparison: operators,
  arithmetic: operators,
  postfix: joined,
  arguments: inBrackets,
  argument: beside,
  index: inBrackets,
  indexItem: joined,
  indexStep: joined,
  primary: joined,
  list,
  parenthesised: inBrackets,
  signature: beside,
  parameters: inBrackets,
  parameter: beside,
  resultType,
  namedType: beside,
  tensorType: joined,
  dimensions: inBrackets,
  dimension: joined,
  pathPattern: joined,
  pathSegment: joined,
  pathPiece: joined,
  // `{i}`, `{rest...}`: a name of a layout's rule
  pathAlternatives: (writer, node) => (node.children.Comma ? inBrackets : joined)(writer, node),
  pathIndex: joined,
} satisfies Record<string, Layout>;
