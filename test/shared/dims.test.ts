import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Binding, bindDims, unknownOf } from '../../src/shared/bind-dims.ts';
import { addDims, type Dim, floorDivideDim, mulDims, printDim, symbol } from '../../src/shared/dim.ts';
import { dimAt, parseDim } from '../../src/shared/dim-text.ts';

describe('parseDim', () => {
  it('reads back whatever printDim writes', () => {
    const term = fc
      .tuple(fc.integer({ min: -9, max: 9 }), fc.array(fc.constantFrom('B', 'T', 'P', 'batch_size'), { maxLength: 3 }))
      .map(([coefficient, names]) => names.map(symbol).reduce<Dim>(mulDims, coefficient));
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), (terms) => {
        const dim = terms.reduce<Dim>(addDims, 0);
        const text = printDim(dim);
        expect(printDim(parseDim(text)!)).toBe(text);
      }),
    );
  });
  it('allows spaces around operators, and begins anywhere in a longer text', () => {
    expect(printDim(parseDim('2 * B*T -1')!)).toBe('2*B*T - 1');
    expect(dimAt('[P + T, 4]', 1)).toEqual({ dim: addDims(symbol('P'), symbol('T')), end: 6 });
    expect(dimAt('f32[, 4]', 4)).toBeUndefined();
  });
  it('refuses other texts', () => {
    for (const text of ['', 'B T', '2B*', 'B / 2', '(B)']) expect(parseDim(text)).toBeUndefined();
  });
});

describe('floorDivideDim', () => {
  it('divides where a rest does not depend on symbols', () => {
    const halved = (text: string, by = 2) => floorDivideDim(parseDim(text)!, by);
    expect(['4*H + 3', '2*H*W - 1', '2*H - 3'].map((text) => printDim(halved(text)!))).toEqual([
      '2*H + 1',
      'H*W - 1',
      'H - 2',
    ]);
    expect([floorDivideDim(7, 2), floorDivideDim(-1, 2), halved('H'), halved('3*H + 2'), halved('H', 1)]).toEqual([
      3,
      -1,
      undefined,
      undefined,
      symbol('H'),
    ]);
  });
});

describe('bindDims', () => {
  const bind = (...axes: [string, number][]) => {
    const bindings = new Map<string, Binding>();
    const measured = axes.map(([text, size], axis) => ({ input: 'x', axis, dim: parseDim(text)!, size }));
    const clash = bindDims(measured, bindings);
    return { clash, sizes: Object.fromEntries([...bindings].map(([name, { size }]) => [name, size])) };
  };
  it('solves sums in any order', () => {
    expect(bind(['P + T', 7], ['T', 3]).sizes).toEqual({ P: 4, T: 3 });
    expect(bind(['2*B*T - 1', 11], ['B', 2]).sizes).toEqual({ B: 2, T: 3 });
  });
  it('names the contradiction', () => {
    expect(bind(['B', 2], ['B', 3]).clash).toMatchObject({
      axis: 1,
      size: 3,
      expected: 2,
      because: 'B is 2 from axis 0 of x',
    });
    expect(bind(['P', 0], ['T', 4], ['P + T', 5]).clash).toMatchObject({ axis: 2, size: 5, expected: 4 });
  });
  it('believes an axis that is the symbol itself before a sum', () => {
    expect(bind(['P + T', 9], ['P', 4], ['T', 3]).clash).toMatchObject({ axis: 0, size: 9, expected: 7 });
  });
  it('leaves the symbol of an axis that no size of it gives', () => {
    const open = (text: string, size: number, bound: readonly [string, number][] = []) => {
      const bindings = new Map<string, Binding>(bound.map(([name, of]) => [name, { size: of, from: '' }]));
      const dim = parseDim(text)!;
      bindDims([{ input: 'x', axis: 0, dim, size }], bindings);
      return unknownOf(dim, bindings);
    };
    expect([open('4*H', 6), open('T + 3', 2), open('P + T', 2, [['T', 3]])]).toEqual(['H', 'T', 'P']);
    expect([open('4*H', 8), open('P + T', 5), open('B', 3)]).toEqual([undefined, undefined, undefined]);
  });
  it('leaves open what two unknowns do not decide', () => {
    expect(bind(['P + T', 7])).toEqual({ clash: undefined, sizes: {} });
    expect(bind(['B*B', 9])).toEqual({ clash: undefined, sizes: {} });
  });
});
