/** The long forms of messages/tensors.ts. */
import type { Explanations } from '../message.ts';
import type { TENSOR_MESSAGES } from '../messages/tensors.ts';

export const TENSOR_EXPLANATIONS: Explanations<typeof TENSOR_MESSAGES> = {
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
  einsum_equation: {
    text: `The labels of each tensor, one letter an axis, commas between them, \`->\` and the labels of the result: \`"bij,bjk->bik"\`. A label stands once in each tensor
and once in the result, whose labels are all among those of the tensors. Without \`->\` the result has the labels that stand once, in the order of the alphabet.
Diagonals (\`"ii->i"\`) and \`...\` are not taken.`,
    example: `model Tiny {
  entry run(x: [4, 4]) -> (y: [4]) { einsum("ii->i", x) }
}
`,
  },
  einsum_operands: {
    text: `The equation is well formed and the tensors are others than it says: their number, their axes, or the size of a label, which is the same in all tensors.
An axis of size 1 is not broadcast.`,
    example: `model Tiny {
  entry run(x: [B, 4], y: [B, 8]) -> (z: [B]) { einsum("bi,bi->b", x, y) }
}
`,
  },
  tensor_values: {
    text: `\`tensor\` makes a constant of numbers or bools that are known at compile time, from lists in lists, all of one length at each depth: \`tensor([[1, 0], [0, 1]])\`.
Every graph that uses it holds its elements, so there are at most 65,536; larger ones are parameters, which lie in the weights, or inputs.`,
    example: `model Tiny {
  entry run(x: [B, 2]) -> (y: [B, 2]) { x * tensor([[1.0, 2.0], [3.0]]) }
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
};
