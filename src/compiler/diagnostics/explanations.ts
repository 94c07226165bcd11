/** The long form of each message (`mdl explain CODE`), with a file that provokes it. */
import type { MessageName } from './catalogue.ts';

interface Explanation {
  /** markdown: what it means, why the language insists, how to fix it */
  readonly text: string;
  /** a complete file that provokes the code, where one file can */
  readonly example?: string;
}

export const EXPLANATIONS: { readonly [K in MessageName]: Explanation } = {
  // ── reading and syntax ──────────────────────────────────────────────────────────────────────
  file_too_large: {
    text: `A source file is far longer than any model. The limit keeps a wrong path (a checkpoint, a log) from occupying the compiler.
Check that the path names an \`.mdl\` file; if it does, move parts of it into files of their own and import them.`,
  },
  nesting_too_deep: {
    text: `Brackets, operators, calls or modules enclose each other so deeply that reading them would exhaust the stack.
Name an intermediate result with \`let\`, and write a stack of layers as a list: \`layers = [Layer(d) for i in range(n)]\`.`,
    example: `model Deep {
  entry run(x: [B]) -> (y: [B]) { ${'('.repeat(120)}x${')'.repeat(120)} }
}
`,
  },
  unexpected_character: {
    text: `This character means nothing in MDL. Statements end with the line, so there are no semicolons; comments start with \`//\`;
strings stand in double quotes and know the escapes \`\\" \\\\ \\n \\r \\t\`; \`and\`, \`or\`, \`not\` are words.`,
    example: `model Tiny {
  entry run(x: [B]) -> (y: [B]) { x; }
}
`,
  },
  unterminated_string: {
    text: `A string ends on the line it starts on. Add the closing \`"\`; write \`\\n\` for a line break and \`\\"\` for a quote inside.`,
    example: `import { Linear } from "std

model Tiny {
  fc = Linear(8, 8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { fc(x) }
}
`,
  },
  syntax: {
    text: `The text does not follow the grammar here. The message says what stands there and what could have stood there instead; a label
shows the bracket that is still open, if one is. One such error is reported for each mistake: a broken declaration does not
hide the mistakes of the next. The grammar is in docs/grammar.md.`,
    example: `module Scale(d) {
  param weight: [d] ones()
  forward(x: [B, d]) -> [B, d] { x * weight }
}
`,
  },
  reserved_word: {
    text: `A few words can never be names, because the grammar needs them at the start of a line or inside an expression: let, param,
buffer, forward, fn, if, else, for, in, when, and, or, not, true, false, none, import, module, train, set.
Choose another name; a checkpoint key that is such a word can still be given with \`key "…"\`.`,
    example: `module Scale(d) {
  param set: [d] = ones()
  forward(x: [B, d]) -> [B, d] { x * weight }
}
`,
  },
  line_begins_with_minus: {
    text: `Line ends do not end an expression, so a line that begins with \`-\` would be subtracted from the one above, though it reads like a value of its own.
Write a difference on one line, end the line above with its \`-\`, or put all of it in parentheses, where lines are free. A negative value
that stands for itself is put in parentheses: \`(-x)\`.`,
    example: `fn negated(x) {
  let y = x * 2
  -y
}
`,
  },
  file_not_found: {
    text: `There is no file at this path. Imports are relative to the file they stand in and start with \`./\` or \`../\`; on the command line a
path is relative to the current folder.`,
    example: `import { Block } from "./no-such-file.mdl"
`,
  },

  // ── imports and names ───────────────────────────────────────────────────────────────────────
  import_outside: {
    text: `An import may not leave the project's folder: a program must mean the same wherever the project is copied.
Move the file into the project, or compile from a folder that contains both.`,
    example: `import { Block } from "../elsewhere.mdl"
`,
  },
  import_form: {
    text: `An import names \`"std"\`, the standard library, or a file by a relative path that starts with \`./\` or \`../\` and ends in \`.mdl\`.
There are no package names and no absolute paths.`,
    example: `import { Block } from "layers/block"
`,
  },
  import_cycle: {
    text: `Files that import each other have no order in which to read them. Move what both need into a third file that imports neither.`,
    example: `import { Block } from "./main.mdl"

module Block(d) { forward(x: [B, d]) -> [B, d] { x } }
`,
  },
  import_missing: {
    text: `The other file is there and declares no such name. Modules, adapters, functions and flags can be imported; configs, stages and
models belong to the file that is compiled.`,
    example: `import { Liner } from "std"
`,
  },
  unknown_name: {
    text: `Nothing in sight has this name. An expression sees, in this order: names of the body (\`let\`, parameters, dimensions of the signature),
members, arguments and lets of the module, the file's own and imported names, and built-in functions. Config values are in sight in
a \`model\`, an \`adapt\` and a \`stage\` only: hand them to modules as arguments. Members are made in order, so a member sees the ones above it.`,
    example: `flag qk_norm = true

model Tiny {
  let width = 8 when qk_nrom else 4
  entry run(x: [B, width]) -> (y: [B, width]) { x }
}
`,
  },
  duplicate_name: {
    text: `Two things of one place have the same name, and a use could mean either. Rename one of them. Flags of all files share one set of
names, because \`--set name=…\` must name one of them.`,
    example: `fn double(x) { x + x }
fn double(x) { 2.0 * x }
`,
  },
  not_usable_here: {
    text: `The name is known, but it is of a kind that cannot be used in this way: a module is created by a member (\`name = Module(…)\`) and called
by that name, an adapter stands in \`adapt … with\`, a function is called.`,
    example: `import { Linear } from "std"

model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) { Linear(8, 8)(x) }
}
`,
  },
  unused_import: {
    text: `The name is imported and nothing uses it. Remove it, so that the imports say what a file is made of. This is a warning.`,
    example: `import { Linear, RMSNorm } from "std"

model Tiny {
  fc = Linear(8, 8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { fc(x) }
}
`,
  },
  no_entries: {
    text: `A model is compiled by its entries: each is a graph with named inputs and outputs. A model without one is checked and has parameters, and
gives no graph. Add an \`entry\`; a file that only declares modules for others needs no model.`,
  },
  nothing_to_merge: {
    text: `\`--merge-lora\` folds adapters into the weights they adapt. Under these settings the model has no adapter that says how it is merged: a
flag leaves it out, no \`adapt … with …\` is in the file, or its adapter has no \`merge\`. What is compiled is the model as it stands.`,
  },
  keeps_nothing: {
    text: `\`no_decay PATTERN\` keeps parameters that a stage trains from weight decay. What this pattern matches is not trained by the stage, so the line
changes nothing: train it, or take the pattern out.`,
    example: `import { Linear } from "std"
model M {
  first = Linear(2, 2)
  head = Linear(2, 2)
  entry loss(x: [B, 2]) -> (loss: []) { mean(head(first(x))) }
}
stage tune {
  train head
  no_decay first.weight
  schedule constant(lr = 0.1)
}
`,
  },
  no_model: {
    text: `A file is compiled for its model, and this one declares none. Write \`model Name { … }\` with at least one \`entry\`, or compile the file
that has it: files with modules only are there to be imported.`,
    example: `module Block(d) { forward(x: [B, d]) -> [B, d] { x } }
`,
  },
  several_models: {
    text: `One file compiles to one model. Move the other model into a file of its own; both can import the modules they share.`,
    example: `model Small { entry run(x: [B]) -> (y: [B]) { x } }
model Large { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  flag_or_field: {
    text: `Within a config record, a name alone may mean a field of the record or a flag. Where both have the name, write the field with its record
(\`attention.bias\`), or give one of them another name.`,
    example: `flag bias = true
config base {
  attention { bias = 8, size = bias }
}
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  unused_value: {
    text: `An expression computes a value and changes nothing else, so one that nothing takes does no work. Only the last expression of a body is its
value. Often a \`(\` or \`[\` has slipped to the next line, where it begins an expression of its own, or \`x = \` was forgotten before \`relu(x)\`.`,
    example: `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) {
    relu(x)
    x
  }
}
`,
  },

  // ── compile-time values and configuration ───────────────────────────────────────────────────
  wrong_type: {
    text: `A value of one kind stands where another is needed: a string for a size, a number for a condition, a tensor of ints for one of floats.
The message names what was needed and what was found. Numbers convert with \`int(…)\` and \`float(…)\`, tensors as well.`,
    example: `model Tiny {
  let depth = len(3)
  entry run(x: [B]) -> (y: [B]) { x }
}
`,
  },
  operator_types: {
    text: `The operator has no meaning for these two values. Both sides are labelled with what they are. Numbers go with numbers, lists with lists
(\`+\`), strings with strings (\`+\`, \`==\`); a dynamic dimension can be added, subtracted, multiplied, and divided where that is exact.`,
    example: `config base { activation = "gelu" }

model Tiny {
  let wide = activation > 3
  entry run(x: [B]) -> (y: [B]) { x }
}
`,
  },
  missing_argument: {
    text: `A parameter without a default got no argument. Arguments are given in order or by name; the label shows where the parameter is declared.`,
    example: `import { Linear } from "std"

model Tiny {
  fc = Linear(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { fc(x) }
}
`,
  },
  unknown_argument: {
    text: `No parameter has this name. The note lists the parameters there are. In \`rearrange\` the further arguments are the sizes of axes and
must be named as in the pattern.`,
    example: `import { LayerNorm } from "std"

model Tiny {
  norm = LayerNorm(8, epsilon = 1e-5)
  entry run(x: [B, 8]) -> (y: [B, 8]) { norm(x) }
}
`,
  },
  too_many_arguments: {
    text: `More arguments are given than there are parameters. The note lists them.`,
    example: `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) { relu(x, 3) }
}
`,
  },
  repeated_argument: {
    text: `One parameter gets two arguments: two by its name, or one by position and one by name.`,
    example: `import { Linear } from "std"

model Tiny {
  fc = Linear(8, in_features = 8, out_features = 8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { fc(x) }
}
`,
  },
  unknown_member: {
    text: `A config record or a submodule has no member of this name. A submodule's members are its params, buffers and submodules;
a record's are the fields of the config that is compiled.`,
    example: `config base { phi { hidden_size = 64 } }

model Tiny {
  let width = phi.hiden_size
  entry run(x: [B, width]) -> (y: [B, width]) { x }
}
`,
  },
  not_callable: {
    text: `Only submodules, functions and built-in functions can be called, and lists of them, one after the other. To multiply, write \`*\`; to index, use brackets.`,
    example: `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) { x(2) }
}
`,
  },
  missing_else: {
    text: `\`value when condition\` has no value where the condition is false. Only a submodule (off: the identity) and a param (off: none) may leave
the \`else\` out; everywhere else write \`a when condition else b\`.`,
    example: `flag wide = false

model Tiny {
  let width = 64 when wide
  entry run(x: [B, width]) -> (y: [B, width]) { x }
}
`,
  },
  not_a_whole_number: {
    text: `A dimension came out of a division that leaves a remainder; most often a width is not a multiple of the number of heads.
The division and the dimension that needs it are both labelled. Change one of the numbers, or round with \`int(…)\` if that is meant.`,
    example: `model Tiny {
  let head_dim = 100 / 12
  param weight: [head_dim] = ones()
  entry run(x: [B, 8]) -> (y: [B, 8]) { x }
}
`,
  },
  division_by_zero: {
    text: `The right side of \`/\` or \`%\` is zero at compile time; the label shows it. Where it is a config value, look for a 0 that stands for
"off" and write a condition instead.`,
    example: `config base { heads = 0 }

model Tiny {
  let head_dim = 64 / heads
  entry run(x: [B, 64]) -> (y: [B, 64]) { x }
}
`,
  },
  too_much_work: {
    text: `Evaluating the program takes far more work than any model, so something is multiplied out: loops in loops, a list that doubles, modules
that contain many modules that contain many. Check the numbers in \`range(…)\` and the depths in the config.`,
    example: `model Tiny {
  let table = [[i * j for i in range(1000000)] for j in range(1000000)]
  entry run(x: [B]) -> (y: [B]) { x }
}
`,
  },
  table_too_large: {
    text: `Some ops need a table that is computed while the model is compiled: the weights of a resizing for each pair of positions, cos and sin of each
position of a rotary embedding. Tables of equal contents are made once, and all of a graph together have a limit, so that a slip in
a size ends here and not in a compiler that takes minutes and gigabytes. Check the sizes at this call.`,
    example: `model Tiny {
  entry run(x: [B, 3, 8, 8]) -> (y: [B, 3, 20000000, 1]) { interpolate(x, [20000000, 1], "bilinear") }
}
`,
  },
  number_too_large: {
    text: `An int is kept exactly up to 2^53 − 1 and a float is a 64-bit float. A number beyond would become another one without a word.
Write a smaller one; a value for "never" is a size that is not reached, such as \`10 ** 9\`.`,
    example: `model Tiny {
  let most = 9007199254740993
  entry run(x: [B]) -> (y: [B]) { x }
}
`,
  },
  index_out_of_range: {
    text: `A list has fewer items than the index says. Items are counted from 0, and \`-1\` is the last one.`,
    example: `model Tiny {
  let widths = [8, 16]
  let width = widths[2]
  entry run(x: [B, width]) -> (y: [B, width]) { x }
}
`,
  },
  destructuring: {
    text: `\`let a, b = …\` splits a list into its items, or a tensor along its first axis, and needs one name for each.`,
    example: `model Tiny {
  entry run(x: [B, T, 96]) -> (y: [B, T, 32]) {
    let q, k = rearrange(x, "b t (three c) -> three b t c", three = 3)
    q
  }
}
`,
  },
  recursion: {
    text: `A module contains itself, a function calls itself, or config values need each other in a circle. Programs are unrolled at compile
time, so none of these would end. Write a stack of layers as a list and go over it with \`for\`.`,
    example: `module Block(d) {
  inner = Block(d)
  forward(x: [B, d]) -> [B, d] { inner(x) }
}

model Tiny {
  block = Block(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { block(x) }
}
`,
  },
  unknown_setting: {
    text: `A setting names neither a flag nor a value of the config. Values in records have dotted names (\`--set phi.num_layers=4\`). A config that
extends another only overrides: new values belong in the first config of the chain.`,
    example: `config base { width = 64 }
config wide extends base { widht = 128 }
model Tiny { entry run(x: [B, width]) -> (y: [B, width]) { x } }
`,
  },
  unknown_config: {
    text: `The file that is compiled declares no config of this name. The first config is used when none is asked for.`,
    example: `config base { width = 64 }
config wide extends bsae { width = 128 }
model Tiny { entry run(x: [B, width]) -> (y: [B, width]) { x } }
`,
  },
  editor_setting: {
    text: `An editor chooses what its hovers and shapes are for: \`{ "config": "nano", "set": { "qk_norm": false } }\`. \`config\` is the name of a
config, \`set\` an object of flags and config values, as after \`--set\`. What has another form is left out, and the rest holds.`,
  },
  unknown_recipe: {
    text: `A recipe says how a kind of model meets data. docs/recipes.md lists those that come with the compiler.`,
    example: `recipe "vision-langage" { image_size = 56 }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  unknown_recipe_setting: {
    text: `Each recipe has a table of settings, with the kind and the meaning of each; docs/recipes.md lists them. A setting that nothing reads would
have no effect.`,
    example: `recipe "vision-language" { image_sise = 56 }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  several_recipes: {
    text: `A model meets data in one way, so its file names one recipe. Models that are trained on two kinds of data are two files that import the same
modules.`,
    example: `recipe "vision-language" { image_size = 56 }
recipe "vision-language" { image_size = 112 }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  other_recipe: {
    text: `\`--recipe\` gives a recipe to a file that names none. It does not replace the one that a file names, whose settings would mean something else.`,
  },
  layout_clause: {
    text: `A layout has rules (\`"key" -> path\`) and the clauses under, unused, alias (of keys), holds, optional, initial and own (of parameters). docs/checkpoints.md
says what each means.`,
    example: `model Tiny {
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { "w" -> weight
  unsed "optimizer" }
`,
  },
  layout_form: {
    text: `A rule reads \`"key" | "another key" -> path by rearrange("…", name = size)\`. In keys and paths \`{i}\` stands for a part of one segment, \`{rest...}\` for any segments and
\`{q,k,v}\` for several tensors that lie one after the other along the first axis.`,
    example: `model Tiny {
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { "w.{}" -> weight }
`,
  },
  layout_capture: {
    text: `The names in braces are what a key and a path have in common. What stands on one side alone cannot be found on the other, and the layout could not be
written back.`,
    example: `model Tiny {
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { "layers.{i}.w" -> weight }
`,
  },
  layout_uncovered: {
    text: `A layout is total: each parameter of its module is read by a rule, stands under \`own\`, is \`initial\` (the file never has it), or lies outside of
what it \`holds\`.`,
    example: `model Tiny {
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { holds weight }
`,
  },
  layout_twice: {
    text: `Each tensor of a checkpoint is one parameter. Parameters that share a tensor are one parameter that is used twice.`,
    example: `model Tiny {
  param other: [4, 2] = zeros()
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { "w" -> weight
  "w" -> other }
`,
  },
  layout_instances: {
    text: `A layout's keys are those of one module of the model. Where a model has it twice, the keys say which is which: write the layout for the module
that contains both.`,
    example: `module Part() { param weight: [2] = zeros()
  forward(x: [2]) -> [2] { x * weight } }
model Tiny {
  a = Part()
  b = Part()
  entry run(x: [2]) -> (y: [2]) { b(a(x)) }
}
layout old for Part { "w" -> weight }
`,
  },
  layout_empty_rule: {
    text: `The first rule that has a parameter counts, so special rules stand above general ones. A rule that is left with none is a slip.`,
    example: `model Tiny {
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { "{name}" -> {name}
  "w" -> weight }
`,
  },
  layout_unused_read: {
    text: `\`unused\` names keys that a file may have and the model does not use; a name means all below it. A key that a rule reads is used. A pattern with
wildcards (\`blocks.*\`) is of what the rules leave.`,
    example: `model Tiny {
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { "{name}" -> {name}
  unused "weight" }
`,
  },
  layout_alias_of_nothing: {
    text: `An alias is a second key for the tensor that a rule reads under the first. Of a key that no rule reads it would say nothing.`,
    example: `model Tiny {
  param weight: [4, 2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 4]) { linear(x, weight) }
}
layout old for Tiny { "{name}" -> {name}
  alias "tied" = "wieght" }
`,
  },
  config_cycle: {
    text: `Configs that extend each other have no first one to start from. Let one of them stand alone.`,
    example: `config a extends b { width = 1 }
config b extends a { width = 2 }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  setting_type: {
    text: `A value keeps the kind it has in the first config: an int stays an int (an int may stand for a float), a record stays a record, and a flag
is true or false. So a slip such as \`--set num_layers=4.5\` is found before anything is built.`,
    example: `config wide extends base { width = "large" }
config base { width = 64 }
model Tiny { entry run(x: [B, width]) -> (y: [B, width]) { x } }
`,
  },

  // ── tensors and shapes ──────────────────────────────────────────────────────────────────────
  tensor_at_compile_time: {
    text: `Tensors exist only while a body is traced into a graph: in \`forward\`, in functions called from there, and in entries. A \`let\` of a module,
a config or a shape is evaluated once, at compile time. Move the computation into a body.`,
    example: `model Tiny {
  param weight: [8] = ones()
  let doubled = weight + weight
  entry run(x: [B, 8]) -> (y: [B, 8]) { x }
}
`,
  },
  shape_clash: {
    text: `An operation got tensors whose shapes do not go together. Each operand is labelled with the axis that clashes and its size, and with
where it was made. Broadcasting is NumPy's: axes are aligned from the right and must be equal or 1.`,
    example: `model Tiny {
  param bias: [4] = zeros()
  entry run(x: [B, 8]) -> (y: [B, 8]) { x + bias }
}
`,
  },
  argument_shape: {
    text: `A call hands over a tensor of another shape or element type than the signature declares. The labels show the argument, where the module was
created and with which sizes, and the dimension in the signature. Dimensions that start with a capital are variables: the first
argument binds them and all others must agree.`,
    example: `import { Linear } from "std"

model Tiny {
  fc = Linear(64, 32)
  entry run(x: [B, 48]) -> (y: [B, 32]) { fc(x) }
}
`,
  },
  result_shape: {
    text: `A body computes another shape than its signature promises after \`->\`. Callers rely on the promise, so either the body or the signature
is wrong; both are labelled.`,
    example: `import { Linear } from "std"

model Tiny {
  fc = Linear(64, 32)
  entry run(x: [B, 64]) -> (y: [B, 64]) { fc(x) }
}
`,
  },
  dtype_clash: {
    text: `An operator got tensors of different element types; nothing is converted silently. Write \`float(x)\`, \`int(x)\` or \`bool(x)\`. A plain
number takes the type of the tensor beside it.`,
    example: `model Tiny {
  entry run(ids: int[B, 8], x: [B, 8]) -> (y: [B, 8]) { x * ids }
}
`,
  },
  pattern_syntax: {
    text: `A \`rearrange\` pattern is written as in einops: axes of the input, \`->\`, axes of the output, the same names on both sides, each once.
\`(h c)\` is one axis made of two, \`...\` stands for any axes, \`1\` for a new axis.`,
    example: `model Tiny {
  entry run(x: [B, T, 8]) -> (y: [B, 8, T]) { rearrange(x, "b t c -> b d t") }
}
`,
  },
  pattern_clash: {
    text: `The pattern is well formed but the tensor has another number of axes, or an axis does not divide as the pattern says. In each
group at most one size may be left open; give the others by name, as in \`h = 8\`.`,
    example: `model Tiny {
  entry run(x: [B, T, 96]) -> (y: [B, 7, T, 12]) { rearrange(x, "b t (h c) -> b h t c", h = 7) }
}
`,
  },
  condition_is_tensor: {
    text: `\`if\` and \`when\` choose at compile time which graph is built, so their condition cannot be a tensor. To choose element by element while
the graph runs, write \`where(condition, a, b)\`.`,
    example: `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) {
    if x > 0 { x = -x }
    x
  }
}
`,
  },
  no_result: {
    text: `The value of a body is its last expression, and this body ends with a \`let\`, an assignment or a loop. Add a last line with the result.`,
    example: `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) { let h = x + 1 }
}
`,
  },
  identity_changes_shape: {
    text: `\`member = Module(…) when flag\` makes the member the identity where the flag is false, which is only right where the module keeps the shape
of its first argument. This is checked whichever way the flag stands, so that an ablation never breaks later.
Say what stands there instead: in the body, \`proj(x) when flag else x\` with sizes that fit, or give the member an \`else\`.`,
    example: `import { Linear } from "std"
flag project = true

model Tiny {
  proj = Linear(64, 32) when project
  entry run(x: [B, 64]) -> (y: [B, 32]) { proj(x) }
}
`,
  },
  dim_unbound: {
    text: `A signature mentions a dimension variable that no argument determines: the first mention must let it be solved for, as in \`[B, P + T]\` once
T is known. Give the dimension an argument, or write it with names that have values.`,
    example: `module Merge() {
  forward(x: [B, M * N]) -> [B, M, N] { x }
}

model Tiny {
  merge = Merge()
  entry run(x: [B, 8]) -> (y: [B, 8]) { merge(x) }
}
`,
  },
  cached_outside: {
    text: `\`cached(x, "name")\` keeps keys or values of attention between steps and joins them along the length axis, so x must be
[batch, heads, length, head_dim]. Split the heads with \`rearrange\` first.`,
    example: `model Tiny {
  entry decode(x: [B, T, 8]) -> (y: [B, S, 8]) cache P "past" -> "present" { cached(x, "key") }
}
`,
  },

  // ── modules, parameters, adapters ───────────────────────────────────────────────────────────
  duplicate_key: {
    text: `The path of a parameter in the tree of modules is its key in a checkpoint, unless \`key "…"\` changes it, and two parameters ended up with the
same key. One of them would overwrite the other.`,
    example: `import { Linear } from "std"

model Tiny {
  a = Linear(8, 8) key "fc"
  b = Linear(8, 8) key "fc"
  entry run(x: [B, 8]) -> (y: [B, 8]) { b(a(x)) }
}
`,
  },
  forward_missing: {
    text: `A module is called through its \`forward\`, and this one has none. Add one, or use the module's members: \`table.weight\`, \`block.norm(x)\`.`,
    example: `module Table(d) { param weight: [d, d] = zeros() }

model Tiny {
  table = Table(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { table(x) }
}
`,
  },
  pattern_matches_nothing: {
    text: `A path pattern of \`adapt\` or \`train\` matches no module or parameter, so a slip would silently leave something unadapted or frozen. Paths are
those of the tree (\`layers[0].attn\`), \`*\` is any part of one segment, \`**\` any number of segments, \`{a, b}\` alternatives.
A pattern that names only what a flag switched off is no error.`,
    example: `import { Linear } from "std"

model Tiny {
  layers = [Linear(8, 8) for i in range(2)]
  entry run(x: [B, 8]) -> (y: [B, 8]) { layers[0](x) }
}

stage one { train layer[*] }
`,
  },
  adapter_target: {
    text: `An adapter is written for one module (\`adapter LoRA(…) on Linear\`), whose arguments and parameters it uses, and the pattern also matches
another one. Make the pattern name only modules that fit.`,
    example: `import { LayerNorm, LoRA } from "std"

model Tiny {
  norm = LayerNorm(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { norm(x) }
}

adapt norm with LoRA(r = 2, alpha = 4)
`,
  },
  member_value: {
    text: `\`name = …\` in a module makes a submodule, so its value is a module with arguments or a list of them. Compile-time values are declared with
\`let\`, parameters with \`param name: [shape] = initialiser\`.`,
    example: `model Tiny {
  depth = 3
  entry run(x: [B]) -> (y: [B]) { x }
}
`,
  },
  dynamic_parameter: {
    text: `A parameter is stored, so its shape must be made of numbers that are known at compile time: no \`...\` and no dynamic dimension.`,
    example: `model Tiny {
  param weight: [..., 8] = zeros()
  entry run(x: [B, 8]) -> (y: [B, 8]) { x }
}
`,
  },
  no_entry: {
    text: `The model has no entry of the name that was asked for. The note lists the entries there are.`,
  },
  entry_signature: {
    text: `An entry becomes a graph that other programs call, so its inputs have types with a fixed number of axes and its outputs have names and types:
\`entry run(x: [B, T, 64]) -> (logits: [B, T, 10]) { … }\`.`,
    example: `model Tiny {
  entry run(x: [B, 8]) { x }
}
`,
  },
  misplaced_member: {
    text: `Entries belong in a \`model\`, which is what is compiled; \`merge\` belongs in an \`adapter\` and says how it folds into the weight it adapts.
Modules have a \`forward\`.`,
    example: `module Block(d) {
  entry run(x: [B, d]) -> (y: [B, d]) { x }
  forward(x: [B, d]) -> [B, d] { x }
}

model Tiny {
  block = Block(8)
  entry run(x: [B, 8]) -> (y: [B, 8]) { block(x) }
}
`,
  },
  bad_key: {
    text: `A checkpoint key is made of letters, digits, \`_\` and \`-\`, joined by dots. Anything else would not be found in any checkpoint.`,
    example: `import { Linear } from "std"

model Tiny {
  fc = Linear(8, 8) key "my layer"
  entry run(x: [B, 8]) -> (y: [B, 8]) { fc(x) }
}
`,
  },
  too_large: {
    text: `The parameter would have more than 2^36 elements, 256 GiB of f32. One of its dimensions is most likely a number of something else.`,
    example: `model Tiny {
  param table: [1000000, 1000000] = zeros()
  entry run(x: [B]) -> (y: [B]) { x }
}
`,
  },
  no_tap: {
    text: `A tap makes an inner value of an entry an output: the path of a module (\`layers.0.attn\`) for what it returns, or of a \`let\` in its body.
The entry computes nothing at this path; the module may exist and not be called there.`,
  },
  not_a_buffer: {
    text: `\`update NAME = …\` changes named state that a step of training reads and writes: a \`buffer\`, such as running statistics or a codebook. A
\`param\` is changed by the optimiser, from its gradient; a \`let\` is rebound with \`NAME = …\`.`,
    example: `module Counter() {
  param count: [1] = zeros()
  forward(x: [B, 1]) -> [B, 1] {
    update count = count + 1.0
    x + count
  }
}

model Tiny {
  counter = Counter()
  entry run(x: [B, 1]) -> (y: [B, 1]) { counter(x) }
  entry loss(x: [B, 1]) -> (loss: []) { mean(counter(x)) }
}

stage one { train counter }
`,
  },
  training_unknown: {
    text: `\`is_training()\` is true in the graph of a step of training and false in every other, so it can be asked in bodies, which are traced once for each
graph. Submodules, parameters and \`let\` members are made once for all graphs. A flag (\`when flag\`) changes what a model is made of.`,
    example: `model Tiny {
  let rate = 0.1 when is_training() else 0.0
  entry run(x: [B, 8]) -> (y: [B, 8]) { x * rate }
}
`,
  },
  update_outside_training: {
    text: `Only a step of training changes state. Say so with \`if is_training() { update … }\`; what the module does elsewhere follows behind it, or in an
\`else\`.`,
    example: `model Tiny {
  buffer seen: [] = zeros()
  entry run(x: [B, 8]) -> (y: [B, 8]) {
    update seen = seen + 1.0
    x
  }
}
`,
  },

  // ── stages ──────────────────────────────────────────────────────────────────────────────────
  unknown_clause: {
    text: `A stage has the clauses \`train\`, \`set\`, \`optimize\`, \`schedule\` and a few numbers such as \`batch\`; a misspelt one would silently keep its default.`,
    example: `model Tiny {
  param weight: [8] = ones()
  entry run(x: [B, 8]) -> (y: [B, 8]) { x * weight }
}

stage one {
  train weight
  bacth 64
}
`,
  },
  trains_nothing: {
    text: `A stage says with \`train\` which parameters it changes; everything else is frozen. \`train **\` trains all of them.`,
    example: `model Tiny {
  param weight: [8] = ones()
  entry run(x: [B, 8]) -> (y: [B, 8]) { x * weight }
}

stage one { batch 64 }
`,
  },
};
