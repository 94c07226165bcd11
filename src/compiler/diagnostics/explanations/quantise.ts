/** Quantised weights. */
import type { Explanations } from '../message.ts';
import type { QUANTISE_MESSAGES } from '../messages/quantise.ts';

export const QUANTISE_EXPLANATIONS: Explanations<typeof QUANTISE_MESSAGES> = {
  unknown_storage: {
    text: `\`quantise PATTERN as …\` takes int4 and int8, with the arguments group (32, 64 or 128; default 32), zeros (whether groups have a zero point; default
false) and method ("nearest", "hqq" or "gptq"), and f32, which takes back what an earlier declaration or --weights-dtype says.`,
    example: `import { Linear } from "std"

model Tiny {
  up = Linear(64, 64)
  entry run(x: [B, 64]) -> (y: [B, 64]) { up(x) }
}
quantise up as int5(group = 32)
`,
  },
  quantise_argument: {
    text: `Groups of quantised weights are 32, 64 or 128 neighbours along the last axis, which share a scale: other sizes are refused and not rounded. The
methods are "nearest" (round to nearest) and "hqq" (half-quadratic optimisation of the zero points, which needs zeros = true).`,
    example: `import { Linear } from "std"

model Tiny {
  up = Linear(64, 64)
  entry run(x: [B, 64]) -> (y: [B, 64]) { up(x) }
}
quantise up as int4(group = 48)
`,
  },
  quantise_no_matrix: {
    text: `Quantising is for matrices: f32 parameters of two axes. Biases and norms that a pattern covers beside them stay f32; a pattern that covers nothing else
is a slip, or is about a convolution, whose kernel has no rows of whole groups.`,
    example: `import { LayerNorm } from "std"

model Tiny {
  norm = LayerNorm(64)
  entry run(x: [B, 64]) -> (y: [B, 64]) { norm(x) }
}
quantise norm as int8
`,
  },
  quantise_indivisible: {
    text: `The rows of a matrix are whole groups, so that a group never spans two rows. Take a group that divides the last axis, or leave the matrix f32 by
\`quantise PATTERN as f32\` behind the declaration that covers it.`,
    example: `import { Linear } from "std"

model Tiny {
  up = Linear(48, 64)
  entry run(x: [B, 48]) -> (y: [B, 64]) { up(x) }
}
quantise up as int4(group = 32)
`,
  },
  quantise_command_line: {
    text: `\`--quantise\` takes what follows the word \`quantise\` in a model file: a pattern, \`as\`, and int4(…), int8(…) or f32. Names of the file (config values,
flags) are not known there.`,
  },
};
