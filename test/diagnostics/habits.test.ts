/** What people write who come from Python and PyTorch, and what each message says to write instead. */
import { expect, it } from 'vitest';
import { diagnose } from './support.ts';

const entry = (body: string): string => `import { Linear } from "std"
config c { d = 8 }
module A(cfg) { forward(x: [B]) { x } }
model M {
  fc = Linear(8, 8)
  entry run(x: [B, T, 8]) -> (y: [B, T, 8]) {
${body}
  }
}
`;

it.each<[string, string, RegExp]>([
  ['return', entry('return x'), /the last expression of a body is its value/],
  ['self', entry('self.fc(x)'), /`fc\(x\)`, not `self\.fc\(x\)`/],
  ['a method', entry('x.relu()'), /write `relu\(x\)` or `x \|> relu`/],
  ['a method of a result', entry('fc(x).transpose(1, 2)'), /write `transpose\(x\)`/],
  ['shape', entry('let b = x.shape\nx'), /sizes are the names in the declared type/],
  ['+=', entry('x += 1\nx'), /`x = x \+ …`; there is no `\+=`/],
  ['*=', entry('x *= 2\nx'), /there is no `\*=`/],
  ['a step back', entry('x[::-1]'), /`flip\(x, \[axis\]\)` turns an axis round/],
  ['def', 'def f(x):\n  return x\n', /a function with `fn name/],
  ['class', 'class M(Module):\n  pass\n', /a module is declared with `module Name/],
  ['None', entry('let a = None\nx'), /write `none`/],
  ['True', entry('x when True else x'), /write `true`/],
  ['lambda', entry('let f = lambda x: x + 1\nx'), /a function has a name of its own/],
  ['an f-string', entry('let s = f"a{x}"\nx'), /strings are not formatted/],
  ['a comment', entry('# hello\nx'), /a comment starts with \/\//],
  ['elif', entry('if true { x } elif false { x } else { x }'), /write `else if`/],
  ['is None', entry('if x is None { x } else { x }'), /`x == none`/],
  ['std', entry('let s = std(x)\nx'), /`sqrt\(variance\(x, axis = -1\)\)`/],
  ['Dropout', entry('Dropout(0.1)(x)'), /`dropout\(x, 0\.1\)`/],
  ['randn', entry('x + randn([B, T, 8])'), /`random_normal` from the normal distribution/],
  ['LSTM', entry('LSTM(8, 8)(x)'), /`import \{ LSTM, GRU \} from "std"`/],
  [
    'a choice of Python in a let',
    entry('let v = x if true else fc(x)\nv'),
    /`a when c else b`; there is no `a if c else b`/,
  ],
  [
    'a choice of Python in a call',
    entry('relu(x if true else fc(x))'),
    /`a when c else b`; there is no `a if c else b`/,
  ],
  ['a choice of Python in a member', 'module A(n) { k = n if n > 1 else 2 }', /there is no `a if c else b`/],
  ['an if as a value', entry('let v = if true { x } else { fc(x) }\nv'), /chosen by `let v = a when c else b`/],
  ['a for as a value', entry('relu(for i in range(2) { x })'), /write `\[f\(x\) for x in xs\]`/],
  ['a choice of C', entry('let v = true ? x : fc(x)\nv'), /`a when c else b`/],
  ['a list times a tensor', entry('x * [0.1, 0.2]'), /`tensor\(\[0\.1, 0\.2\]\)`/],
  ['a tensor as an index', entry('let i = iota(T)\nx[0, i]'), /`gather\(x, i, axis = 0\)` takes slices/],
  ['a tensor as an index of a list', entry('let i = iota(T)\n[x, x][i]'), /`gather\(stack\(items, axis = 0\), i\)`/],
  ['a mask as an index', entry('let keep = iota(T) > 2\nx[:, keep]'), /`where\(mask, x, 0\.0\)`/],
  ['import torch', 'import torch\n', /import \{ Linear \} from "std"/],
  ['from torch import', 'from torch import nn\n', /import \{ Linear \} from "std"/],
  ['nn.Linear', entry('nn.Linear(8, 8)(x)'), /layers are modules of the standard library/],
  ['dims in lower case', 'fn f(x: [b, t, 8]) -> [b, t, 8] { x }\n', /starts with a capital, such as `B`/],
  ['an argument in a result type', 'fn f(x: [B, T], n) -> [B, n] { x }\n', /n is an argument, .*leave this type out/],
  ['range of a dimension', entry('for i in range(T) { let z = i }\nx'), /positions as a tensor are `iota\(T\)`/],
  ['a config as a value', entry('let a = c\nx'), /c is a config: its fields are names/],
  ['a value below a let that begins with -', entry('let z = x\n-z'), /put the negative one in parentheses: `\(-x\)`/],
  ['a difference over two lines', entry('let z = x // all\n  - fc(x)\nz'), /ends the line above with its `-`/],
  ['a call on the next line', entry('fc\n(x)'), /stands on the line of what it applies to/],
  ['an index on the next line', entry('let z = x\n[0]\nz'), /stands on the line of what it applies to/],
  ['a call whose value nothing takes', entry('relu(x)\nx'), /give this one a name with `let`, or leave it out/],
  ['view', entry('x.view(B, -1)'), /write `reshape\(x, \[B, 32\]\)`/],
  ['a size', entry('let b = x.size(0)\nx'), /sizes are the names in the declared type/],
  ['cat', entry('cat([x, x], dim = 1)'), /`concat\(\[x, y\], axis = 1\)`/],
  ['an order that is no list', entry('permute(x, 2, 0, 1)'), /order is a list: write `permute\(x, \[2, 0, 1\]\)`/],
  ['a shape that is no list', entry('reshape(x, B, T * 8)'), /shape is a list: write `reshape\(x, \[B, T \* 8\]\)`/],
  ['enumerate', entry('for i, l in enumerate([fc]) { x = l(x) }\nx'), /`for i in range\(len\(layers\)\)/],
  ['randn_like', entry('x + randn_like(x)'), /`random_normal` from the normal distribution/],
  ['a loss of bits', entry('binary_cross_entropy_with_logits(x, x)'), /`mean\(softplus\(z\) - z \* y\)`/],
  ['a loss of probabilities', entry('binary_cross_entropy(x, x)'), /of probabilities p: `-mean\(/],
  ['dim of a sum', entry('sum(x, dim = 1)'), /it is called axes here\n.*`axes`/],
  ['dim of a softmax', entry('softmax(x, dim = 1)'), /it is called axis here\n.*`axis`/],
  ['one bound', entry('clamp(x, min = 0.0)'), /write `maximum\(x, 0\.0\)`/],
  ['a new axis', entry('x[:, none, :]'), /`unsqueeze\(x, 1\)` puts an axis of size 1 there/],
  ['a condition as an index', entry('x[x > 0.0]'), /`where\(x > 0\.0, x, 0\.0\)` keeps the elements/],
  ['a size of an expand that is left open', entry('expand(x, [-1, T, 8])'), /each size is written/],
  [
    'padding = "same"',
    entry('let y = conv2d(reshape(x, [B, 1, T, 8]), full([1, 1, 3, 3], 1.0), padding = "same")\nx'),
    /padding \(k − 1\) \/ 2 keeps the size/,
  ],
  ['a quotient of Python', entry('reshape(x, [B, T, 16 // 2])\nx'), /`\/\/` begins a comment: a quotient is `8 \/ 2`/],
  [
    'a list as a size',
    'import { LayerNorm } from "std"\nmodel M { n = LayerNorm([4, 8]) entry run(x: [B, 4, 8]) -> (y: [B, 4, 8]) { n(x) } }',
    /an axis has one size/,
  ],
  ['a docstring', entry('"what it does"\nx'), /a comment starts with \/\//],
])('%s', (_, text, expected) => {
  const said = diagnose(text).flatMap(({ notes, suggestions }) => [
    ...notes,
    ...suggestions.map(({ message }) => message),
  ]);
  expect(said.join('\n')).toMatch(expected);
});

it.each([
  ['a loop', 'for i in range(2) { relu(x) }\nx'],
  ['a branch before the end', 'if true { relu(x) } else { fc(x) }\nx'],
  ['a branch at the end of a loop', 'for i in range(2) { if true { relu(x) } }\nx'],
])('a value that nothing takes, in %s', (_, body) => {
  expect(new Set(diagnose(entry(body)).map(({ code }) => code))).toEqual(new Set(['E0110']));
});

it.each([
  ['a power', 'x ** 2'],
  ['a difference in parentheses, over lines', '(x\n  - fc(x))'],
  ['a difference whose operator ends the line', 'x -\n  fc(x)'],
  ['an argument that begins with -, on its line', 'fc(\n  -x\n)'],
  ['a negative value after a block', 'if false { x = fc(x) }\n-x'],
  ['the value of a branch at the end', 'if true { if true { relu(x) } } else { x }'],
  ['an ellipsis in an index', 'x[..., 0:8]'],
])('%s means what it means there', (_, body) => expect(diagnose(entry(body))).toEqual([]));

it('groups that do not divide the channels are named, and not what came of the quotient', () => {
  const text = `import { GroupNorm } from "std"
model M {
  norm = GroupNorm(4, 18)
  entry run(x: [B, 18, 8, 8]) -> (y: [B, 18, 8, 8]) { norm(x) }
}`;
  expect(diagnose(text).map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringMatching(/18 \/ 4 is 4\.5/),
  ]);
});

it.each([
  ['a let that an operator goes on from', 'let v = x *\nv', ['E0105 v is not declared here']],
  ['a choice of C', 'let v = true ? x : fc(x)\nv', ['E0003 "?" is no part of the language']],
  ['an order that is no list', 'permute(x, 2, 0, 1)', ['E0205 permute takes 2 arguments and got 4']],
  ['one bound', 'clamp(x, min = 0.0)', ['E0204 clamp takes no argument named min']],
  [
    'an if over lines',
    'let v = if true {\n  x\n} else {\n  fc(x)\n}\nlet w = v + 1\nw',
    [expect.stringMatching(/^E0005 'if'/)],
  ],
  [
    'a range of a dimension',
    'for i in range(T) { let z = i }\nx',
    [expect.stringMatching(/^E0201 end of range must be known/)],
  ],
])('%s is one mistake', (_, body, expected) => {
  expect(diagnose(entry(body)).map(({ code, message }) => `${code} ${message}`)).toEqual(expected);
});

it.each([
  ['a function', 's.twice(x)', /twice is a function inside of S, .*declare it beside the modules/],
  ['a let', 's(x) * s.k', /k is a value inside of S; from outside are seen its params, buffers and submodules/],
  ['an argument', 's(x) * s.n', /n is a value inside of S/],
])('%s of a submodule is not seen from outside, and the message says why', (_, body, expected) => {
  const text = `module S(n) {
  let k = n + 1
  fn twice(x) { x * 2 }
  forward(x) { twice(x) * k }
}
model M {
  s = S(2)
  entry run(x: [B, 8]) -> (y: [B, 8]) { ${body} }
}`;
  expect(diagnose(text)).toEqual([
    expect.objectContaining({ code: 'E0207', notes: [expect.stringMatching(expected)] }),
  ]);
});
