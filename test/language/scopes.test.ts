/** Which declaration a name means: lets, parameters, members, functions, modules, config fields, flags, imports. */
import { describe, expect, it } from 'vitest';
import { evaluate, numbers, problems, program, run, tensor, weightsOf } from './support.ts';

const x = tensor([2], [1, 2]);

it('a file of one’s own cannot be called as the standard library is', () => {
  const found = problems(
    'import { Mine } from "./std.mdl"\nmodel M { m = Mine() }',
    {},
    { 'std.mdl': 'module Mine() { }' },
  );
  expect(found).toEqual([expect.stringContaining('./std.mdl')]);
});

describe('bodies', () => {
  it('a let hides the one before it', () => {
    expect(numbers(evaluate('y', { x }, { before: 'let y = x\n let y = y * 3' }))).toEqual([3, 6]);
  });

  it('assignment rebinds where the name was declared', () => {
    expect(numbers(evaluate('y', { x }, { before: 'let y = x\n for i in range(3) { y = y + i }' }))).toEqual([4, 5]);
  });

  it('a let inside a loop or a branch ends with it', () => {
    const before = 'let y = x\n for i in range(3) { let y = y + 100 }\n if true { let y = y * 7 }';
    expect(numbers(evaluate('y', { x }, { before }))).toEqual([1, 2]);
  });

  it('a parameter may be rebound', () => {
    expect(numbers(evaluate('x', { x }, { before: 'x = x + 1' }))).toEqual([2, 3]);
  });

  it('what was never declared cannot be assigned', () => {
    const text = 'model M { entry main(x: [2]) -> (out: [2]) { y = x  x } }';
    expect(problems(text)).toEqual(['E0105 y is not declared here']);
  });

  it('if takes one of its branches, as an expression too', () => {
    const pick = (n: number) =>
      numbers(evaluate(`if ${n} == 1 { x } else if ${n} == 2 { x * 2 } else { x * 3 }`, { x }));
    expect([pick(1), pick(2), pick(3)]).toEqual([
      [1, 2],
      [2, 4],
      [3, 6],
    ]);
  });

  it('a condition on what is dynamic is one error', () => {
    const text = (condition: string) =>
      `model M { entry main(x: [B]) -> (out: [B]) { if ${condition} { x } else { x * 2 } } }`;
    expect(problems(text('B == 1')).map((problem) => problem.slice(0, 5))).toEqual(['E0202']);
    expect(problems(text('x > 0'))).toEqual([
      'E0308 a condition must be known at compile time, and this one is a tensor',
    ]);
  });

  it('lets take several values apart: a list, or the rows of a tensor', () => {
    expect(numbers(evaluate('b - a', { x }, { before: 'let a, b = [x, x * 10]' }))).toEqual([9, 18]);
    const m = tensor([2, 2], [1, 2, 30, 40]);
    expect(numbers(evaluate('b - a', { m }, { before: 'let a, b = m' }))).toEqual([29, 38]);
  });

  it('names of dimensions are ints in the body', () => {
    const text = `fn f(x: [R, C]) { x * R + C }
      model M { entry main(x: [2, 3]) -> (out: [2, 3]) { f(x) } }`;
    expect(numbers(run(program(text), { x: tensor([2, 3], [0, 1, 2, 3, 4, 5]) }).out)).toEqual([3, 5, 7, 9, 11, 13]);
  });

  it('( and [ on a new line start a new expression', () => {
    const text = `fn f(x) { let y = x
        (y, y * 2) }
      model M { entry main(x: [2]) -> (a: [2], b: [2]) { f(x) } }`;
    expect(numbers(run(program(text), { x }).b)).toEqual([2, 4]);
  });

  it('|> passes the value as the first argument', () => {
    expect(numbers(evaluate('x |> add3 |> pow(2.0)', { x }, { before: 'let add3 = relu' }))).toEqual([1, 4]);
  });
});

describe('functions', () => {
  it('take positional and named arguments and defaults', () => {
    const text = (call: string) => `fn f(x, scale = 2, shift = scale * 10) { x * scale + shift }
      model M { entry main(x: [2]) -> (out: [2]) { ${call} } }`;
    const call = (source: string) => numbers(run(program(text(source)), { x }).out);
    expect(call('f(x)')).toEqual([22, 24]);
    expect(call('f(x, 3)')).toEqual([33, 36]);
    expect(call('f(x, shift = 1)')).toEqual([3, 5]);
    expect(call('f(scale = 5, x = x, shift = 0)')).toEqual([5, 10]);
    expect(call('x |> f(4, shift = 1)')).toEqual([5, 9]);
    expect(problems(text('f()'))).toEqual(['E0203 f needs the argument x']);
    expect(problems(text('f(x, 1, 2, 3)'))).toEqual(['E0205 f takes 3 arguments and got 4']);
    expect(problems(text('f(x, x = x)'))).toEqual(['E0206 f gets the argument x twice']);
    expect(problems(text('f(x, scal = 1)'))).toEqual(['E0204 f takes no argument named scal']);
  });

  it('do not see the names of their caller', () => {
    const text = 'fn f(x) { x + y }\nmodel M { entry main(x: [2]) -> (out: [2]) { let y = x  f(x) } }';
    expect(problems(text)).toEqual(['E0105 y is not declared here']);
  });

  it('of a module see its members and arguments', () => {
    const text = `module Scale(n) { let twice = 2 * n  param w: [n] = ones()
        fn scaled(x) { x * w * twice }
        forward(x: [n]) -> [n] { scaled(x) + scaled(x) } }
      model M { s = Scale(2)  entry main(x: [2]) -> (out: [2]) { s(x) } }`;
    const model = program(text);
    expect(numbers(run(model, { x }, { weights: weightsOf(model, 'initial') }).out)).toEqual([8, 16]);
  });

  it('are values: a module takes an activation', () => {
    const text = (activation: string) => `fn square(x) { x * x }
      module Act(f = relu) { forward(x: [2]) -> [2] { x |> f } }
      model M { a = Act(${activation})  entry main(x: [2]) -> (out: [2]) { a(x) } }`;
    expect(numbers(run(program(text('square')), { x }).out)).toEqual([1, 4]);
    expect(numbers(run(program(text('f = abs')), { x: tensor([2], [-1, 2]) }).out)).toEqual([1, 2]);
    expect(numbers(run(program(text('')), { x: tensor([2], [-1, 2]) }).out)).toEqual([0, 2]);
  });

  it('cannot call themselves', () => {
    expect(problems('fn f(x) { f(x) }\nmodel M { entry main(x: [2]) -> (out: [2]) { f(x) } }')).toEqual([
      'E0215 f calls itself',
    ]);
  });
});

describe('recursion', () => {
  it('a module handed to itself does not run forever', () => {
    const text =
      'module A() { forward(x, m) { m(x, m) } }\nmodel M { a = A() entry main(x: [2]) -> (out: [2]) { a(x, a) } }';
    expect(problems(text)).toEqual(['E0215 a calls itself']);
  });

  it('a function may run again inside a module that it calls', () => {
    const text = `fn twice(f, x) { f(f(x)) }
      module Inner() { forward(x: [2]) -> [2] { twice(add1, x) }  fn add1(x) { x + 1 } }
      module Outer() { inner = Inner()  forward(x: [2]) -> [2] { twice(inner, x) } }
      model M { outer = Outer()  entry main(x: [2]) -> (out: [2]) { outer(x) } }`;
    expect(numbers(run(program(text), { x }).out)).toEqual([5, 6]);
  });
});

describe('members', () => {
  it('a member may be named as the module it is made from', () => {
    const text = `import { LayerNorm } from "std"
      module Out(n) { LayerNorm = LayerNorm(n)  forward(x: [n]) -> [n] { LayerNorm(x) } }
      model M { out = Out(2)  entry main(x: [2]) -> (out: [2]) { out(x) } }`;
    const model = program(text);
    expect([...model.parameters.keys()]).toEqual(['out.LayerNorm.weight', 'out.LayerNorm.bias']);
    const [low, high] = numbers(run(model, { x }, { weights: weightsOf(model, 'initial') }).out);
    expect([low!, high!].map((v) => Math.round(v))).toEqual([-1, 1]);
  });

  it('contextual words name members: key, model, entry, cache, on, with, stage', () => {
    const words = ['key', 'model', 'entry', 'cache', 'on', 'with', 'stage', 'merge', 'from', 'as', 'config', 'flag'];
    const text = `module Id() { param w: [1] = ones()  forward(x: [2]) -> [2] { x * w } }
      model M { ${words.map((word) => `${word} = Id()`).join('\n')}
        entry main(x: [2]) -> (out: [2]) { x |> ${words.join(' |> ')} } }`;
    const model = program(text);
    expect([...model.parameters.keys()]).toEqual(words.map((word) => `${word}.w`));
    expect(numbers(run(model, { x }, { weights: weightsOf(model, 'initial') }).out)).toEqual([1, 2]);
  });

  it('lets of a module are compile-time values and see the ones before', () => {
    const model = program('model M { let a = 2  let b = a ** 3  param w: [b] = zeros() }');
    expect(model.parameters.get('w')!.shape).toEqual([8]);
  });

  it('arguments hide config fields, flags and functions of the file', () => {
    const text = `flag width = true
      config c { n = 3 }
      module A(width, relu) { param w: [width] = zeros()  param v: [relu] = zeros() }
      model M { a = A(n, 5) }`;
    expect([...program(text).parameters.values()].map(({ shape }) => shape)).toEqual([[3], [5]]);
  });

  it('modules do not see the config: it is handed to them', () => {
    expect(problems('config c { n = 3 }\nmodule A() { param w: [n] = zeros() }\nmodel M { a = A() }')).toEqual([
      'E0105 n is not declared here',
    ]);
    const model = program('config c { a { n = 3 } }\nmodule A(c) { param w: [c.n] = zeros() }\nmodel M { x = A(a) }');
    expect(model.parameters.get('x.w')!.shape).toEqual([3]);
  });
});

describe('imports', () => {
  const files = {
    'lib/blocks.mdl': `import { Linear as Dense } from "std"
      flag biased = true
      fn twice(x) { hidden(x) + hidden(x) }
      fn hidden(x) { x }
      module Block(n) { dense = Dense(n, n, with_bias = biased)  forward(x: [n]) -> [n] { dense(x) } }`,
    'lib/more.mdl':
      'import { Block } from "./blocks.mdl"\nmodule Two(n) { a = Block(n)  b = Block(n)  forward(x: [n]) -> [n] { x |> a |> b } }',
  };

  it('bring names in, under another name with as; what they need stays theirs', () => {
    const text = `import { Block as B1, twice as double } from "./lib/blocks.mdl"
      import { Two } from "./lib/more.mdl"
      model M { b = B1(2)  t = Two(2)  entry main(x: [2]) -> (out: [2]) { double(x) } }`;
    const model = program(text, {}, files);
    expect([...model.parameters.keys()]).toEqual(
      ['b', 't.a', 't.b'].flatMap((path) => [`${path}.dense.weight`, `${path}.dense.bias`]),
    );
    expect(numbers(run(model, { x }).out)).toEqual([2, 4]);
  });

  it('a flag of an imported file is a flag of the model', () => {
    const text = 'import { Block } from "./lib/blocks.mdl"\nmodel M { b = Block(2) }';
    const model = program(text, { values: { biased: false } }, files);
    expect([...model.parameters.keys()]).toEqual(['b.dense.weight']);
  });

  it('a flag can be imported by name', () => {
    const text =
      'import { biased } from "./lib/blocks.mdl"\nmodel M { let n = 2 when biased else 3  param w: [n] = zeros() }';
    expect(program(text, { values: { biased: false } }, files).parameters.get('w')!.shape).toEqual([3]);
  });

  it('only names that the other file declares or imports', () => {
    expect(problems('import { Blok } from "./lib/blocks.mdl"\nmodel M { }', {}, files)).toEqual([
      'E0104 lib/blocks.mdl declares no Blok',
    ]);
  });

  it('the folders above a file count from that file', () => {
    const inner = { ...files, 'deep/m.mdl': 'import { Block } from "../lib/blocks.mdl"\nmodule D(n) { b = Block(n) }' };
    const model = program('import { D } from "./deep/m.mdl"\nmodel M { d = D(2) }', {}, inner);
    expect([...model.parameters.keys()]).toEqual(['d.b.dense.weight', 'd.b.dense.bias']);
  });
});
