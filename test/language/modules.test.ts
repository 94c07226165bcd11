/** Modules: arguments, lists of submodules, sharing, `when` on submodules and params, checkpoint keys. */
import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { ints, numbers, problems, program, run, tensor, weightsOf } from './support.ts';

const x = tensor([2], [1, 2]);
const keys = (text: string, options?: ModelOptions) => [...program(text, options).parameters.keys()];

/** y = w x, w filled with one number */
const SCALE =
  'module Scale(n = 2, by = 3.0, init = constant(by)) { param w: [n] = init  forward(x: [n]) -> [n] { x * w } }\n';

function result(text: string, options?: ModelOptions): number[] {
  const model = program(text, options);
  return numbers(run(model, { x }, { weights: weightsOf(model, 'initial') }).out);
}

const model = (members: string, body: string) =>
  `${SCALE}model M { ${members}\n entry main(x: [2]) -> (out: [2]) { ${body} } }`;

describe('arguments', () => {
  it.each<[string, number[]]>([
    ['Scale()', [3, 6]],
    ['Scale(2, 5)', [5, 10]],
    ['Scale(by = 7)', [7, 14]],
    ['Scale(init = ones(), n = 2)', [1, 2]],
    ['Scale(2, init = constant(4))', [4, 8]],
  ])('s = %s', (call, out) => {
    expect(result(model(`s = ${call}`, 's(x)'))).toEqual(out);
  });

  it.each<[string, string]>([
    ['Scale(1, 2, 3, 4)', 'E0205 Scale takes 3 arguments and got 4'],
    ['Scale(b = 2)', 'E0204 Scale takes no argument named b'],
    ['Scale(2, n = 2)', 'E0206 Scale gets the argument n twice'],
    ['Scale', 'E0405 the member s must be a module or a list of modules and is the module Scale'],
    ['3', 'E0405 the member s must be a module or a list of modules and is the int 3'],
  ])('s = %s: %s', (call, problem) => {
    expect(problems(`${SCALE}model M { s = ${call} }`)).toEqual([problem]);
  });

  it('an argument without a default is needed', () => {
    expect(problems('module A(n) { }\nmodel M { a = A() }')).toEqual(['E0203 A needs the argument n']);
  });

  it('a declared kind is checked: int, float, bool, string, list', () => {
    const text = (call: string) =>
      `module A(n: int, f: float = 1.0, b: bool = true, s: string = "", l: list = []) { }\nmodel M { a = A(${call}) }`;
    expect(problems(text('1, 2, false, "x", [1]'))).toEqual([]);
    expect(problems(text('1.5'))).toEqual(['E0201 n must be of type int and is the float 1.5']);
    expect(problems(text('1, b = 0'))).toEqual(['E0201 b must be of type bool and is the int 0']);
    expect(problems(text('1, l = 0'))).toHaveLength(1);
  });

  it('a module is not made inside a body', () => {
    expect(problems(model('', 'Scale()(x)'))).toEqual([
      'E0107 Scale is a module and cannot be created inside an expression',
    ]);
  });

  it('a module is no part of itself', () => {
    expect(problems('module A() { b = B() }\nmodule B() { a = A() }\nmodel M { a = A() }')).toEqual([
      'E0215 A contains itself',
    ]);
  });
});

describe('lists of submodules', () => {
  const LAYERS = model('layers = [Scale(by = i + 1) for i in range(3)]', 'for layer in layers { x = layer(x) }\n x');

  it('are run by a loop; their keys count from 0', () => {
    expect(result(LAYERS)).toEqual([6, 12]);
    expect(keys(LAYERS)).toEqual(['layers.0.w', 'layers.1.w', 'layers.2.w']);
  });

  it('skip what the filter leaves out, in the numbering too', () => {
    expect(keys(model('s = [Scale(by = i) for i in range(5) if i % 2 == 0]', 'x'))).toEqual([
      's.0.w',
      's.1.w',
      's.2.w',
    ]);
  });

  it('may be written out, nested, indexed and sliced', () => {
    const text = model(
      's = [[Scale(by = 2), Scale(by = 3)], [Scale(by = 5)]]',
      'for r in s[1:] { for m in r { x = m(x) } }\n s[0][-1](x)',
    );
    expect(result(text)).toEqual([15, 30]);
    expect(keys(text)).toEqual(['s.0.0.w', 's.0.1.w', 's.1.0.w']);
  });

  it('may be reached through their parent', () => {
    const text = `${SCALE}module P() { s = [Scale(by = 2), Scale(by = 9)]  forward(x: [2]) -> [2] { s[0](x) } }
      model M { p = P()  entry main(x: [2]) -> (out: [2]) { p.s[1](x) } }`;
    expect(result(text)).toEqual([9, 18]);
  });
});

describe('sharing', () => {
  it('a member that names another is the same module, under the first one’s keys', () => {
    const text = model('a = Scale(by = 3)\n b = a', 'b(a(x))');
    expect(keys(text)).toEqual(['a.w']);
    expect(result(text)).toEqual([9, 18]);
  });

  it('a list may repeat one module', () => {
    const text = model('a = Scale(by = 2)\n s = [a for i in range(3)]', 'for m in s { x = m(x) }\n x');
    expect(keys(text)).toEqual(['a.w']);
    expect(result(text)).toEqual([8, 16]);
  });

  it('weight tying: the output layer reads the embedding’s weight', () => {
    const text = `import { Embedding } from "std"
      model M { embed = Embedding(3, 2)  lm_head = embed
        entry main(ids: int[T]) -> (out: [T, 3]) { linear(embed(ids), lm_head.weight) } }`;
    const tied = program(text);
    expect([...tied.parameters.keys()]).toEqual(['embed.weight']);
    const weights = new Map([['embed.weight', tensor([3, 2], [1, 2, 3, 4, 5, 6])]]);
    // rows 2 and 0 of the table times the table transposed
    expect(numbers(run(tied, { ids: ints([2], [2, 0]) }, { weights }).out)).toEqual([17, 39, 61, 5, 11, 17]);
  });

  it('a module called twice has one set of parameters', () => {
    expect(result(model('a = Scale(by = 3)', 'a(x) + a(a(x))'))).toEqual([12, 24]);
  });
});

describe('when on a submodule', () => {
  const off = { values: { f: false } };

  it('off without else is the identity and has no parameters; its keys are known as absent', () => {
    const text = `flag f = true\n${model('s = Scale(by = 3) when f', 's(x)')}`;
    expect(result(text)).toEqual([3, 6]);
    expect(result(text, off)).toEqual([1, 2]);
    expect(keys(text)).toEqual(['s.w']);
    expect(keys(text, off)).toEqual([]);
    expect(program(text, off).absent.flatMap((p) => p.keys)).toEqual(['s.w']);
    expect(program(text).absent).toEqual([]);
  });

  it('off with else is the other', () => {
    const text = `flag f = true\n${model('s = Scale(by = 3) when f else Scale(by = 5)', 's(x)')}`;
    expect(result(text)).toEqual([3, 6]);
    expect(result(text, off)).toEqual([5, 10]);
    expect(keys(text, off)).toEqual(['s.w']);
  });

  it('what is wrong with the other is wrong where it is taken', () => {
    const text = `flag f = true\n${model('s = Scale(by = 3) when f else Scale(by = [1.0][3])', 's(x)')}`;
    expect(result(text)).toEqual([3, 6]);
    expect(problems(text, off)).toEqual([expect.stringContaining('3')]);
  });

  it('applies to a whole list', () => {
    const text = `flag f = true\n${model('s = [Scale(by = i + 2) for i in range(2)] when f', 'for m in s { x = m(x) }\n x')}`;
    expect(result(text)).toEqual([6, 12]);
    expect(result(text, off)).toEqual([1, 2]);
    expect(program(text, off).absent.flatMap((p) => p.keys)).toEqual(['s.0.w', 's.1.w']);
  });

  it('or to some items of a list', () => {
    const text = `flag f = true\n${model('s = [Scale(by = i + 2) when f and i > 0 for i in range(3)]', 'for m in s { x = m(x) }\n x')}`;
    expect(result(text)).toEqual([12, 24]);
    expect(keys(text)).toEqual(['s.1.w', 's.2.w']);
    expect(keys(text, off)).toEqual([]);
    expect(program(text, off).absent.map((p) => p.path)).toEqual(['s.1.w', 's.2.w']);
  });

  it('the identity gives back its first argument, whatever the others are', () => {
    const text = `flag f = true
      module Add() { param w: [1] = ones()  forward(x: [2], y: [2]) -> [2] { x + y * w } }
      model M { a = Add() when f  entry main(x: [2]) -> (out: [2]) { a(x, x * 10) } }`;
    expect(result(text)).toEqual([11, 22]);
    expect(result(text, off)).toEqual([1, 2]);
  });

  it('the first parameter, that is, in whatever order the call gives them, and lists among them', () => {
    const text = `flag f = true
      module Add() { param w: [1] = ones()  forward(x: [2], ys) -> [2] { x + ys[0] * w } }
      model M { a = Add() when f  entry main(x: [2]) -> (out: [2]) { a(ys = [x * 10, x], x = x) } }`;
    expect(result(text)).toEqual([11, 22]);
    expect(result(text, off)).toEqual([1, 2]);
  });

  it('and there is none where a forward has no parameter', () => {
    const text = `flag f = true
      module One() { param w: [2] = ones()  forward() -> [2] { w * 1 } }
      model M { a = One() when f  entry main(x: [2]) -> (out: [2]) { x + a() } }`;
    const problem = ['E0310 a may be switched off only if it keeps the shape, and it turns nothing into [2]'];
    expect(problems(text)).toEqual(problem);
    expect(problems(text, off)).toEqual(problem);
  });

  it('is an error where leaving it out changes the shape, on or off', () => {
    const text = `import { Linear } from "std"\nflag f = true
      model M { s = Linear(2, 3) when f  entry main(x: [2]) -> (out: [_]) { s(x) } }`;
    const problem = 'E0310 s may be switched off only if it keeps the shape, and it turns [2] into [3]';
    expect(problems(text)).toEqual([problem]);
    expect(problems(text, off)).toEqual([problem]);
  });

  it('but not where the call itself is under the condition', () => {
    const linear = (member: string, body: string) => `import { Linear } from "std"\nflag f = true
      model M { s = Linear(2, 3) ${member}  entry main(x: [2]) -> (out: [_]) { ${body} } }`;
    for (const values of [{ f: true }, { f: false }]) {
      expect(problems(linear('when f', 's(x) when f else x'), { values })).toEqual([]);
      expect(problems(linear('when f', 'if f { s(x) } else { x }'), { values })).toEqual([]);
      expect(problems(linear('when not f', 'x when f else s(x)'), { values })).toEqual([]);
      expect(problems(linear('when not f', 'if f { x } else { s(x) }'), { values })).toEqual([]);
    }
  });

  it('a flag decides also through a let, an argument, not, and and or', () => {
    const text = `flag f = true
      ${SCALE}
      module P(use, first) { let unused = not use  a = Scale() when use  b = Scale() when not unused  c = Scale() when use and first  d = Scale() when not use or first
        forward(x: [2]) -> [2] { x |> a |> b |> c |> d } }
      model M { p = [P(f, i == 0) for i in range(2)] }`;
    const on = ['p.0.a.w', 'p.0.b.w', 'p.0.c.w', 'p.0.d.w', 'p.1.a.w', 'p.1.b.w'];
    expect(keys(text)).toEqual(on);
    expect(program(text).absent.map((p) => p.path)).toEqual(['p.1.d.w']);
    expect(keys(text, off)).toEqual(['p.0.d.w', 'p.1.d.w']);
    expect(program(text, off).absent.map((p) => p.path)).toEqual([
      'p.0.a.w',
      'p.0.b.w',
      'p.0.c.w',
      'p.1.a.w',
      'p.1.b.w',
    ]);
  });

  it('what a condition that is no flag leaves out counts as absent nowhere', () => {
    const text = `flag f = true
      module Pair(second) { a = LayerNorm(2)  b = LayerNorm(2) when second  forward(x: [2]) -> [2] { b(a(x)) } }
      import { LayerNorm } from "std"
      model M { p = [Pair(i == 0) for i in range(2)] when f }`;
    const names = (p: string) => [`${p}.weight`, `${p}.bias`];
    expect(keys(text)).toEqual(['p.0.a', 'p.0.b', 'p.1.a'].flatMap(names));
    expect(program(text).absent).toEqual([]);
    expect(program(text, off).absent.flatMap((p) => p.keys)).toEqual(['p.0.a', 'p.0.b', 'p.1.a'].flatMap(names));
  });
});

describe('when on params and values', () => {
  const off = { values: { f: false } };

  it('a param that is off is none', () => {
    const text = `flag f = true
      model M { param b: [2] = ones() when f
        entry main(x: [2]) -> (out: [2]) { x + b when f else x * 10 } }`;
    expect(result(text)).toEqual([2, 3]);
    expect(result(text, off)).toEqual([10, 20]);
    expect(program(text, off).absent.map((p) => p.path)).toEqual(['b']);
  });

  it('and none means no bias, no weight', () => {
    const text = `import { Linear } from "std"
      model M { a = Linear(2, 2, with_bias = false, init = ones())  entry main(x: [2]) -> (out: [2]) { a(x) } }`;
    expect(keys(text)).toEqual(['a.weight']);
    expect(result(text)).toEqual([3, 3]);
  });

  it('an initialiser may be chosen', () => {
    const text = 'flag f = true\nmodel M { param w: [2] = ones() when f else zeros() }';
    expect(program(text).parameters.get('w')!.initializer.kind).toBe('ones');
    expect(program(text, off).parameters.get('w')!.initializer.kind).toBe('zeros');
    expect(program(text, off).absent).toEqual([]);
  });
});

describe('keys', () => {
  it('key gives a member another name in checkpoints, then aliases', () => {
    const text = `${SCALE}model M { a = Scale() key "x.y" | "z"\n param p: [1] = zeros() key "q" }`;
    const parsed = program(text);
    expect([...parsed.parameters.values()].map(({ path, keys }) => [path, keys])).toEqual([
      ['a.w', ['x.y.w', 'z.w']],
      ['p', ['q']],
    ]);
  });

  it('keys are unique', () => {
    expect(problems(`${SCALE}model M { a = Scale() key "k"\n b = Scale() key "k" }`)).toEqual([
      'E0401 two parameters have the key "k.w"',
    ]);
  });

  it('keys are words joined by dots', () => {
    expect(problems(`${SCALE}model M { a = Scale() key "../k" }`)).toEqual([
      'E0410 "../k" cannot be part of a checkpoint key',
    ]);
  });

  it('a buffer has a key, is not counted as a parameter and keeps its dtype', () => {
    const [ids] = program('model M { buffer ids: int[1, 3] = arange() }').parameters.values();
    expect([ids!.buffer, ids!.dtype, ids!.initializer.kind]).toEqual([true, 'i64', 'arange']);
  });

  it('a parameter has a static shape', () => {
    expect(problems('model M { param w: [...] = zeros() }')).toEqual([
      'E0406 the shape of the parameter w must be known at compile time',
    ]);
    expect(problems('model M { param w: [2] = 3 }')).toEqual([
      'E0201 the initialiser of w must be an initialiser such as normal(0.02) and is the int 3',
    ]);
  });
});

describe('a list is called', () => {
  const three = 's = [Scale(by = i + 1.0) for i in range(3)]';

  it.each<[string, string, number[]]>([
    ['its items one after the other', 's(x)', [6, 12]],
    ['by a pipe', 'x |> s', [6, 12]],
    ['a part of it', 's[1:](x)', [6, 12]],
    ['functions among them', '[s[2], relu, s[1]](0 - x)', [0, 0]],
    ['of none', '[](x)', [1, 2]],
  ])('%s', (_, body, out) => {
    expect(result(model(three, body))).toEqual(out);
  });

  it('passes the other arguments to each', () => {
    const text = `module Add(by) { forward(x: [2], y: [2], sign = 1) -> [2] { x + by * sign * y } }
      model M { s = [Add(2), Add(3)]  entry main(x: [2]) -> (out: [2]) { s(x, x, sign = -1) } }`;
    expect(result(text)).toEqual([-4, -8]);
  });

  it.each<[string, string]>([
    ['s()', 'E0201 the first argument of a list that is called must be given by its place and is missing'],
    ['s(x = x)', 'E0201 the first argument of a list that is called must be given by its place and is named x'],
    ['[s[0], 3](x)', 'E0208 the int 3 cannot be called'],
  ])('%s', (body, problem) => {
    expect(problems(model(three, body))).toEqual([problem]);
  });
});
