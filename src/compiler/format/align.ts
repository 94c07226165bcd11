/**
 * Columns of a module's members: submodules that are below each other have their `=` in one column, and so have
 * parameters, with their types in another. An empty line, a comment or a member of another kind ends the table.
 *
 *   q_proj   = Linear(width, width)          param weight: [out, in] = init
 *   out_proj = Linear(width, width)          param bias:   [out]     = zeros()
 */
import type { CstElement, CstNode } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { childrenOf, isToken, startOf } from '../syntax/cst.ts';
import { print } from './print.ts';
import { docsOf, firstToken, type Writer } from './writer.ts';

/** A cell of a table: what it ends at, and how wide it is. */
interface Cell {
  readonly next: CstElement;
  readonly width: number;
}

/** Sets the padding of members that make a table. */
export function alignMembers(writer: Writer, members: readonly CstNode[]): void {
  let table: (readonly Cell[])[] = [];
  let kind: string | undefined;
  for (const member of members) {
    const content = childrenOf(member)[0] as CstNode;
    const cells = cellsOf(writer, content);
    const { above, blank } = writer.commentsAt(firstToken(content).startOffset);
    const apart = blank || above.length > 0 || docsOf(member).length > 0;
    if (apart || !cells || content.name !== kind) {
      pad(writer, table);
      table = [];
    }
    kind = content.name;
    if (cells) table.push(cells);
  }
  pad(writer, table);
}

function pad(writer: Writer, table: readonly (readonly Cell[])[]): void {
  table[0]?.forEach((_, column) => {
    const widest = Math.max(...table.map((cells) => cells[column]!.width));
    for (const cells of table) {
      const { next, width } = cells[column]!;
      if (width < widest) writer.padding.set(startOf(next), ' '.repeat(widest - width));
    }
  });
}

/** The cells of a member; undefined of one that has none, or comments in them. */
function cellsOf(writer: Writer, content: CstNode): readonly Cell[] | undefined {
  const columns = COLUMNS[content.name];
  if (!columns) return undefined;
  const children = childrenOf(content);
  const equal = children.findIndex((child) => isToken(child) && child.tokenType === t.Equal);
  const cells = columns.map((at) => ({
    text: print(writer.of(children[at]!)),
    next: children[at === 1 && equal > 2 ? at + 2 : equal]!,
  }));
  if (cells.some(({ text }) => /\n|\/\/|\/\*/.test(text))) return undefined;
  return cells.map(({ text, next }) => ({ next, width: text.length }));
}

/** Places, among the children of a member, of what is in the columns before its `=`. */
const COLUMNS: Readonly<Record<string, readonly number[]>> = {
  submoduleMember: [0],
  paramMember: [1, 3],
  bufferMember: [1, 3],
};
