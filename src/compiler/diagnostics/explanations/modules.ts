/** The long forms of messages/modules.ts. */
import type { Explanations } from '../message.ts';
import type { MODULE_MESSAGES } from '../messages/modules.ts';

export const MODULE_EXPLANATIONS: Explanations<typeof MODULE_MESSAGES> = {
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
  cached_lengths: {
    text: `What \`cached(…)\` keeps is joined to by each step, and all pasts of an entry have one length, \`P\` in \`cache P "past" -> "present"\`. A step that
adds T rows to one and S rows to another leaves pasts of two lengths, which the next step cannot take. Keys and values of cross attention do not grow: they are
computed from the memory in each step, by \`CrossAttention\` of std, or once in an entry of their own whose outputs the step takes as inputs.`,
    example: `import { MultiHeadAttention } from "std"

model Tiny {
  self_attn  = MultiHeadAttention(8, 2, causal = true)
  cross_attn = MultiHeadAttention(8, 2)

  entry decode(x: [B, T, 8], memory: [B, S, 8]) -> (y: [B, T, 8]) cache P "past" -> "present" {
    let h = self_attn(x, x)
    cross_attn(h, memory)
  }
}
`,
  },
};
