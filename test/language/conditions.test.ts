/** Conditions of submodules and parameters: one inside another, and ones that only have a value past another. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { diagnose } from '../diagnostics/support.ts';
import { memory } from '../support/project.ts';

const codes = (text: string): string[] => diagnose(text).map(({ code, message }) => `${code} ${message}`);

describe('a when inside a when', () => {
  const WIDER = `flag wide = true
flag deep = true
module Wide() { param w: [8, 4] = zeros()  forward(x: [B, 4]) -> [B, 8] { linear(x, w) } }
`;
  const model = (call: string): string => `${WIDER}
model M {
  up = [Wide() when wide] when deep
  entry run(x: [B, 4]) -> (y: [B, 8]) { ${call} }
}
`;

  it('keeps both conditions: a call that is guarded by one still needs the identity of the other', () => {
    expect(codes(model('up[0](x) when deep else concat([x, x], 1)'))).toEqual([
      'E0310 up.0 may be switched off only if it keeps the shape, and it turns [B, 4] into [B, 8]',
    ]);
    expect(codes(model('(up[0](x) when wide else concat([x, x], 1)) when deep else concat([x, x], 1)'))).toEqual([]);
  });

  it('leaves a parameter out where either is false', () => {
    const text = `flag a = true
flag b = true
model M {
  param w: [4] = (ones() when a) when b
  entry run(x: [B, 4]) -> (y: [B, 4]) { x when w == none else x * w }
}
`;
    for (const off of ['a', 'b']) {
      const options = { set: [{ name: off, text: 'false' }] };
      const { model: compiled, diagnostics } = compile('main.mdl', memory({ 'main.mdl': text }), options);
      expect(diagnostics()).toEqual([]);
      expect([...compiled!.parameters.keys()]).toEqual([]);
      expect(compiled!.absent.map(({ keys }) => keys[0])).toEqual(['w']);
    }
  });
});

describe('the right side of `and` and `or`', () => {
  it.each([
    ['and', 'rows and items[3] == 1', 'false'],
    ['or', 'not rows or items[3] == 1', 'false'],
    ['in brackets', '(rows and items[3] == 1) and other', 'false'],
  ])('of a submodule: %s is not asked past a left side that decides', (_, condition, value) => {
    const text = `flag rows = ${value}
flag other = true
module L() { forward(x: [B]) -> [B] { x } }
model M {
  let items = [1]
  a = L() when ${condition}
  entry run(x: [B]) -> (y: [B]) { a(x) }
}
`;
    expect(codes(text)).toEqual([]);
    expect(codes(text.replace('flag rows = false', 'flag rows = true'))[0]).toMatch(/^E0213 /);
  });
});
