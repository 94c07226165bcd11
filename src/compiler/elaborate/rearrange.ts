/**
 * `rearrange(x, "b t (h c) -> b h t c", h = 8)`: einops notation, checked at compile time.
 * Rogozhnikov 2022, "Einops: clear and reliable tensor manipulations" (ICLR). Axes are split, permuted and merged;
 * `...` stands for any axes, `1` for a new axis of size one.
 */
import { type Dim, divideDims, equalDims, printDim, printShape, productOf } from '../../shared/dim.ts';
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

function run(c: BoundCall): Value {
  const x = c.operand('x');
  const at = c.argument('pattern').span;
  const pattern = c.string('pattern');
  const fail = (
    kind: Extract<MessageName, 'pattern_syntax' | 'pattern_clash'>,
    problem: string,
    notes: string[] = [],
  ): never =>
    c.evaluator.fail(
      diagnose(kind, { problem }, at, {
        ...c.evaluator.here(),
        notes,
        secondary:
          kind === 'pattern_clash'
            ? [{ span: c.argument('x').span, message: `this is ${printShape(x.type.shape)}` }]
            : [],
      }),
    );
  const syntax = (problem: string): never => fail('pattern_syntax', problem);

  const { from, to } = parsePattern(pattern, syntax);

  // sizes given by name, then each group of the left side solves for at most one unknown
  const sizes = new Map<string, Dim>();
  const known = new Set(from.flat());
  for (const [name, { value, span }] of c.extras) {
    if (!known.has(name)) {
      const near = nearest(name, known);
      const nameSpan = c.callSyntax.arguments.find((argument) => argument.name?.text === name)?.name?.span;
      c.evaluator.fail(
        diagnose('unknown_argument', { callee: `the pattern ${JSON.stringify(pattern)}`, name }, nameSpan ?? span, {
          ...c.evaluator.here(),
          notes: [near ? `did you mean \`${near}\`?` : `the axes of its left side are ${[...known].join(', ')}`],
        }),
      );
    }
    sizes.set(name, c.evaluator.dimOf(value, span, `the size of ${name}`));
  }
  const { shape } = x.type;
  const left = expandRest(from, shape.length);
  if (left.length !== shape.length) {
    const namesRest = from.some((group) => group[0] === REST);
    fail(
      'pattern_clash',
      `the pattern names ${namesRest ? `at least ${from.length - 1}` : from.length} axes and the tensor ${printShape(shape)} has ${shape.length}`,
    );
  }
  const right = to.flatMap((group) => (group[0] === REST ? restNames(left) : [group]));
  left.forEach((group, axis) => {
    const size = shape[axis]!;
    const unknown = group.filter((name) => !sizes.has(name));
    if (unknown.length > 1)
      fail(
        'pattern_clash',
        `the sizes of ${unknown.join(' and ')} in (${group.join(' ')}) are both unknown; give one of them, as in ${unknown[0]} = 8`,
      );
    const product = productOf(group.filter((name) => sizes.has(name)).map((name) => sizes.get(name)!));
    if (unknown.length === 1) {
      const quotient = divideDims(size, product);
      if (quotient === undefined) {
        fail(
          'pattern_clash',
          `axis ${axis} is ${printDim(size)} and does not divide into (${group.join(' ')}) with ${group
            .filter((n) => sizes.has(n))
            .map((n) => `${n} = ${printDim(sizes.get(n)!)}`)
            .join(', ')}`,
        );
      } else sizes.set(unknown[0]!, quotient);
    } else if (!equalDims(product, size)) {
      const written =
        group.length === 1 ? `${group[0]} = ${printDim(product)}` : `(${group.join(' ')}) = ${printDim(product)}`;
      fail(
        'pattern_clash',
        `axis ${axis} is ${printDim(size)} and the pattern says ${group.length === 0 ? 'size 1' : written}`,
      );
    }
  });

  const order = left.flat();
  const permutation = right.flat().map((name) => order.indexOf(name));
  const apart = reshaped(
    c,
    c.value('x'),
    x.type.shape,
    order.map((name) => sizes.get(name)!),
  );
  const moved = permutation.every((axis, index) => axis === index)
    ? apart
    : c.op('transpose', [c.evaluator.emission.operand(apart, c.argument('x').span)], { permutation });
  const split = right.flat().map((name) => sizes.get(name)!);
  return reshaped(
    c,
    moved,
    split,
    right.map((group) => productOf(group.map((name) => sizes.get(name)!))),
  );
}

function reshaped(c: BoundCall, value: Value, from: readonly Dim[], to: readonly Dim[]): Value {
  if (from.length === to.length && from.every((dim, axis) => equalDims(dim, to[axis]!))) {
    return value.kind === 'tensor'
      ? value
      : { kind: 'tensor', id: c.evaluator.emission.operand(value, c.span).id, span: c.span };
  }
  return c.op('reshape', [c.evaluator.emission.operand(value, c.argument('x').span)], { shape: to });
}
