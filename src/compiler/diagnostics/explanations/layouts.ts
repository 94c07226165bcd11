/** The long forms of messages/layouts.ts. */
import type { Explanations } from '../message.ts';
import type { LAYOUT_MESSAGES } from '../messages/layouts.ts';

export const LAYOUT_EXPLANATIONS: Explanations<typeof LAYOUT_MESSAGES> = {
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
};
