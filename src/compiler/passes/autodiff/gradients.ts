/** How every op of the IR is differentiated: one total table, so that an op without a rule (or a reason) does not compile. */
import type { OpName } from '../../ops/attributes.ts';
import { ARITHMETIC } from './gradients/arithmetic.ts';
import { ATTENTION } from './gradients/attention.ts';
import { CONTRACTION } from './gradients/contraction.ts';
import { GATHER } from './gradients/gather.ts';
import { LOSS } from './gradients/loss.ts';
import { NORMALISATION } from './gradients/normalisation.ts';
import { POINTWISE } from './gradients/pointwise.ts';
import { RANDOM } from './gradients/random.ts';
import { REDUCTIONS } from './gradients/reductions.ts';
import { SHAPE } from './gradients/shape.ts';
import { SPATIAL } from './gradients/spatial.ts';
import type { GradientRule } from './rule.ts';

export const GRADIENTS: { readonly [N in OpName]: GradientRule<N> } = {
  ...POINTWISE,
  ...ARITHMETIC,
  ...REDUCTIONS,
  ...SHAPE,
  ...RANDOM,
  ...GATHER,
  ...CONTRACTION,
  ...SPATIAL,
  ...NORMALISATION,
  ...ATTENTION,
  ...LOSS,
};
