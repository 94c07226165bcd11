/** Compile-time values as data: what stages and recipes are told. */
import type { ConfigValue } from '../../shared/artifact.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluator } from './evaluator.ts';
import { describe, type Value } from './values.ts';

/** Fails, with a diagnostic, for what is no number, string, bool or list of them. */
export function plain(e: Evaluator, value: Value, at: ast.Expression): ConfigValue {
  if (value.kind === 'int' || value.kind === 'float' || value.kind === 'bool' || value.kind === 'string')
    return value.value;
  if (value.kind === 'list') return value.items.map((item) => plain(e, item, at));
  return e.fail(
    diagnose(
      'wrong_type',
      { what: 'this setting', expected: 'a number, string, bool or list', found: describe(value) },
      at.span,
    ),
  );
}
