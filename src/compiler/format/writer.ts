/** What all layouts are made of: tokens with their comments, lists in brackets, items that stand below each other. */
import type { CstElement, CstNode, IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { childrenOf, isToken, startOf } from '../syntax/cst.ts';
import { type Attached, NO_COMMENTS } from './comments.ts';
import { blankLine, broken, concat, type Doc, fill, group, hardline, indent, type Line, softline } from './doc.ts';

/** What stands alone on its lines: a declaration, a member, a statement. */
export interface Item {
  readonly node: CstNode;
  /** the comments and doc comments above it, and itself */
  readonly doc: Doc;
  /** without what is above it */
  readonly own: Doc;
  /** comments or doc comments are above it */
  readonly commented: boolean;
  /** an empty line is above all of it */
  readonly blank: boolean;
}

/** An element of a list and the commas after it. */
export interface Element {
  readonly node: CstElement;
  readonly commas: readonly IToken[];
}

export type Layout = (writer: Writer, node: CstNode) => Doc;

export function endLineOf(element: CstElement): number {
  let last = element;
  while (!isToken(last)) last = childrenOf(last).at(-1)!;
  return last.endLine!;
}

export function firstToken(element: CstElement): IToken {
  let first = element;
  while (!isToken(first)) first = childrenOf(first)[0]!;
  return first;
}

/** The doc comments of a declaration, a member, a field or a clause. */
export function docsOf(node: CstNode): readonly IToken[] {
  return (node.children.DocComment ?? []) as IToken[];
}

/** Elements of a list without its brackets. */
export function elementsOf(children: readonly CstElement[]): Element[] {
  const elements: { node: CstElement; commas: IToken[] }[] = [];
  for (const child of children) {
    if (isToken(child) && child.tokenType === t.Comma) elements.at(-1)!.commas.push(child);
    else elements.push({ node: child, commas: [] });
  }
  return elements;
}

export class Writer {
  private readonly attached: ReadonlyMap<number, Attached>;
  private readonly layouts: Readonly<Record<string, Layout>>;
  /** Tokens whose comments above are written elsewhere: with the item that begins there, or inside of the brackets. */
  private readonly hoisted = new Set<number>();
  /** Blanks before what starts at an offset, so that it is below its like. */
  readonly padding = new Map<number, string>();

  constructor(attached: ReadonlyMap<number, Attached>, layouts: Readonly<Record<string, Layout>>) {
    this.attached = attached;
    this.layouts = layouts;
  }

  of(element: CstElement): Doc {
    return isToken(element) ? this.token(element) : this.layouts[element.name]!(this, element);
  }

  commentsAt(offset: number): Attached {
    return this.attached.get(offset) ?? NO_COMMENTS;
  }

  token({ startOffset, image }: IToken): Doc {
    const comments = this.attached.get(startOffset);
    if (!comments) return image;
    const above = this.hoisted.has(startOffset) ? [] : comments.above;
    return concat([
      ...above.map(({ text }) => alone(text)),
      ...comments.before.map((text) => `${text} `),
      image,
      ...comments.after.map((text) => ` ${text}`),
      ...comments.end.map(atEnd),
    ]);
  }

  /** The comma after an element, where one is wanted, and the comments of those in the text. */
  commas(inText: readonly IToken[], wanted: boolean): Doc {
    const parts: Doc[] = wanted ? [','] : [];
    for (const { startOffset } of inText) {
      const { above, before, after, end } = this.commentsAt(startOffset);
      parts.push(
        ...above.map(({ text }) => alone(text)),
        ...[...before, ...after].map((text) => ` ${text}`),
        ...end.map(atEnd),
      );
    }
    return concat(parts);
  }

  /** The elements of a list with commas between them. */
  listed(elements: readonly Element[]): Doc[] {
    return elements.map(({ node, commas }, index) =>
      concat([this.of(node), this.commas(commas, index < elements.length - 1)]),
    );
  }

  /** `(a, b)`, or with the items on lines of their own, as many to a line as fit. */
  bracketed(open: CstElement, items: readonly Doc[], close: IToken, padding: Line = softline): Doc {
    const inner: Doc[] = items.length === 0 ? [] : [fill(items)];
    const below = this.below(close);
    if (below.length > 0) inner.push(...(inner.length > 0 ? [hardline] : []), ...below);
    if (inner.length === 0) return concat([this.of(open), this.token(close)]);
    return group([this.of(open), indent([padding, ...inner]), padding, this.token(close)]);
  }

  /** An item: the comments above it, its doc comments and what its layout makes of `content`. */
  item(node: CstNode, content: CstElement = node): Item {
    const first = firstToken(content);
    const lines: { readonly text: string; readonly blank: boolean }[] = [];
    for (const token of docsOf(node)) {
      const { above, before, blank } = this.commentsAt(token.startOffset);
      lines.push(...above, ...before.map((text) => ({ text, blank: false })), { text: token.image.trimEnd(), blank });
    }
    const { above, blank } = this.commentsAt(first.startOffset);
    lines.push(...above);
    this.hoisted.add(first.startOffset);
    const own = this.of(content);
    const parts = lines.flatMap(({ text, blank: apart }, index) => [
      index === 0 ? '' : apart ? blankLine : hardline,
      text,
    ]);
    if (lines.length > 0) parts.push(blank ? blankLine : hardline);
    return { node, doc: concat([...parts, own]), own, commented: lines.length > 0, blank: lines[0]?.blank ?? blank };
  }

  /** `{ … }` with each item on its own line; empty lines as in the text, one at most, and where `apart` asks for one. */
  block(open: IToken, items: readonly Item[], close: IToken, apart: (a: Item, b: Item) => boolean = () => false): Doc {
    const parts: Doc[] = [];
    items.forEach((item, index) => {
      const previous = items[index - 1];
      if (previous) parts.push(item.blank || apart(previous, item) ? blankLine : hardline);
      parts.push(item.doc);
    });
    const blank = this.commentsAt(close.startOffset).above[0]?.blank ?? false;
    const below = this.below(close);
    if (below.length > 0) parts.push(parts.length === 0 ? '' : blank ? blankLine : hardline, ...below);
    if (parts.length === 0) return concat([this.token(open), this.token(close)]);
    return broken([this.token(open), indent([hardline, ...parts]), hardline, this.token(close)]);
  }

  /** The comments above a closing bracket, which belong inside. */
  private below({ startOffset }: IToken): Doc[] {
    const { above } = this.commentsAt(startOffset);
    this.hoisted.add(startOffset);
    return above.flatMap(({ text, blank }, index) =>
      index === 0 ? [alone(text)] : [blank ? blankLine : hardline, alone(text)],
    );
  }
}

/** Children beside each other, with a blank between each two but before commas, colons and opened parentheses. */
export function spaced(writer: Writer, children: readonly CstElement[]): Doc {
  const parts: Doc[] = [];
  children.forEach((child, index) => {
    const padding = writer.padding.get(startOf(child)) ?? '';
    if (index > 0 && !TIGHT.has(isToken(child) ? child.tokenType.name : child.name)) parts.push(` ${padding}`);
    parts.push(writer.of(child));
  });
  return concat(parts);
}

const TIGHT = new Set(['Comma', 'Colon', 'parameters', 'arguments', 'signature']);

export function tight(writer: Writer, children: readonly CstElement[]): Doc {
  const parts = children.map((child) => writer.of(child));
  return parts.length === 1 ? parts[0]! : concat(parts);
}

/** `open a, b close` of a node whose children are that. */
export function bracketed(writer: Writer, children: readonly CstElement[], padding: Line = softline): Doc {
  const items = writer.listed(elementsOf(children.slice(1, -1)));
  return writer.bracketed(children[0]!, items, children.at(-1) as IToken, padding);
}

function alone(text: string): Doc {
  return { kind: 'comment', text, alone: true };
}

function atEnd(text: string): Doc {
  return { kind: 'comment', text, alone: false };
}
