/** Layouts of declarations, members, statements, stages and layouts of checkpoints. */
import type { CstElement, CstNode, IToken } from 'chevrotain';
import type { ICstNodeVisitor } from '../../../grammar/cst.generated.ts';
import * as t from '../../../grammar/tokens.ts';
import { childrenOf, isToken } from '../syntax/cst.ts';
import { alignMembers } from './align.ts';
import { commaOrLine, concat, type Doc, fill, group, indent, line } from './doc.ts';
import { beside, EXPRESSIONS, joined } from './expressions.ts';
import { takesLines } from './print.ts';
import { bracketed, elementsOf, endLineOf, firstToken, type Item, type Layout, spaced, type Writer } from './writer.ts';

/** The rules of the grammar; chevrotain's own visitor has two methods more. */
type RuleName = Exclude<keyof ICstNodeVisitor<unknown, unknown>, 'visit' | 'validateVisitor'>;

const isNode = (child: CstElement): child is CstNode => !isToken(child);

/** `import { a, b } from "…"` */
const importDeclaration: Layout = (writer, node) => {
  const children = childrenOf(node);
  const end = children.findIndex((child) => isToken(child) && child.tokenType === t.RBrace);
  const names = bracketed(writer, children.slice(1, end + 1), line);
  return concat([writer.of(children[0]!), ' ', names, ' ', spaced(writer, children.slice(end + 1))]);
};

/**
 * `{ a = 1, b = 2 }`: on one line if it is in the text, else on the lines that it has there. Fields that are on a line
 * belong together, which no rule can know; a line that is too long continues on the next.
 */
function record(writer: Writer, children: readonly CstElement[]): Doc {
  const [open, close] = [children[0] as IToken, children.at(-1) as IToken];
  const elements = elementsOf(children.slice(1, -1));
  let previous: CstElement = open;
  let oneLine = true;
  const lines: { items: Item[]; docs: Doc[] }[] = [];
  for (const { node, commas } of elements) {
    const item = writer.item(node as CstNode);
    const follows = !item.commented && firstToken(node).startLine === endLineOf(previous);
    oneLine &&= follows;
    if (lines.length === 0 || !follows) lines.push({ items: [], docs: [] });
    const { items, docs } = lines.at(-1)!;
    docs.push(concat([items.length === 0 ? item.doc : item.own, writer.commas(commas, false)]));
    items.push(item);
    previous = commas.at(-1) ?? node;
  }
  const filled = lines.map(({ items, docs }): Item => ({ ...items[0]!, doc: fill(docs, commaOrLine) }));
  if (!oneLine || close.startLine !== endLineOf(previous) || filled.length !== 1)
    return writer.block(open, filled, close);
  return group([writer.of(open), indent([line, filled[0]!.doc]), line, writer.of(close)]);
}

const configRecord: Layout = (writer, node) => record(writer, childrenOf(node));

const recipeDeclaration: Layout = (writer, node) => {
  const [word, name, ...rest] = childrenOf(node);
  return concat([writer.of(word!), ' ', writer.of(name!), ' ', record(writer, rest)]);
};

/** `adapt PATTERN, … with …`, `quantise PATTERN, … as …` */
const onPatterns: Layout = (writer, node) => {
  const children = childrenOf(node);
  const after = new Set<unknown>([t.With, t.As]);
  const at = children.findIndex((child) => isToken(child) && after.has(child.tokenType));
  const patterns = fill(writer.listed(elementsOf(children.slice(1, at))));
  return group([writer.of(children[0]!), ' ', indent([patterns, line, spaced(writer, children.slice(at))])]);
};

const moduleBody: Layout = (writer, node) => {
  const children = childrenOf(node);
  const members = children.filter(isNode);
  alignMembers(writer, members);
  const items = members.map((member) => writer.item(member, childrenOf(member)[0]));
  const tall = new Set(items.filter((item) => BODIES.has(childOf(item).name) && takesLines(item.own, 2)));
  return writer.block(children[0] as IToken, items, children.at(-1) as IToken, (a, b) => tall.has(a) || tall.has(b));
};

/** Members with a body. */
const BODIES = new Set(['forwardMember', 'entryMember', 'functionDeclaration']);

function childOf({ node }: Item): CstNode {
  return childrenOf(node)[0] as CstNode;
}

/** `param a: [d] = init key "…" resample f()`: the clauses each on a line if one is. */
const member: Layout = (writer, node) => {
  const children = childrenOf(node);
  const end = children.findIndex((child) =>
    isToken(child) ? child.tokenType === t.Resample : child.name === 'keyClause',
  );
  if (end < 0) return spaced(writer, children);
  const clauses: Doc[] = [];
  for (const child of children.slice(end)) {
    const begins = isToken(child) || child.name === 'keyClause';
    clauses.push(begins ? line : ' ', writer.of(child));
  }
  return group([spaced(writer, children.slice(0, end)), indent(clauses)]);
};

const stageDeclaration: Layout = (writer, node) => {
  const children = childrenOf(node);
  const [word, name, open] = children;
  const clauses = children.filter(isNode).map((clause) => writer.item(clause));
  const body = writer.block(open as IToken, clauses, children.at(-1) as IToken);
  return concat([writer.of(word!), ' ', writer.of(name!), ' ', body]);
};

const stageClause: Layout = (writer, node) => {
  const [word, ...rest] = childrenOf(node);
  if (!node.children.pathPattern) return spaced(writer, [word!, ...rest]);
  return concat([writer.of(word!), ' ', indent([fill(writer.listed(elementsOf(rest)))])]);
};

const layoutDeclaration: Layout = (writer, node) => {
  const children = childrenOf(node);
  const at = children.findIndex((child) => isToken(child) && child.tokenType === t.LBrace);
  const clauses = children.filter(isNode).map((clause) => writer.item(clause));
  const body = writer.block(children[at] as IToken, clauses, children.at(-1) as IToken);
  return concat([spaced(writer, children.slice(0, at)), ' ', body]);
};

const layoutClause: Layout = (writer, node) => {
  const [word, ...rest] = childrenOf(node);
  if (node.children.layoutRule) return joined(writer, node);
  return concat([writer.of(word!), ' ', indent([fill(writer.listed(elementsOf(rest)))])]);
};

/** `"a.{i}" | "b.{i}" -> c[i] by rearrange("…")`: what turns it on a line of its own where it does not fit. */
const layoutRule: Layout = (writer, node) => {
  const children = childrenOf(node);
  const by = children.findIndex((child) => isToken(child) && child.tokenType === t.By);
  if (by < 0) return spaced(writer, children);
  return group([spaced(writer, children.slice(0, by)), indent([line, spaced(writer, children.slice(by))])]);
};

/** A header and its block, which is on the header's line if it is in the text and all of it fits. */
const withBlock: Layout = (writer, node) => {
  const children = childrenOf(node);
  const clause = children.find((child) => isNode(child) && child.name === 'backwardClause');
  if (!clause) return group([spaced(writer, children)]);
  return concat([group([spaced(writer, children.slice(0, -1))]), ' ', writer.of(clause)]);
};

/** `backward estimator(dy) -> (x, scale) { … }` */
const backwardClause: Layout = (writer, node) => {
  const children = childrenOf(node);
  const tight = (before: CstElement, after: CstElement): boolean => {
    if (!isToken(after)) return false;
    if (after.tokenType === t.RParen || after.tokenType === t.Comma) return true;
    if (!isToken(before)) return false;
    return before.tokenType === t.LParen || (after.tokenType === t.LParen && before.tokenType !== t.Arrow);
  };
  const parts = children.flatMap((child, index): Doc[] => {
    const before = children[index - 1];
    return !before || tight(before, child) ? [writer.of(child)] : [' ', writer.of(child)];
  });
  return group(parts);
};

const block: Layout = (writer, node) => {
  const children = childrenOf(node);
  const [open, close] = [children[0] as IToken, children.at(-1) as IToken];
  const statements = children.filter(isNode).map((statement) => writer.item(statement));
  const first = statements[0];
  const inline =
    statements.length === 1 && first && !first.commented && firstToken(first.node).startLine === open.endLine;
  if (!inline || writer.commentsAt(close.startOffset).above.length > 0) return writer.block(open, statements, close);
  // no group of its own: its lines are those of the header's group
  return concat([writer.of(open), indent([line, first.own]), line, writer.of(close)]);
};

/** `if a { … } else if b { … } else { … }`: all of it is one group. */
const ifStatement: Layout = (writer, node) => group([chain(writer, node)]);

function chain(writer: Writer, node: CstNode): Doc {
  const parts = childrenOf(node).map((child) =>
    isNode(child) && child.name === 'ifStatement' ? chain(writer, child) : writer.of(child),
  );
  return concat(parts.flatMap((part, index) => (index === 0 ? [part] : [' ', part])));
}

/** How each rule of the grammar is laid out. */
export const LAYOUTS: Readonly<Record<RuleName, Layout>> = {
  ...EXPRESSIONS,
  file: joined,
  declaration: joined,
  importDeclaration,
  importName: beside,
  flagDeclaration: beside,
  configDeclaration: beside,
  configRecord,
  configField: beside,
  functionDeclaration: withBlock,
  moduleDeclaration: beside,
  modelDeclaration: beside,
  adapterDeclaration: beside,
  adaptDeclaration: onPatterns,
  quantiseDeclaration: onPatterns,
  moduleBody,
  member: joined,
  letMember: beside,
  paramMember: member,
  bufferMember: member,
  submoduleMember: member,
  keyClause: beside,
  forwardMember: withBlock,
  backwardClause,
  entryMember: withBlock,
  mergeMember: beside,
  recipeDeclaration,
  recipeSetting: beside,
  layoutDeclaration,
  layoutClause,
  layoutRule,
  layoutOperand: beside,
  stageDeclaration,
  stageClause,
  block,
  statement: joined,
  letStatement: beside,
  assignStatement: beside,
  updateStatement: beside,
  forStatement: withBlock,
  ifStatement,
};
