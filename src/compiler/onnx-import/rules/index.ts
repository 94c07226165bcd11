/** What each operator of ONNX becomes, by its name; those of other domains by `domain.name`. */
import type { Rule } from '../call.ts';
import { ATTENTION } from './attention.ts';
import { CONTRACTION } from './contraction.ts';
import { GATHER } from './gather.ts';
import { MOVEMENT } from './movement.ts';
import { NORMALISATION } from './normalisation.ts';
import { POINTWISE } from './pointwise.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCTIONS } from './reductions.ts';
import { SOURCES } from './sources.ts';
import { SPATIAL } from './spatial.ts';

export const RULES: ReadonlyMap<string, Rule> = new Map(
  Object.entries({
    ...POINTWISE,
    ...MOVEMENT,
    ...GATHER,
    ...SOURCES,
    ...REDUCTIONS,
    ...CONTRACTION,
    ...SPATIAL,
    ...NORMALISATION,
    ...ATTENTION,
    ...RECURRENT,
  }),
);
