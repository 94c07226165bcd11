/** The long forms of messages/names.ts. */
import type { Explanations } from '../message.ts';
import type { NAMES_MESSAGES } from '../messages/names.ts';

export const NAMES_EXPLANATIONS: Explanations<typeof NAMES_MESSAGES> = {
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
};
