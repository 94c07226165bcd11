/** The long forms of messages/values.ts. */
import type { Explanations } from '../message.ts';
import type { VALUES_MESSAGES } from '../messages/values.ts';

export const VALUES_EXPLANATIONS: Explanations<typeof VALUES_MESSAGES> = {
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
  setting_form: {
    text: `Programs give settings as the command line does: \`settings: { set: ["width=64", "qk_norm=false"] }\`, or each as its name and the text
after the sign, \`{ name: "width", text: "64" }\`. The text is read as JSON where it is JSON.`,
  },
  call_form: {
    text: `Programs without types pass null, nothing or a value of another kind to \`compile\`, \`graphsOf\` or a target's \`compile\`. The message names
the argument and what it takes: \`compile(path, { read: (path) => text }, { config: "nano", set: ["width=64"] })\`. A host's \`read\` gives
the text itself, neither bytes nor a promise, and nothing where there is no file.`,
  },
  unknown_option: {
    text: `An option of another name would be ignored without a word. \`compile\` takes the settings of a model, \`graphsOf\` which graphs are made, and a
target's \`compile\` what that target takes: \`opset\` is of ONNX, \`weights\` of WebGPU.`,
  },
  editor_setting: {
    text: `An editor chooses what its hovers and shapes are for: \`{ "config": "nano", "set": { "qk_norm": false } }\`. \`config\` is the name of a
config, \`set\` an object of flags and config values, as after \`--set\`. What has another form is left out, and the rest holds.`,
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
};
