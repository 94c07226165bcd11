/** All ops, by name. The mapped type makes a missing record a type error. */

import { ARITHMETIC } from './arithmetic.ts';
import { ATTENTION } from './attention.ts';
import { ATTENTION_GRADIENTS } from './attention-gradients.ts';
import type { OpName, OpTable } from './attributes.ts';
import { CONTRACTION } from './contraction.ts';
import { CONVOLUTION } from './convolution.ts';
import { CONVOLUTION_GRADIENTS } from './convolution-gradients.ts';
import { CUSTOM_GRADIENTS } from './custom-gradients.ts';
import { GATHER } from './gather.ts';
import { LOSS } from './loss.ts';
import { NORMALISATION } from './normalisation.ts';
import { ORDER } from './order.ts';
import { PIECES } from './pieces.ts';
import { POINTWISE } from './pointwise.ts';
import { RANDOM } from './random.ts';
import { REDUCTIONS } from './reductions.ts';
import { RESAMPLE } from './resample.ts';
import { SELECTION } from './selection.ts';
import { SHAPE } from './shape.ts';
import { SOURCES } from './sources.ts';
import type { Family, Spec } from './spec.ts';

/** The record of an op. */
export type OpSpec<N extends OpName = OpName> = Spec<OpTable[N], N>;

export const OPS: Family<OpTable> = {
  ...POINTWISE,
  ...ARITHMETIC,
  ...REDUCTIONS,
  ...SELECTION,
  ...SHAPE,
  ...PIECES,
  ...SOURCES,
  ...RANDOM,
  ...GATHER,
  ...CONTRACTION,
  ...CONVOLUTION,
  ...RESAMPLE,
  ...NORMALISATION,
  ...ATTENTION,
  ...LOSS,
  ...CONVOLUTION_GRADIENTS,
  ...ATTENTION_GRADIENTS,
  ...ORDER,
  ...CUSTOM_GRADIENTS,
};

export const OP_NAMES = Object.keys(OPS) as readonly OpName[];

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}

export function specOf<N extends OpName>(op: N): OpSpec<N> {
  return OPS[op];
}
