/** Shapes of the tensors that a layout's rule reads, from those of the parameters and the rule's pattern of axes. */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { type AxesPattern, expandRest, type Group, parsePattern, REST, restNames } from './einops.ts';
import type { Evaluator } from './evaluator.ts';
import type { Frame } from './frame.ts';
import type { Turn } from './layout.ts';

/** `by rearrange("(three h c) ... -> (h three c) ...", three = 3, h = 32)`, evaluated. */
export interface By {
  readonly pattern: AxesPattern;
  readonly sizes: ReadonlyMap<string, number>;
  readonly span: Span;
}

/** @throws Reported for what is no call of rearrange with a pattern and sizes */
export function evaluateBy(e: Evaluator, expression: ast.Expression, frame: Frame): By {
  const { span } = expression;
  const [first, ...named] = expression.kind === 'call' ? expression.arguments : [];
  const isRearrange =
    expression.kind === 'call' && expression.callee.kind === 'name' && expression.callee.text === 'rearrange';
  if (!isRearrange || first === undefined || first.name !== undefined || first.value.kind !== 'string')
    e.fail(
      diagnose('layout_form', { problem: '`by` is followed by something else than rearrange("…", name = size)' }, span),
    );
  const at = first.value.span;
  const pattern = parsePattern(first.value.value, (problem) => e.fail(diagnose('pattern_syntax', { problem }, at)));
  const known = new Set(pattern.from.flat());
  const sizes = new Map<string, number>();
  for (const { name, value, span: given } of named) {
    if (!name || !known.has(name.text)) {
      const text = name?.text ?? '';
      const suggestions = name ? fix(didYouMean(text, known, name.span)) : [];
      e.fail(diagnose('unknown_argument', { callee: 'the pattern', name: text }, name?.span ?? given, { suggestions }));
    }
    const size = e.intOf(e.expression(value, frame), given, `the size of ${name.text}`);
    if (size < 1)
      e.fail(diagnose('wrong_type', { what: name.text, expected: 'a size of at least 1', found: String(size) }, given));
    sizes.set(name.text, size);
  }
  return { pattern, sizes, span: at };
}

/**
 * The stored shape of a whole that the model has as `shape`.
 * @throws Reported where the pattern does not fit
 */
export function turned(
  e: Evaluator,
  by: By,
  shape: readonly number[],
): { readonly shape: number[]; readonly turn: Turn } {
  const fail = (problem: string): never =>
    e.fail(diagnose('pattern_clash', { problem: `${problem} of the parameter's [${shape.join(', ')}]` }, by.span));
  const right = expandRest(by.pattern.to, shape.length);
  if (right.length !== shape.length) fail(`its right side names ${right.length} axes, and not the ${shape.length}`);
  const left = by.pattern.from.flatMap((group) => (group[0] === REST ? restNames(right) : [group]));
  const sizes = solved(right, shape, by.sizes, fail);
  const order = left.flat();
  const size = (name: string): number => sizes.get(name)!;
  return {
    shape: left.map((group) => group.reduce((product, name) => product * size(name), 1)),
    turn: { sizes: order.map(size), order: right.flat().map((name) => order.indexOf(name)) },
  };
}

/** Sizes of all axes: each group solves for at most one. */
function solved(
  groups: readonly Group[],
  shape: readonly number[],
  given: ReadonlyMap<string, number>,
  fail: (problem: string) => never,
): Map<string, number> {
  const sizes = new Map(given);
  groups.forEach((group, axis) => {
    const unknown = group.filter((name) => !sizes.has(name));
    const product = group.reduce((all, name) => all * (sizes.get(name) ?? 1), 1);
    const total = shape[axis]!;
    const written = `(${group.join(' ')})`;
    if (unknown.length > 1) fail(`the sizes of ${unknown.join(' and ')} are not given, for ${written} is axis ${axis}`);
    if (total % product !== 0 || (unknown.length === 0 && product !== total))
      fail(`${written} with ${product} does not make ${total}, axis ${axis}`);
    if (unknown[0] !== undefined) sizes.set(unknown[0], total / product);
  });
  return sizes;
}
