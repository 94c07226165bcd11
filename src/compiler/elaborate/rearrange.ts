/**
 * `rearrange(x, "b t (h c) -> b h t c", h = 8)`: einops notation, checked at compile time.
 * Rogozhnikov 2022, "Einops: clear and reliable tensor manipulations" (ICLR). Axes are split, permuted and merged;
 * `...` stands for any axes, `1` for a new axis of size one.
 */
import { type Dim, divideDims, equalDims, printDim, printShape, productOf } from '../../shared/dim.ts';
import { nearest } from '../../shared/nearest.ts';
import { diagnose, type MessageName } from '../diagnostics/catalogue.ts';
import type { BoundCall, Builtin } from './builtin.ts';
import type { Value } from './values.ts';

/** One axis of a side: the names it is made of, in order; an empty group is an axis of size 1. */
type Group = readonly string[];
const REST = '...';
/** More than any tensor has. */
const MAX_AXES = 64;

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

  const sides = pattern.split('->');
  if (sides.length !== 2) syntax(`the pattern ${JSON.stringify(pattern)} needs one -> between its two sides`);
  const [from, to] = sides.map((side) => parseSide(side, syntax)) as [Group[], Group[]];
  checkNames(from, to, syntax);

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

function parseSide(text: string, fail: (problem: string) => never): Group[] {
  const groups: Group[] = [];
  let open: string[] | undefined;
  for (const token of text.match(/\.\.\.|[A-Za-z_]\w*|\d+|[()]|\S/g) ?? []) {
    if (token === '(') {
      if (open) fail('parentheses of a pattern do not nest');
      open = [];
    } else if (token === ')') {
      if (!open) fail('a ) of the pattern closes nothing');
      groups.push(open!);
      open = undefined;
    } else if (token === REST) {
      if (open) fail('... stands outside of parentheses');
      groups.push([REST]);
    } else if (token === '1') {
      if (!open) groups.push([]);
    } else if (/^[A-Za-z_]/.test(token)) {
      if (open) open.push(token);
      else groups.push([token]);
    } else fail(`${JSON.stringify(token)} does not belong in a pattern`);
  }
  if (open) fail('a ( of the pattern is never closed');
  const count = groups.flat().length;
  if (count > MAX_AXES) fail(`a side of the pattern names ${count} axes, more than ${MAX_AXES}`);
  return groups;
}

function checkNames(from: readonly Group[], to: readonly Group[], fail: (problem: string) => never): void {
  for (const [side, groups] of [
    ['left', from],
    ['right', to],
  ] as const) {
    const names = groups.flat();
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice) fail(`${twice} stands twice on the ${side} side`);
  }
  const [left, right] = [new Set(from.flat()), new Set(to.flat())];
  for (const name of left) if (!right.has(name)) fail(`${name} is on the left side and not on the right`);
  for (const name of right) if (!left.has(name)) fail(`${name} is on the right side and not on the left`);
}

const restName = (index: number): string => `${REST}${index}`;

function expandRest(groups: readonly Group[], rank: number): Group[] {
  const count = rank - (groups.length - 1);
  return groups.flatMap((group) =>
    group[0] === REST ? Array.from({ length: Math.max(0, count) }, (_, index): Group => [restName(index)]) : [group],
  );
}

function restNames(left: readonly Group[]): Group[] {
  return left.filter((group) => group[0]?.startsWith(REST));
}
