/** `layout NAME for MODULE { … }`: which parameter each key is, and what is wrong with a layout, at its place in the file. */
import { describe, expect, it } from 'vitest';
import { elaborated, problemsAt } from './recipes.ts';

const MODEL = `flag deep = true
module Block(d) {
  param qkv: [3 * d, d] = zeros()
  param norm: [d] = ones() when deep
  forward(x: [B, d]) -> [B, d] { linear(x, qkv)[:, 0:d] }
}
model M {
  h = [Block(4) for i in range(2)]
  param head: [4] = ones()
  entry run(x: [B, 4]) -> (y: [B, 4]) { h[1](h[0](x)) * head }
}
`;
const movesOf = (layout: string, model = MODEL) =>
  elaborated(model + layout, []).layouts[0]!.moves.map(({ sources, shape, targets }) => [
    sources.map((keys) => keys.join(' + ')).join(' | '),
    shape.join('×'),
    targets.map(({ path }) => path).join(' + '),
  ]);
const REST = '"{rest...}" -> {rest...}';

describe('rules', () => {
  it('name the tensors of each parameter, the first that has it counts', () => {
    const layout = `layout l for M {
  "b{i}.{q,k,v}" | "old.{i}.{q,k,v}" -> h[i].qkv
  ${REST}
}`;
    expect(movesOf(layout)).toEqual(
      [
        ['b0.q + b0.k + b0.v | old.0.q + old.0.k + old.0.v', '4×4', 'h.0.qkv'],
        ['b1.q + b1.k + b1.v | old.1.q + old.1.k + old.1.v', '4×4', 'h.1.qkv'],
        ['head', '4', 'head'],
        ['h.0.norm', '4', 'h.0.norm'],
        ['h.1.norm', '4', 'h.1.norm'],
      ].sort((a, b) => order(a[2]!) - order(b[2]!)),
    );
    function order(path: string): number {
      return ['h.0.qkv', 'h.1.qkv', 'h.0.norm', 'h.1.norm', 'head'].indexOf(path);
    }
  });

  it('join parameters that one tensor holds', () => {
    const layout = `layout l for M {\n "norms.{i}" -> h[i].{norm,qkv}\n ${REST} }`;
    expect(problemsAt(MODEL + layout, [])).toMatch(/E0245 .*do not lie one after the other: \[4\] and \[12, 4\]/);
    const square = MODEL.replace('norm: [d]', 'norm: [2 * d, d]');
    expect(movesOf(layout, square)[0]).toEqual(['norms.0', '20×4', 'h.0.norm + h.0.qkv']);
  });

  it('turn axes, so that shapes follow from those of the parameters', () => {
    const layout = `layout l for M { "w{i}" -> h[i].qkv by rearrange("i (three o) -> (o three) i", three = 3)\n ${REST} }`;
    expect(movesOf(layout)[0]).toEqual(['w0', '4×12', 'h.0.qkv']);
  });
});

describe('what is wrong with a layout', () => {
  const problems = (body: string) => problemsAt(`${MODEL}layout l for M {\n${body}\n}`, []);
  it.each([
    ['a clause that there is none of', `${REST}\nunsed "x"`, /^main\.mdl:14:1 E0244 .*no clause unsed/],
    ['an operand of another kind', `${REST}\nunused h`, /^main\.mdl:14:8 E0245 unused takes keys/],
    ['a pattern that is none', `"{}" -> head`, /^main\.mdl:13:1 E0245 the pattern \{\} has \{\}/],
    ['a name on one side', `"b.{i}" -> head`, /^main\.mdl:13:1 E0246 \{i\} is in the key/],
    [
      'parameters without a source',
      `"w{i}" -> h[i].qkv\n"n{i}" -> h[i].norm`,
      /^main\.mdl:12:8 E0247 the layout l does not say where a parameter of M is/,
    ],
    ['a key that is read twice', `"w" -> head\n"w.{i}" | "w" -> h[i].qkv\n${REST}`, /^main\.mdl:14:11 E0246/],
    [
      'two parameters of one key',
      `"same" -> head\n"n{i}" -> h[i].norm\n"same" -> h[0].qkv\n"w1" -> h[1].qkv`,
      /^main\.mdl:15:11 E0248 the key same is read for head and for h\.0\.qkv/,
    ],
    ['a rule that is left with nothing', `${REST}\n"w" -> head`, /^main\.mdl:14:8 E0250 no parameter of M is head/],
    [
      'an unused key that a rule reads',
      `${REST}\nunused "x", "h.0.qkv"`,
      /^main\.mdl:14:13 E0251 h\.0\.qkv is `unused`, and/,
    ],
    ['an unused name that is above one', `${REST}\nunused "h.0"`, /^main\.mdl:14:8 E0251 .*a rule reads h\.0\./],
    ['an alias of nothing', `${REST}\nalias "tied" = "haed"`, /^main\.mdl:14:16 E0252 tied is an alias of haed, which/],
    ['a path that there is not', `${REST}\ninitial hed`, /^main\.mdl:14:9 E0403 hed matches nothing/],
    [
      'axes that do not fit',
      `"w{i}" -> h[i].qkv by rearrange("(a b) c -> (b a) c", a = 5)\n${REST}`,
      /^main\.mdl:13:33 E0307 .*5 does not make 12/,
    ],
    [
      'something else than rearrange',
      `"w{i}" -> h[i].qkv by transpose(1)\n${REST}`,
      /^main\.mdl:13:23 E0245 `by` is followed/,
    ],
    [
      'tensors of unequal size',
      `"{a,b,c,d,e}{i}" -> h[i].qkv\n${REST}`,
      /^main\.mdl:13:21 E0245 .*not 5 tensors of the same size/,
    ],
  ])('%s', (_, body, expected) => {
    expect(problems(body)).toMatch(expected);
  });

  it('a module that is there twice, or is none', () => {
    expect(problemsAt(`${MODEL}layout l for Block { ${REST} }`, [])).toMatch(
      /^main\.mdl:12:14 E0249 the layout l is for Block, of which the model has 2/,
    );
    expect(problemsAt(`${MODEL}layout l for deep { ${REST} }`, [])).toMatch(/^main\.mdl:12:14 E\d+/);
  });

  it('nothing where a flag leaves a parameter out', () => {
    expect(
      problemsAt(`${MODEL.replace('deep = true', 'deep = false')}layout l for M { "n{i}" -> h[i].norm\n ${REST} }`, []),
    ).toBe('');
  });
});
