/** How every op of the IR becomes ONNX: one total table, so that a missing rule does not compile. */
import type { OpName } from '../../../ops/attributes.ts';
import { ATTENTION } from './attention.ts';
import { CONTRACTION } from './contraction.ts';
import { GATHER } from './gather.ts';
import { GRADIENTS } from './gradients.ts';
import { LOSS } from './loss.ts';
import { NORM } from './norm.ts';
import { POINTWISE } from './pointwise.ts';
import { RANDOM } from './random.ts';
import { REDUCTIONS } from './reductions.ts';
import { ROTARY } from './rotary.ts';
import type { Lowering } from './rule.ts';
import { SHAPE } from './shape.ts';
import { SPATIAL } from './spatial.ts';

export const LOWERINGS: { readonly [N in OpName]: Lowering<N> } = {
  ...POINTWISE,
  ...REDUCTIONS,
  ...SHAPE,
  ...RANDOM,
  ...GATHER,
  ...CONTRACTION,
  ...SPATIAL,
  ...NORM,
  ...ATTENTION,
  ...ROTARY,
  ...LOSS,
  ...GRADIENTS,
};
