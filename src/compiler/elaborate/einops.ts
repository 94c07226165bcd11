/**
 * Patterns of axes in einops notation: `(h three c) ... -> (three h c) ...`.
 * Rogozhnikov 2022, "Einops: clear and reliable tensor manipulations" (ICLR).
 */

/** One axis of a side: the names it is made of, in order; an empty group is an axis of size 1. */
export type Group = readonly string[];
/** Any axes, the same on both sides. */
export const REST = '...';
/** More than any tensor has. */
const MAX_AXES = 64;

export interface AxesPattern {
  readonly from: readonly Group[];
  readonly to: readonly Group[];
}

/** Both sides, which name the same axes. `fail` is called with what is wrong. */
export function parsePattern(pattern: string, fail: (problem: string) => never): AxesPattern {
  const [left, right, ...more] = pattern.split('->');
  if (left === undefined || right === undefined || more.length > 0)
    return fail(`the pattern ${JSON.stringify(pattern)} needs one -> between its two sides`);
  const [from, to] = [parseSide(left, fail), parseSide(right, fail)];
  checkNames(from, to, fail);
  return { from, to };
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
      groups.push(open);
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

/** The side with a group for each axis that `...` stands for, in a tensor of `rank` axes. */
export function expandRest(groups: readonly Group[], rank: number): Group[] {
  const count = rank - (groups.length - 1);
  return groups.flatMap((group) =>
    group[0] === REST ? Array.from({ length: Math.max(0, count) }, (_, index): Group => [restName(index)]) : [group],
  );
}

/** The groups that `...` became. */
export function restNames(left: readonly Group[]): Group[] {
  return left.filter((group) => group[0]?.startsWith(REST));
}
