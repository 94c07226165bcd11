/** Index arithmetic: what simplifies, what WGSL is printed, and that no simplification changes a value. */
import { describe, expect, it } from 'vitest';
import { Block } from '../../../src/compiler/backends/wgsl/text/block.ts';
import { KernelCode } from '../../../src/compiler/backends/wgsl/text/code.ts';
import {
  axesOf,
  axis,
  constant,
  delinearise,
  type Index,
  isAffine,
  isVectorAlong,
  laneOf,
  linearise,
  minus,
  modulo,
  over,
  plus,
  reshapeCoordinates,
  times,
  word,
} from '../../../src/compiler/backends/wgsl/text/expr.ts';
import { variable } from '../../../src/compiler/backends/wgsl/text/expression.ts';
import { code, Name } from '../../../src/compiler/backends/wgsl/text/wgsl.ts';
import { addDims, type Dim, evaluateDim, mulDims, type Shape, symbol } from '../../../src/shared/dim.ts';

const [B, T, P] = [symbol('B'), symbol('T'), symbol('P')];
const m = axis('m', mulDims(B, T));
const k = axis('k', 128);

/** The statements that name divisions, and the expression. */
function printed(index: Index): string {
  const block = new Block(new KernelCode());
  for (const name of axesOf(index)) block.declare(new Name(name));
  const sum = block.index(index);
  return [block.print('', sum), code(sum)]
    .map((part) => part.print(({ hint }) => hint))
    .filter((part) => part !== '')
    .join(' ')
    .replaceAll('\n', ' ');
}

describe('simplifications', () => {
  it('a position split over batch and rows is the position again', () => {
    const [b, t] = delinearise(m, [B, T]) as [Index, Index];
    const index = plus(plus(times(b, mulDims(128, T)), times(t, 128)), k);
    expect(printed(index)).toBe('m * 128u + k');
  });

  it('a division of what is below the divisor is 0, its remainder itself', () => {
    const row = axis('row', T);
    const index = plus(times(row, 128), k);
    expect(printed(over(index, 128))).toBe('row');
    expect(printed(modulo(index, 128))).toBe('k');
    expect(printed(over(index, 64))).toBe('let i0 = k / 64u; row * 2u + i0');
  });

  it('divisions one after the other are one', () => {
    expect(printed(over(over(k, 4), 8))).toBe('let i0 = k / 32u; i0');
  });

  it('a symbol cancels where the axis stays below it', () => {
    const [b, t] = [axis('b', B), axis('t', T)];
    expect(reshapeCoordinates([plus(times(b, T), t)], [mulDims(B, T)], [B, T]).map(printed)).toEqual(['b', 't']);
  });

  it('what may be negative, or comes from a tensor, is divided as it is', () => {
    const before = minus(k, constant(3));
    expect(printed(over(plus(times(before, 8), constant(0)), 8))).toBe('let i1 = (k * 8u - 24u) / 8u; i1');
    expect(printed(modulo(word(variable(new Name('looked'), 'u32')), 4))).toBe('let i0 = looked % 4u; i0');
  });

  it('sizes with parts of both signs are two words of the uniform', () => {
    expect(printed(plus(k, constant(addDims(P, mulDims(-1, T)))))).toBe('k + params.P - params.T');
    expect(printed(minus(constant(addDims(T, -1)), axis('t', T)))).toBe('params.T - t - 1u');
  });
});

describe('questions', () => {
  it('axes, strides and vectors', () => {
    const index = plus(times(m, 128), k);
    expect([...axesOf(over(index, 7))].sort()).toEqual(['k', 'm']);
    expect([isAffine(index), isAffine(over(index, 7))]).toEqual([true, false]);
    expect([isVectorAlong(index, 'k'), isVectorAlong(index, 'm')]).toEqual([true, false]);
    expect(isVectorAlong(plus(index, constant(2)), 'k')).toBe(false);
    expect(isVectorAlong(plus(times(m, 127), k), 'k')).toBe(false);
    expect(isVectorAlong(plus(times(m, 126), axis('k', 126)), 'k')).toBe(false);
    // places of images [N, 8, 12] under channels: n · 3 · 96 + y · 12 + x
    const images = (height: number, width: number): Index => {
      const at = axis('p', mulDims(B, height * width));
      const [n, y, x] = delinearise(at, [B, height, width]);
      return linearise([n!, k, y!, x!], [B, 3, height, width]);
    };
    expect([isVectorAlong(images(8, 12), 'p'), isVectorAlong(images(8, 12), 'k')]).toEqual([true, false]);
    expect(isVectorAlong(images(3, 5), 'p')).toBe(false);
    expect(isVectorAlong(modulo(axis('k', 6), 4), 'k')).toBe(false);
    expect(laneOf(plus(times(m, 4), constant(7)))).toBe(3);
    expect(laneOf(plus(m, constant(7)))).toBeUndefined();
  });
});

/** A sequence of numbers below a bound, the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

it('2,000 chains of views keep every element in its place', () => {
  const next = numbers(7);
  const sizes = new Map([
    ['B', 3],
    ['T', 4],
  ]);
  const numberOf = (index: Index, at: ReadonlyMap<string, number>): number =>
    index.terms.reduce(
      (sum, { atom, coefficient }) => {
        const by = evaluateDim(coefficient, sizes);
        if (atom.kind === 'axis') return sum + by * at.get(atom.name)!;
        if (atom.kind === 'word') throw new Error('no words here');
        const [of, divisor] = [numberOf(atom.of, at), evaluateDim(atom.by, sizes)];
        return sum + by * (atom.kind === 'quotient' ? Math.floor(of / divisor) : of % divisor);
      },
      evaluateDim(index.offset, sizes),
    );
  const dims: readonly Dim[] = [2, 3, 4, B, T, 1];
  for (let round = 0; round < 2000; round++) {
    let shape: Shape = Array.from({ length: 2 + next(3) }, () => dims[next(dims.length)]!);
    const first = shape;
    const names = shape.map((_, at) => `c${at}`);
    const place = new Map(names.map((name, at) => [name, next(evaluateDim(shape[at]!, sizes))]));
    let coordinates: readonly Index[] = shape.map((dim, at) => axis(`c${at}`, dim));
    // the same steps on numbers
    let numeric = first.map((_, at) => place.get(`c${at}`)!);
    for (let step = 0; step < 4; step++) {
      const own = shape.map((dim) => evaluateDim(dim, sizes));
      if (next(2) === 0) {
        const by = 1 + next(shape.length - 1 || 1);
        const order = shape.map((_, at) => (at + by) % shape.length);
        coordinates = order.map((at) => coordinates[at]!);
        numeric = order.map((at) => numeric[at]!);
        shape = order.map((at) => shape[at]!);
      } else {
        // two axes become one, or all are split anew in reverse order of sizes
        const merged: Shape = next(2) === 0 ? [mulDims(shape[0]!, shape[1]!), ...shape.slice(2)] : shape.toReversed();
        coordinates = reshapeCoordinates(coordinates, shape, merged);
        let rest = numeric.reduce((sum, at, n) => sum * own[n]! + at, 0);
        const split: number[] = [];
        for (const dim of merged.toReversed()) {
          const size = evaluateDim(dim, sizes);
          split.unshift(rest % size);
          rest = Math.floor(rest / size);
        }
        numeric = split;
        shape = merged.length > 1 ? merged : [...merged, 1];
        if (merged.length === 1) {
          coordinates = [...coordinates, constant(0)];
          numeric = [...numeric, 0];
        }
      }
    }
    expect(coordinates.map((index) => numberOf(index, place))).toEqual(numeric);
    const total = linearise(coordinates, shape);
    const expected = numeric.reduce((sum, at, n) => sum * evaluateDim(shape[n]!, sizes) + at, 0);
    expect(numberOf(total, place)).toBe(expected);
  }
});
