/**
 * The mistakes of the first day, and what the compiler says: code, place as line:column, message, then the other labels
 * (`@`), notes and fixes, each with its place. `vitest -u` rewrites what is expected; read it as the reader of an error.
 */
import { expect, it } from 'vitest';
import { diagnose, summary } from './support.ts';

it('wrong inner width of a Linear', () => {
  const files = `import { Linear } from "std"

module MLP(d, hidden) {
  fc1 = Linear(d, hidden)
  fc2 = Linear(d, d)

  forward(x: [B, T, d]) -> [B, T, d] {
    fc2(gelu(fc1(x)))
  }
}

model Tiny {
  mlp = MLP(64, 256)
  entry run(x: [B, T, 64]) -> (y: [B, T, 64]) { mlp(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0303 8:9 mlp.fc2 takes x as [..., 64] and gets [B, T, 256]: axis 2 is 256 and in_features is 64
      label: [B, T, 256] here
      @ 5:9 mlp.fc2 is created here with in_features = 64
      @ std.mdl:12:20 in_features is 64"
  `);
});

it('a wrong input to a member via pipeline', () => {
  const files = `import { Linear } from "std"

model Tiny {
  proj = Linear(64, 32)
  entry run(x: [B, T, 48]) -> (y: [B, T, 32]) { x |> proj |> gelu }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0303 5:49 proj takes x as [..., 64] and gets [B, T, 48]: axis 2 is 48 and in_features is 64
      label: [B, T, 48] here
      @ 4:10 proj is created here with in_features = 64
      @ std.mdl:12:20 in_features is 64
      @ 5:13 [B, T, 48] was made here"
  `);
});

it('head_dim does not divide', () => {
  const files = `import { LayerNorm } from "std"

module Heads(d, heads) {
  let head_dim = d / heads
  norm = LayerNorm(head_dim)

  forward(x: [B, heads, T, head_dim]) -> [B, heads, T, head_dim] { norm(x) }
}

model Tiny {
  heads = Heads(100, 12)
  entry run(x: [B, 12, T, 8]) -> (y: [B, 12, T, 8]) { heads(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0210 4:18 a dimension must be a whole number, and 100 / 12 is 8.3333333
      @ std.mdl:24:18 this dimension needs it
      @ 11:11 heads is created here
      note: round it with int(…) if that is meant"
  `);
});

it('misspelt flag', () => {
  const files = `import { LayerNorm } from "std"

flag qk_norm = true

model Tiny {
  norm = LayerNorm(64) when qk_nrom
  entry run(x: [B, 64]) -> (y: [B, 64]) { norm(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0105 6:29 qk_nrom is not declared here
      help: did you mean \`qk_norm\`? [6:29 "qk_norm"]"
  `);
});

it('misspelt config value', () => {
  const files = `import { LayerNorm, Linear } from "std"

config base { hidden = 64, phi { width = 32 } }

model Tiny {
  norm = LayerNorm(hiden)
  proj = Linear(phi.widht, hidden)
  entry run(x: [B, 64]) -> (y: [B, 64]) { norm(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0105 6:20 hiden is not declared here
      help: did you mean \`hidden\`? [6:20 "hidden"]
    E0207 7:21 the config record phi has no widht
      help: did you mean \`width\`? [7:21 "width"]"
  `);
});

it('missing import', () => {
  const files = `import { Linear } from "std"

model Tiny {
  fc   = Linear(64, 64)
  norm = LayerNorm(64)
  entry run(x: [B, 64]) -> (y: [B, 64]) { norm(fc(x)) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0105 5:10 LayerNorm is not declared here
      help: import LayerNorm from "std" [1:16 ", LayerNorm"]"
  `);
});

it('import a name that does not exist', () => {
  const files = `import { Liner } from "std"

model Tiny {
  fc = Liner(64, 64)
  entry run(x: [B, 64]) -> (y: [B, 64]) { fc(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0104 1:10 std.mdl declares no Liner
      help: did you mean \`Linear\`? [1:10 "Linear"]"
  `);
});

it('import cycle', () => {
  const files = {
    'main.mdl': `import { A } from "./a.mdl"
model Tiny { a = A() entry run(x: [B]) -> (y: [B]) { a(x) } }
`,
    'a.mdl': `import { B } from "./b.mdl"
module A() { b = B() forward(x: [N]) { b(x) } }
`,
    'b.mdl': `import { A } from "./a.mdl"
module B() { forward(x: [N]) { x } }
`,
  };
  expect(summary(diagnose(files))).toMatchInlineSnapshot(
    `"E0103 b.mdl:1:19 files import each other in a circle: a.mdl → b.mdl → a.mdl"`,
  );
});

it('identity when', () => {
  const files = `import { Linear } from "std"
flag project = false

model Tiny {
  proj = Linear(64, 32) when project
  entry run(x: [B, 64]) -> (y: [B, 64]) { proj(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0310 5:10 proj may be switched off only if it keeps the shape, and it turns [B, 64] into [B, 32]
      @ 6:43 called here
      note: off means the identity; where that cannot be, say what stands there instead: \`… when flag else …\`"
  `);
});

it('patterns match nothing', () => {
  const files = `import { Linear, LoRA } from "std"

model Tiny {
  layers = [Linear(8, 8) for i in range(2)]
  entry run(x: [B, 8]) -> (y: [B, 8]) {
    for layer in layers { x = layer(x) }
    x
  }
}

adapt layer[*] with LoRA(r = 4, alpha = 8)

stage one {
  train layers.*.wieght
  optimize adamw(lr = 1e-3)
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0403 11:7 layer[*] matches nothing
      note: did you mean \`layers[*]\`?
    E0403 14:9 layers.*.wieght matches nothing
      note: did you mean \`layers[*].weight\`?
    E0204 15:18 adamw takes no argument named lr
      note: adamw takes betas, eps, weight_decay
      note: the learning rate is given in \`schedule\`"
  `);
});

it('duplicate key', () => {
  const files = `import { Linear } from "std"

model Tiny {
  a = Linear(8, 8) key "fc"
  b = Linear(8, 8) key "fc"
  entry run(x: [B, 8]) -> (y: [B, 8]) { b(a(x)) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0401 5:7 two parameters have the key "fc.weight"
      label: b.weight has it
      @ 4:7 a.weight has it first
      note: give one of them another key with \`key "…"\`"
  `);
});

it('forgotten and unknown arguments', () => {
  const files = `import { Linear, LayerNorm } from "std"

model Tiny {
  a = Linear(8)
  b = LayerNorm(8, epsilon = 1e-5)
  c = Linear(8, 8, 8, 8, 8, 8)
  d = Linear(8, in_features = 8, 8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { softmax(x, axes = 1) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0203 4:7 Linear needs the argument out_features
      @ std.mdl:7:16 out_features is declared here and has no default
    E0204 5:20 LayerNorm takes no argument named epsilon
      note: LayerNorm takes normalized_shape, eps, with_bias
    E0205 6:29 Linear takes 5 arguments and got 6
      note: Linear takes in_features, out_features, with_bias, init, bias_init
    E0206 7:17 Linear gets the argument in_features twice
      @ 7:14 in_features is given here first
    E0204 8:52 softmax takes no argument named axes
      help: did you mean \`axis\`? [8:52 "axis"]"
  `);
});

it('recursion', () => {
  const files = `module Block(d) {
  inner = Block(d)
  forward(x: [B, d]) -> [B, d] { inner(x) }
}

model Tiny {
  block = Block(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { block(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0215 2:11 Block contains itself
      note: for a stack of layers write a list: \`layers = [Layer(d) for i in range(n)]\`"
  `);
});

it('rearrange', () => {
  const files = `model Tiny {
  entry a(x: [B, T, 96]) -> (y: [B, 8, T, 12]) { rearrange(x, "b t (h c) -> b g t c", h = 8) }
  entry b(x: [B, T, 96]) -> (y: [B, 7, T, 12]) { rearrange(x, "b t (h c) -> b h t c", h = 7) }
  entry c(x: [B, T, 96]) -> (y: [B, 8, 12]) { rearrange(x, "b (h c) -> b h c", h = 8) }
  entry d(x: [B, T, 96]) -> (y: [B, 8, T, 12]) { rearrange(x, "b t (h c) -> b h t c", heads = 8) }
  entry e(x: [B, T, 96]) -> (y: [B, 8, T, 12]) { rearrange(x, "b t (h c) -> b h t c") }
  entry f(x: [B, T, 96]) -> (y: [B, 8, T, 12]) { rearrange(x, "b t c") }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0306 2:63 h is on the left side and not on the right
    E0307 3:63 axis 2 is 96 and does not divide into (h c) with h = 7
      @ 3:60 this is [B, T, 96]
    E0307 4:60 the pattern names 2 axes and the tensor [B, T, 96] has 3
      @ 4:57 this is [B, T, 96]
    E0204 5:87 the pattern "b t (h c) -> b h t c" takes no argument named heads
      note: the axes of its left side are b, t, h, c
    E0307 6:63 the sizes of h and c in (h c) are both unknown; give one of them, as in h = 8
      @ 6:60 this is [B, T, 96]
    E0306 7:63 the pattern "b t c" needs one -> between its two sides"
  `);
});

it('result shape', () => {
  const files = `import { Linear } from "std"

module Head(d, classes) {
  fc = Linear(d, d)
  forward(x: [B, d]) -> [B, classes] { fc(x) }
}

model Tiny {
  head = Head(64, 10)
  entry run(x: [B, 64]) -> (logits: [B, 10]) { head(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0304 5:40 head promises [B, 10] and returns [B, 64]
      label: this is [B, 64]
      @ 5:25 [B, 10] is promised here"
  `);
});

it('residual', () => {
  const files = `import { Linear } from "std"

module Block(d, hidden) {
  fc = Linear(d, hidden)
  forward(x: [B, T, d]) -> [B, T, d] {
    let h = fc(x)
    x + h
  }
}

model Tiny {
  block = Block(64, 32)
  entry run(x: [B, T, 64]) -> (y: [B, T, 64]) { block(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0302 7:5 add cannot broadcast a [B, T, 64] against b [B, T, 32]: axis 2 of a is 64 and axis 2 of b is 32
      @ 7:5 axis 2 is 64
      @ 13:13 [B, T, 64] was made here
      @ 7:9 axis 2 is 32
      @ 6:13 [B, T, 32] was made here"
  `);
});

it('int tensor into float', () => {
  const files = `import { LayerNorm } from "std"

model Tiny {
  norm = LayerNorm(8)
  entry a(ids: int[B, 8]) -> (y: [B, 8]) { norm(ids) }
  entry b(ids: int[B, 8]) -> (y: [B, 8]) { gelu(ids) }
  entry c(ids: int[B, 8], x: [B, 8]) -> (y: [B, 8]) { x * ids }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0303 5:49 norm takes x as [..., 8] and gets int[B, 8]: its elements are ints
      label: int[B, 8] here
      @ std.mdl:27:14 floats are declared here
      @ 5:11 int[B, 8] was made here
      note: convert it with float(…)
    E0201 6:49 x of gelu must be a tensor of floats and is a tensor of ints
      note: convert it with float(…)
    E0305 7:55 * gets floats and ints
      @ 7:55 a tensor of floats
      @ 7:59 a tensor of ints
      note: convert one side: float(x), int(x) or bool(x)"
  `);
});

it('tensor condition', () => {
  const files = `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) {
    if x > 0 { x = -x }
    x
  }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0308 3:8 a condition must be known at compile time, and this one is a tensor
      note: to choose between tensors element by element, write \`where(condition, a, b)\`"
  `);
});

it('division by zero', () => {
  const files = `config c { heads = 0 }
model Tiny {
  let head_dim = 64 / heads
  entry run(x: [B, head_dim]) -> (y: [B, head_dim]) { x }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0211 3:18 this divides by zero
      @ 3:23 this is 0"
  `);
});

it('no forward', () => {
  const files = `module Table(d) {
  param weight: [d, d] = normal(0.02)
}

model Tiny {
  table = Table(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { table(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0402 7:41 Table has no forward and cannot be called
      @ 1:8 declared here
      note: what a call of it does is written as \`forward(x: …) { … }\` in Table"
  `);
});

it('missing else', () => {
  const files = `flag big = false
model Tiny {
  let d = 64 when big
  entry run(x: [B, d]) -> (y: [B, d]) { x }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0209 3:11 the condition is false and there is no else, so this has no value
      @ 3:19 this is false
      note: only a submodule (off: the identity) and a param (off: none) may leave the else out"
  `);
});

it('string with int', () => {
  const files = `config c { activation = "gelu" }
model Tiny {
  let wide = activation > 3
  let same = activation == 3
  entry run(x: [B]) -> (y: [B]) { x }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0202 3:14 > does not apply to the string "gelu" and the int 3
      @ 3:14 this is the string "gelu"
      @ 3:27 this is the int 3
    E0202 4:14 == does not apply to the string "gelu" and the int 3
      @ 4:14 this is the string "gelu"
      @ 4:28 this is the int 3"
  `);
});

it('wrong number of names', () => {
  const files = `model Tiny {
  entry run(x: [B, T, 96]) -> (y: [B, T, 32]) {
    let q, k = rearrange(x, "b t (three c) -> three b t c", three = 3)
    q
  }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0214 3:9 2 names are given for a tensor of [3, B, T, 32], which has 3 rows
      @ 3:16 this is a tensor of [3, B, T, 32], which has 3 rows"
  `);
});

it('index out of range', () => {
  const files = `import { Linear } from "std"
model Tiny {
  layers = [Linear(8, 8) for i in range(2)]
  entry run(x: [B, 8]) -> (y: [B, 8]) { layers[2](x) }
  entry two(x: [B, 8]) -> (y: [B]) { x[:, 8] }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0213 4:48 index 2 is outside of a list of 2 items, which are counted from 0
      @ 4:41 this is a list of 2
    E0302 5:38 index 8 is outside of axis 1 of [B, 8]"
  `);
});

it('unterminated string', () => {
  const files = `import { Linear } from "std
model Tiny {
  entry run(x: [B]) -> (y: [B]) { x }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`"E0004 1:24 this string has no closing quote on its line"`);
});

it('missing brace', () => {
  const files = `module A(d) {
  forward(x: [B, d]) -> [B, d] {
    let y = x + 1
    y
}

model Tiny {
  a = A(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { a(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0005 7:1 'model' does not fit in a module's body, where a member (let, param, buffer, forward, fn, entry, merge or \`name = …\`) or '}' was expected
      @ 1:13 this '{' is still open
      @ 5:1 after this"
  `);
});

it('reserved word', () => {
  const files = `module A(d) {
  train = d
  forward(x: [B, d]) -> [B, d] {
    let in = x
    in
  }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0007 2:3 'train' is a reserved word and cannot be a name
    E0007 4:9 'in' is a reserved word and cannot be a name"
  `);
});

it('--set unknown', () => {
  const files = `flag qk_norm = true
config c { phi { num_layers = 2 } }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`;
  expect(
    summary(
      diagnose(files, {
        set: [
          { name: 'qk_nrom', text: 'false' },
          { name: 'num_layers', text: '4' },
          { name: 'phi.num_layer', text: '4' },
        ],
      }),
    ),
  ).toMatchInlineSnapshot(`
    "E0220 command line:1:7 there is no flag or config value qk_nrom
      help: did you mean \`qk_norm\`? [command line:1:7 "qk_norm"]
    E0220 command line:1:27 there is no flag or config value num_layers
      help: did you mean \`phi.num_layers\`? [command line:1:27 "phi.num_layers"]
    E0220 command line:1:46 there is no flag or config value phi.num_layer
      help: did you mean \`phi.num_layers\`? [command line:1:46 "phi.num_layers"]"
  `);
});

it('--set wrong type', () => {
  const files = `flag qk_norm = true
config c { phi { num_layers = 2, eps = 1e-5 } }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`;
  expect(
    summary(
      diagnose(files, {
        set: [
          { name: 'qk_norm', text: 'maybe' },
          { name: 'phi.num_layers', text: '2.5' },
          { name: 'phi', text: '3' },
          { name: 'phi.eps', text: '"small"' },
        ],
      }),
    ),
  ).toMatchInlineSnapshot(`
    "E0223 command line:1:7 qk_norm is a flag (true or false) and cannot be set to "maybe"
      @ 1:6 the flag is declared here
      note: a config gives a flag \`true\` or \`false\`; a value of another kind needs another name
    E0223 command line:1:27 phi.num_layers is an int and cannot be set to 2.5
      @ 2:31 num_layers is given here first
    E0223 command line:1:52 phi is a record and cannot be set to 3
      @ 2:12 phi is a record here first
    E0223 command line:1:64 phi.eps is a float and cannot be set to "small"
      @ 2:40 eps is given here first"
  `);
});

it('extends unknown', () => {
  const files = `config base { d = 64 }
config big extends bsae { d = 128 }
config wide extends base { dd = 128 }
config text extends base { d = "wide" }
model Tiny { entry run(x: [B, d]) -> (y: [B, d]) { x } }
`;
  expect(summary(diagnose(files, { config: 'text' }))).toMatchInlineSnapshot(`
    "E0221 2:20 there is no config bsae
      help: did you mean \`base\`? [2:20 "base"]
    E0220 3:28 there is no flag or config value dd
      help: did you mean \`d\`? [3:28 "d"]
    E0223 4:28 d is an int and cannot be set to the string "wide"
      @ 1:19 d is given here first"
  `);
});

it('config unknown', () => {
  const files = `config base { d = 64 }
model Tiny { entry run(x: [B, d]) -> (y: [B, d]) { x } }
`;
  expect(summary(diagnose(files, { config: 'bse' }))).toMatchInlineSnapshot(`
    "E0221 command line:1:10 there is no config bse
      note: the configs of main.mdl are base
      help: did you mean \`base\`? [command line:1:10 "base"]"
  `);
});

it('several errors', () => {
  const files = `import { Linear, RMSNorm } from "std"

flag deep = true

module Block(d) {
  fc1 = Linear(d, 4 * d)
  fc2 = Linear(3 * d, d)
  norm = LayerNrom(d) when deep

  forward(x: [B, T, d]) -> [B, T, d] {
    let h = fc1(x)
    let y = fc2(h)
    let z = relu(h, 3)
    y + undefined_thing
  }
}

model Tiny {
  block = Block(8)
  entry run(x: [B, T, 8]) -> (y: [B, T, 8]) { block(x) }
  entry two(x: [B, T, 9]) -> (y: [B, T, 9]) { relu(x) }
  entry three(x: [B, T, 9]) -> (y: [B, T, 8]) { relu(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "W0101 1:18 RMSNorm is imported and never used
    E0105 8:10 LayerNrom is not declared here
      help: did you mean \`LayerNorm\`? [8:10 "LayerNorm"]
      help: import LayerNorm from "std" [1:25 ", LayerNorm"]
    E0303 12:17 block.fc2 takes x as [..., 24] and gets [B, T, 32]: axis 2 is 32 and in_features is 24
      label: [B, T, 32] here
      @ 7:9 block.fc2 is created here with in_features = 24
      @ std.mdl:12:20 in_features is 24
      @ 11:13 [B, T, 32] was made here
    E0205 13:21 relu takes 1 argument and got 2
      note: relu takes x
    E0105 14:9 undefined_thing is not declared here
    E0304 22:49 y of three promises [B, T, 8] and returns [B, T, 9]
      label: this is [B, T, 9]
      @ 22:36 promised here"
  `);
});

it('two syntax errors', () => {
  const files = `module A(d) {
  param w: [d] normal(0.02)
  forward(x: [B, d]) -> [B, d] { x * w }
}

model Tiny {
  a = A(8
  entry run(x: [B, 8]) -> (y: [B, 8]) { a(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0005 2:16 'normal' does not fit in a parameter, where '=' was expected
      @ 2:14 after this
    E0005 8:3 'entry' does not fit in a call, where ')' was expected
      @ 7:8 this '(' is still open
      @ 7:9 after this"
  `);
});

it('semicolons', () => {
  const files = `module A(d) {
  param w: [d] = normal(0.02);
  forward(x: [B, d]) -> [B, d] { x * w; }
}
model Tiny { a = A(8); }
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0003 2:30 ";" is no part of the language
      note: statements end with the line; there are no semicolons
    E0003 3:39 ";" is no part of the language
      note: statements end with the line; there are no semicolons
    E0003 5:22 ";" is no part of the language
      note: statements end with the line; there are no semicolons"
  `);
});

it('assign undeclared', () => {
  const files = `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) {
    h = gelu(x)
    h
  }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0105 3:5 h is not declared here
      note: a new name is declared with \`let h = …\`
      help: declare it [3:5 "let "]"
  `);
});

it('module in expression', () => {
  const files = `import { Linear } from "std"
model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) { Linear(8, 8)(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0107 3:41 Linear is a module and cannot be created inside an expression
      note: a submodule is a member of its own: write \`name = Module(…)\` in the module, then call \`name\`"
  `);
});

it('parameter as member', () => {
  const files = `model Tiny {
  weight = normal(0.02)
  depth = 3
  entry run(x: [B, 8]) -> (y: [B, 8]) { x }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0405 2:12 the member weight must be a module or a list of modules and is the initialiser normal
      note: a parameter is declared with its shape: \`param weight: [d] = …\`
    E0405 3:11 the member depth must be a module or a list of modules and is the int 3
      note: a compile-time value is declared with \`let depth = …\`"
  `);
});

it('member order', () => {
  const files = `import { Linear } from "std"
model Tiny {
  a = Linear(d, d)
  let d = 8
  entry run(x: [B, 8]) -> (y: [B, 8]) { a(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0105 3:14 d is not declared here
      @ 4:7 it is declared here, further down
      note: members are made in order: move it above the member that needs it
    E0105 3:17 d is not declared here
      @ 4:7 it is declared here, further down
      note: members are made in order: move it above the member that needs it"
  `);
});

it('type misspelt', () => {
  const files = `model Tiny {
  entry run(x: itn[B, 8]) -> (y: [B, 8]) { x }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0105 2:16 itn is not declared here
      note: a type is int, float or bool
      help: did you mean \`int\`? [2:16 "int"]"
  `);
});

it.each([
  ['i64', 'int'],
  ['int32', 'int'],
  ['float32', 'float'],
  ['f16', 'float'],
  ['boolean', 'bool'],
])('type of another language: %s is one error, and %s is meant', (given, meant) => {
  const files = `import { Embedding } from "std"
model Tiny {
  table = Embedding(4, 8)
  entry run(x: ${given}[B], ids: int[B]) -> (y: [B, 8]) { table(${meant === 'int' ? 'x' : 'ids'}) }
}
`;
  expect(summary(diagnose(files))).toBe(
    [
      `E0105 4:16 ${given} is not declared here`,
      '  note: a type is int, float or bool',
      `  help: did you mean \`${meant}\`? [4:16 "${meant}"]`,
    ].join('\n'),
  );
});

it('fn without value', () => {
  const files = `fn f(x) { let y = x }
model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) { f(x) }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0309 1:21 the body of f ends without a value
      note: the last expression of a body is its value"
  `);
});

it('entry without outputs', () => {
  const files = `model Tiny {
  entry run(x: [B, 8]) { x }
  entry two(x) -> (y: [B, 8]) { x }
  entry three(x: [B, 8]) -> [B, 8] { x }
  entry four(x: [..., 8]) -> (y: [B, 8]) { x }
}
`;
  expect(summary(diagnose(files))).toMatchInlineSnapshot(`
    "E0408 2:9 the entry run does not name its outputs
      note: write \`-> (name: [B, T, d])\` after its parameters
    E0408 3:13 the input x has no type
      note: an entry declares the shape of each input, as in \`x: [B, T, d]\`
    E0408 4:29 an output of the entry three has no name
      note: write \`(name: [B, T, d])\`
    E0408 5:18 the input x has no fixed number of axes"
  `);
});
