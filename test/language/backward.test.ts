/** `backward` clauses: what flows back is what the file says, on every engine; a true derivative agrees with finite differences. */
import { describe, expect, it } from 'vitest';
import { format } from '../../src/compiler/format/index.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { finiteDifferences, gradientsOf, run, type Tensors } from '../passes/autodiff/support.ts';
import { problems, program, tensor, wave } from './support.ts';

const clippedFully = (value: string) => `
fn kept(x: [...]) -> [...] { ${value} } backward estimator(dy) -> x { clamp(dy, -0.25, 0.25) }
model M { entry loss(x: [2]) -> (loss: []) { sum(kept(x)) } }`;

const entry = (text: string) => program(text).entry('loss')!.graph;

/** sin(x) · scale, with the derivative written out. */
const SWING = `
fn swing(x: [B, D], scale: [D]) -> [B, D] {
  let s = sin(x)
  s * scale
} backward(dy) -> (x, scale) { (dy * cos(x) * scale, sum(dy * s, axes = [0])) }

model M {
  param scale: [3] = ones()
  entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) { sum(tanh(swing(1.5 * x, 0.5 * scale)) * c) }
}`;

const swung: Tensors = new Map([
  ['x', wave([2, 3], 1)],
  ['c', wave([2, 3], 2)],
  ['scale', wave([3], 3)],
]);

describe('a clause that is a derivative', () => {
  it('agrees with finite differences in the middle of a graph', () => {
    expect(finiteDifferences(entry(SWING), swung, ['x', 'scale'])).toBeUndefined();
  });

  it('is what the gradients are made of: a wrong one is seen', () => {
    const wrong = SWING.replace('dy * cos(x) * scale', '2.0 * dy * cos(x) * scale');
    expect(finiteDifferences(entry(wrong), swung, ['x'])).toMatch(/moving it gives/);
  });

  it('leaves no trace in a graph of inference', () => {
    const graph = runPipeline(entry(SWING));
    const plain = runPipeline(entry(SWING.replace(/backward.*/, '')));
    expect(printGraph(graph)).toBe(printGraph(plain));
  });
});

describe('a clause that is an estimator', () => {
  const clipped = (value: string) => `
fn kept(x: [...]) -> [...] { ${value} } backward estimator(dy) -> x { clamp(dy, -0.25, 0.25) }
model M { entry loss(x: [4], c: [4]) -> (loss: []) { sum(kept(x) * c) } }`;
  const c = tensor([4], [1, -1, 0.125, 0]);
  const x = tensor([4], [0.5, 1.5, 2.5, -0.5]);

  it.each(['x', 'round(x)', 'zero(x)'])('of %s gives what it says', (value) => {
    const text = clipped(value === 'zero(x)' ? 'x - x' : value);
    const found = gradientsOf(
      entry(text),
      new Map([
        ['x', x],
        ['c', c],
      ]),
      ['x'],
    );
    expect([...found.get('x')!.data]).toEqual([0.25, -0.25, 0.125, 0]);
  });

  it('has its value in the loss', () => {
    const { data } = run(
      entry(clipped('round(x)')),
      new Map([
        ['x', x],
        ['c', c],
      ]),
    ).get('loss')!;
    expect(data[0]).toBe(0 - 2 + 0.25 + 0);
  });

  it('is not differentiated through: a clause may call another body that has one', () => {
    const text = `
fn ste(x: [...]) -> [...] { round(x) } backward estimator(dy) -> x { 3.0 * dy }
fn outer(x: [...]) -> [...] { ste(x) } backward estimator(dy) -> x { ste(10.0 * dy) }
model M { entry loss(x: [4], c: [4]) -> (loss: []) { sum(outer(x) * c) } }`;
    const found = gradientsOf(
      entry(text),
      new Map([
        ['x', x],
        ['c', c],
      ]),
      ['x'],
    );
    expect([...found.get('x')!.data]).toEqual([10, -10, 1, 0]);
  });

  it('of two equal calls gets the gradient of each', () => {
    const text = `
fn ste(x: [...]) -> [...] { x } backward estimator(dy) -> x { clamp(dy, -1.0, 1.0) }
model M { entry loss(x: [1]) -> (loss: []) { sum(5.0 * ste(x)) + sum(-7.0 * ste(x)) + sum(2.0 * ste(x)) } }`;
    // equal nodes are one before a graph is differentiated, and these are not equal
    const graph = runPipeline(entry(text), { without: ['backward'] });
    const found = gradientsOf(graph, new Map([['x', tensor([1], [1])]]), ['x']);
    expect([...found.get('x')!.data]).toEqual([1]);
  });
});

it('stays as it is through the passes before differentiation', () => {
  const text = clippedFully('x - x');
  const graph = runPipeline(entry(text), { without: ['backward'] });
  const found = gradientsOf(graph, new Map([['x', tensor([2], [3, 4])]]), ['x']);
  expect([...found.get('x')!.data]).toEqual([0.25, 0.25]);
});

it('straight_through has the value of one and the gradient of the other', () => {
  const text = `import { straight_through } from "std"
model M { entry loss(x: [3], c: [3]) -> (loss: [], y: [3]) {
  let y = straight_through(x, round(x))
  (sum(y * c), y)
}  }`;
  const tensors = new Map([
    ['x', tensor([3], [0.4, 1.6, -2.5])],
    ['c', tensor([3], [1, -2, 3])],
  ]);
  expect([...run(entry(text), tensors).get('y')!.data]).toEqual([0, 2, -2]);
  expect([...gradientsOf(entry(text), tensors, ['x']).get('x')!.data]).toEqual([1, -2, 3]);
});

it('random numbers are refused in a graph of inference, and not in a clause', () => {
  const text = (body: string) => `model M { entry run(x: [2]) -> (y: [2]) { ${body} } }`;
  expect(problems(text('x + random([2])'))).toEqual([
    'E0281 random numbers are drawn in a backward clause, or where is_training() holds, and nowhere else',
  ]);
  expect(problems(text('x + random([2]) when is_training() else x'))).toEqual([]);
  const clause = 'fn f(x: [2]) -> [2] { x } backward estimator(dy) -> x { floor(dy + random([2])) }';
  expect(problems(`${clause}\n${text('f(x)')}`)).toEqual([]);
});

it('mdl fmt keeps a clause', () => {
  const text = `fn ste(x: [...]) -> [...] { round(x) } backward  estimator ( dy )->x{dy}
module S() {
  param w: [2] = ones()
  forward(x: [B, 2]) -> [B, 2] { x * w }
  // what flows back
  backward(dy) -> ( x,w ) {
    let dx = dy * w // of x
    (dx, sum(dy * x, axes = [0]))
  }
}
`;
  const formatted = format(text).text;
  expect(formatted).toBe(`fn ste(x: [...]) -> [...] { round(x) } backward estimator(dy) -> x { dy }

module S() {
  param w: [2] = ones()

  forward(x: [B, 2]) -> [B, 2] { x * w }
  // what flows back
  backward(dy) -> (x, w) {
    let dx = dy * w // of x
    (dx, sum(dy * x, axes = [0]))
  }
}
`);
  expect(format(formatted).text).toBe(formatted);
});

it('a module has gradients of its params and arguments', () => {
  const text = `
module Scale() {
  param weight: [2] = ones()
  forward(x: [B, 2]) -> [B, 2] { x * weight } backward(dy) -> (x, weight) { (dy * weight, sum(dy * x, axes = [0])) }
}
model M { scale = Scale()  entry loss(x: [B, 2]) -> (loss: []) { sum(scale(x) ** 2.0) } }`;
  const tensors = new Map([
    ['x', wave([3, 2])],
    ['scale.weight', wave([2], 4)],
  ]);
  expect(finiteDifferences(entry(text), tensors, ['x', 'scale.weight'])).toBeUndefined();
});

it('what a clause does not name gets nothing', () => {
  const text = `
fn half(x: [...], w: [...]) -> [...] { x * w } backward(dy) -> x { dy * w }
model M { entry loss(x: [2], w: [2]) -> (loss: []) { sum(half(x, w)) } }`;
  const tensors = new Map([
    ['x', tensor([2], [1, 2])],
    ['w', tensor([2], [3, 4])],
  ]);
  const found = gradientsOf(entry(text), tensors, ['x', 'w']);
  expect([...found.get('x')!.data]).toEqual([3, 4]);
  expect([...found.get('w')!.data]).toEqual([0, 0]);
});

describe('what is wrong with a clause', () => {
  const body = (clause: string, value = 'x * scale') =>
    problems(`fn f(x: [B, 8], scale: [8], n: int[B]) -> [B, 8] { ${value} } ${clause}
model M { param s: [8] = ones()  entry run(x: [B, 8], n: int[B]) -> (y: [B, 8]) { f(x, s, n) } }`);

  it.each([
    ['backward(dy) -> (x, n) { (dy, dy) }', /^E0275 .*gradient of n, which is int\[B\]/],
    [
      'backward(dy) -> (x, scale) { (dy * scale, dy * x) }',
      /^E0276 .*gives \[B, 8\] as the gradient of scale, which is \[8\]/,
    ],
    ['backward(dy) -> (x, scale) { dy }', /^E0277 .*1 value for the gradients of 2 names/],
    ['backward(dy) -> (x, scale) { (dy, sum(dy, axes = [0]), dy) }', /^E0277 .*3 values/],
    ['backward(dy) -> y { dy }', /^E0105 y is not declared/],
    ['backward(dy) -> (x, x) { (dy, dy) }', /^E0\d+ x /],
    ['backward(dy) -> x { let a = dy }', /^E0277 .*0 values/],
  ])('%s', (clause, message) => {
    expect(body(clause)[0]).toMatch(message);
  });

  it('a param that the body reads and the clause leaves out', () => {
    const scale = (body: string) => `
module Scale() { param weight: [8] = ones()  forward(x: [B, 8]) -> [B, 8] { ${body} } backward(dy) -> x { dy } }
model M { scale = Scale()  entry run(x: [B, 8]) -> (y: [B, 8]) { scale(x) } }`;
    expect(problems(scale('x * weight'))).toEqual([
      'E0279 the body of scale reads the param scale.weight, and its backward clause gives no gradient of it',
    ]);
    expect(problems(scale('x * stop_gradient(weight)'))).toEqual([]);
  });

  it('a derivative of round is refused where training needs it, with what to write', () => {
    const graph = entry('model M { entry loss(x: [2]) -> (loss: []) { sum(round(x)) } }');
    expect(() => gradientsOf(graph, new Map([['x', wave([2])]]), ['x'])).toThrow(/straight_through/);
  });
});

it('backward and estimator are names too', () => {
  const text = `
module Two() { forward = 3 }
model M { entry run(backward: [2], estimator: [2]) -> (y: [2]) { backward + estimator } }`;
  expect(problems(text.replace('module Two() { forward = 3 }', ''))).toEqual([]);
  const members = `import { Linear } from "std"
module Pair() {
  forward(x: [B, 2]) -> [B, 2] { x |> backward |> estimator }
  backward = Linear(2, 2)
  estimator = Linear(2, 2)
}
model M { pair = Pair()  entry run(x: [B, 2]) -> (y: [B, 2]) { pair(x) } }`;
  expect(problems(members)).toEqual([]);
});
