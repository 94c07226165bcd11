/** Members of a module that are values: what its expressions and bodies read by name. */
import type * as ast from '../syntax/ast.ts';

/** What a member expression may refer to by name, in order. */
export type ValueMember = ast.LetMember | ast.ParamMember | ast.SubmoduleMember;

export function kindOf(node: ValueMember | ast.Parameter): 'argument' | 'let' | 'param' | 'buffer' | 'submodule' {
  if (!('kind' in node)) return 'argument';
  if (node.kind === 'let-member') return 'let';
  return node.kind === 'param' && node.buffer ? 'buffer' : node.kind;
}

export function isValueMember(member: ast.Member): member is ValueMember {
  return member.kind === 'let-member' || member.kind === 'param' || member.kind === 'submodule';
}
