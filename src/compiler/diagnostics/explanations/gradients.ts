/** The long forms of messages/gradients.ts. */
import type { Explanations } from '../message.ts';
import type { GRADIENT_MESSAGES } from '../messages/gradients.ts';

export const GRADIENT_EXPLANATIONS: Explanations<typeof GRADIENT_MESSAGES> = {
  gradient_target: {
    text: `Behind \`->\` a backward clause names what it gives gradients of: arguments that are tensors of floats, and params. Ints, bools, buffers and
modules have no gradient.`,
    example: `fn picked(x: [B, 8], index: int[B]) -> [B, 8] { gather(x, index) }
backward(dy) -> (x, index) { (dy, dy) }

model Tiny {
  entry run(x: [B, 8], index: int[B]) -> (y: [B, 8]) { picked(x, index) }
}
`,
  },
  gradient_shape: {
    text: `A gradient has the shape of what it is of: every element of an argument gets its own number. Where the argument was broadcast, the clause sums
over the axes that were stretched: \`sum(dy, axes = [0])\`.`,
    example: `fn scaled(x: [B, 8], scale: [8]) -> [B, 8] { x * scale }
backward(dy) -> (x, scale) { (dy * scale, dy * x) }

model Tiny {
  param scale: [8] = ones()
  entry run(x: [B, 8]) -> (y: [B, 8]) { scaled(x, scale) }
}
`,
  },
  gradient_count: {
    text: `A backward clause ends in as many values as it names behind \`->\`, in that order: \`backward(dy) -> (x, scale) { (dy * scale, sum(dy * x)) }\`.`,
    example: `fn scaled(x: [B, 8], scale: []) -> [B, 8] { x * scale }
backward(dy) -> (x, scale) { dy * scale }

model Tiny {
  param scale: [] = ones()
  entry run(x: [B, 8]) -> (y: [B, 8]) { scaled(x, scale) }
}
`,
  },
  gradient_result: {
    text: `What flows back comes from one result, so a body with a backward clause gives one tensor of floats. Give several results by several functions, or
join them with \`concat\`.`,
    example: `fn both(x: [B, 8]) { [x, 2.0 * x] }
backward(dy) -> x { dy }

model Tiny {
  entry run(x: [B, 8]) -> (a: [B, 8], b: [B, 8]) { both(x) }
}
`,
  },
  gradient_missing: {
    text: `A body with a backward clause is differentiable only as the clause says. A param that it reads and does not name behind \`->\` would never move. Name
it, with its gradient; or read it through \`stop_gradient\`. Params of a submodule have no name there: call the submodule outside, or pass its result.`,
    example: `module Scale() {
  param weight: [8] = ones()
  forward(x: [B, 8]) -> [B, 8] { x * weight }
  backward(dy) -> x { dy * weight }
}

model Tiny {
  scale = Scale()
  entry run(x: [B, 8]) -> (y: [B, 8]) { scale(x) }
}
`,
  },
  random_outside_training: {
    text: `\`random(shape)\` draws from the seed of a training run, which a graph of inference has not. Draw in a \`backward\` clause, or behind
\`if is_training() { … }\`.`,
    example: `model Tiny {
  entry run(x: [B, 8]) -> (y: [B, 8]) { x + random([8]) }
}
`,
  },
  unknown_choice: {
    text: `The argument takes one of a few words, and this is none of them.`,
    example: `model Tiny {
  let kind = one_of("big", ["small", "large"], "the kind")
  entry run(x: [B, 8]) -> (y: [B, 8]) { x }
}
`,
  },
};
