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
      note: adamw takes betas, eps, weight_decay, bits
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
