/** Mistakes of a first day in settings, configs and what stands where: the whole text that a person reads. */
import { expect, it } from 'vitest';
import { diagnose, summary } from './support.ts';

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
