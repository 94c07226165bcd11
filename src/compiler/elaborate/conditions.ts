/** What a `when` means for a member, and where members stand in the model's tree. */
import type * as ast from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import type { Absence, ModuleInstance, Place } from './instance.ts';
import { list, type Value } from './values.ts';

/** What is left out for two reasons would be there by a flag only if flags are both. */
export function either(a: Absence | undefined, b: Absence): Absence {
  return a === 'condition' ? a : b;
}

/** A submodule, or each of a list, under a `when` without `else`. */
export function switched(value: Value, off: boolean, condition: ast.Expression): Value {
  if (value.kind === 'list') return list(value.items.map((item) => switched(item, off, condition)));
  if (value.kind !== 'instance') return value;
  return { ...value, off: off || value.off, conditions: [...(value.conditions ?? []), guardOf(condition)] };
}

/** The text by which a condition is known: `flag`, or `not flag` where it is negated or in an else. */
export function guardOf(condition: ast.Expression, holds = true): string {
  if (condition.kind === 'unary' && condition.operator === 'not') return guardOf(condition.operand, !holds);
  return `${holds ? '' : 'not '}${textOf(condition)}`;
}

function textOf(expression: ast.Expression): string {
  return expression.span.source.text.slice(expression.span.start, expression.span.end);
}

/** A member of an instance, under each of its keys. */
export function placeUnder(instance: ModuleInstance, name: string, keys: readonly string[]): Place {
  const join = (prefix: string, last: string): string => (prefix === '' ? last : `${prefix}.${last}`);
  return {
    path: join(instance.path, name),
    keys: instance.keys.flatMap((prefix) => keys.map((key) => join(prefix, key))),
  };
}

/** An item of a list of submodules. */
export function placeAt(place: Place, index: number): Place {
  return { path: `${place.path}.${index}`, keys: place.keys.map((key) => `${key}.${index}`) };
}

/** Why a condition is what it is: would other flags make it another? */
export function absenceBy(e: Evaluation, condition: ast.Expression, frame: Frame): Absence {
  return decided(e, condition, frame).byFlag ? 'flag' : 'condition';
}

/** `flag and last`, with last false, is false whatever the flag is. */
function decided(
  e: Evaluation,
  condition: ast.Expression,
  frame: Frame,
): { readonly value: boolean; readonly byFlag: boolean } {
  if (condition.kind === 'unary' && condition.operator === 'not') {
    const { value, byFlag } = decided(e, condition.operand, frame);
    return { value: !value, byFlag };
  }
  if (condition.kind === 'binary' && (condition.operator === 'and' || condition.operator === 'or')) {
    // one side alone decides by being this
    const deciding = condition.operator === 'or';
    const left = decided(e, condition.left, frame);
    if (left.value === deciding && !left.byFlag) return left;
    // past a left side that decides, the right one need not have a value: `has_rows and rows[0] == 1`
    const right =
      left.value === deciding
        ? e.quietly(() => decided(e, condition.right, frame))
        : decided(e, condition.right, frame);
    if (!right) return left;
    if (right.value === deciding && !right.byFlag) return right;
    const value = deciding ? left.value || right.value : left.value && right.value;
    return { value, byFlag: left.byFlag || right.byFlag };
  }
  const value = e.expression(condition, frame);
  return value.kind === 'bool'
    ? { value: value.value, byFlag: value.byFlag === true }
    : { value: false, byFlag: false };
}
