/**
 * `rearrange(x, "b t (h c) -> b h t c", h = 8)`: einops notation, checked at compile time.
 * Rogozhnikov 2022, "Einops: clear and reliable tensor manipulations" (ICLR). Axes are split, permuted and merged;
 * `...` stands for any axes, `1` for a new axis of size one.
 */
import { type Dim, divideDims, equalDims, printDim, printShape, productOf, type Shape } from '../../shared/dim.ts';
import { nearest } from '../../shared/nearest.ts';
import { diagnose, type MessageName } from '../diagnostics/catalogue.ts';
import type { BoundCall, Builtin } from './builtin.ts';
import { expandRest, parsePattern, REST, restNames } from './einops.ts';
import type { Value } from './values.ts';

export const rearrange: Builtin = {
  name: 'rearrange',
  doc: 'Splits, permutes and merges axes by an einops pattern; sizes of split axes are named arguments.',
  parameters: ['x', 'pattern', 'sizes**'],
  call: run,
};

type Sizes = Map<string, Dim>;
type Groups = readonly (readonly string[])[];

/** An error of the pattern, at the pattern: of its notation, or of the tensor beside it. */
type Fail = (kind: Extract<MessageName, 'pattern_syntax' | 'pattern_clash'>, problem: string) => never;

function run(c: BoundCall): Value {
  const { shape } = c.operand('x').type;
  const fail = failing(c, shape);
  const { from, to } = parsePattern(c.string('pattern'), (problem) => fail('pattern_syntax', problem));
  const sizes = givenSizes(c, new Set(from.flat()));
  const left = expandRest(from, shape.length);
  if (left.length !== shape.length) {
    const names = from.some((group) => group[0] === REST) ? `at least ${from.length - 1}` : from.length;
    fail('pattern_clash', `the pattern names ${names} axes and the tensor ${printShape(shape)} has ${shape.length}`);
  }
  for (const [axis, group] of left.entries()) solve(axis, shape[axis]!, group, sizes, fail);
  const right = to.flatMap((group) => (group[0] === REST ? restNames(left) : [group]));
  return rearranged(c, shape, left, right, sizes);
}

function failing(c: BoundCall, shape: Shape): Fail {
  const { span } = c.argument('x');
  return (kind, problem) =>
    c.evaluator.fail(
      diagnose(kind, { problem }, c.argument('pattern').span, {
        ...c.evaluator.here(),
        secondary: kind === 'pattern_clash' ? [{ span, message: `this is ${printShape(shape)}` }] : [],
      }),
    );
}

/** Sizes given by name. @param axes those that the left side of the pattern names */
function givenSizes(c: BoundCall, axes: ReadonlySet<string>): Sizes {
  const sizes: Sizes = new Map();
  for (const [name, { value, span }] of c.extras) {
    if (!axes.has(name)) {
      const near = nearest(name, axes);
      const nameSpan = c.callSyntax.arguments.find((argument) => argument.name?.text === name)?.name?.span;
      const callee = `the pattern ${JSON.stringify(c.string('pattern'))}`;
      c.evaluator.fail(
        diagnose('unknown_argument', { callee, name }, nameSpan ?? span, {
          ...c.evaluator.here(),
          notes: [near ? `did you mean \`${near}\`?` : `the axes of its left side are ${[...axes].join(', ')}`],
        }),
      );
    }
    sizes.set(name, c.evaluator.dimOf(value, span, `the size of ${name}`));
  }
  return sizes;
}

/** A group of the left side stands for an axis: at most one of its sizes is unknown, and follows from the others. */
function solve(axis: number, size: Dim, group: readonly string[], sizes: Sizes, fail: Fail): void {
  const known = group.filter((name) => sizes.has(name));
  const unknown = group.filter((name) => !sizes.has(name));
  const written = `(${group.join(' ')})`;
  if (unknown.length > 1)
    fail(
      'pattern_clash',
      `the sizes of ${unknown.join(' and ')} in ${written} are both unknown; give one of them, as in ${unknown[0]} = 8`,
    );
  const product = productOf(known.map((name) => sizes.get(name)!));
  const [name] = unknown;
  if (name === undefined) {
    if (equalDims(product, size)) return;
    const says = group.length === 0 ? 'size 1' : `${group.length === 1 ? group[0] : written} = ${printDim(product)}`;
    fail('pattern_clash', `axis ${axis} is ${printDim(size)} and the pattern says ${says}`);
  }
  const given = known.map((name) => `${name} = ${printDim(sizes.get(name)!)}`).join(', ');
  const quotient =
    divideDims(size, product) ??
    fail('pattern_clash', `axis ${axis} is ${printDim(size)} and does not divide into ${written} with ${given}`);
  sizes.set(name, quotient);
}

/** Splits axes, permutes them, merges them. */
function rearranged(c: BoundCall, shape: Shape, left: Groups, right: Groups, sizes: Sizes): Value {
  const sizesOf = (names: readonly string[]): Dim[] => names.map((name) => sizes.get(name)!);
  const [order, wanted] = [left.flat(), right.flat()];
  const permutation = wanted.map((name) => order.indexOf(name));
  const apart = reshaped(c, c.value('x'), shape, sizesOf(order));
  const moved = permutation.every((axis, index) => axis === index)
    ? apart
    : c.op('transpose', [c.evaluator.emission.operand(apart, c.argument('x').span)], { permutation });
  const merged = right.map((group) => productOf(sizesOf(group)));
  return reshaped(c, moved, sizesOf(wanted), merged);
}

function reshaped(c: BoundCall, value: Value, from: readonly Dim[], to: readonly Dim[]): Value {
  if (from.length === to.length && from.every((dim, axis) => equalDims(dim, to[axis]!))) {
    return value.kind === 'tensor'
      ? value
      : { kind: 'tensor', id: c.evaluator.emission.operand(value, c.span).id, span: c.span };
  }
  return c.op('reshape', [c.evaluator.emission.operand(value, c.argument('x').span)], { shape: to });
}
