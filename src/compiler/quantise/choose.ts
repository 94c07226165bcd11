/**
 * Which parameters of a model are quantised, and how: what the command line wants of all matrices, then what the model's file
 * and `--quantise` say of some (elaborate/quantise.ts).
 *
 *   --weights-dtype int4   matrices of products int4(group = 32); tables that are looked up and the last products int8
 *   --weights-dtype int8   all of them int8
 */
import { GROUPS, partKey, type Quantisation } from '../../shared/quantisation.ts';
import type { Model } from '../elaborate/model.ts';
import type { Graph } from '../ir/graph.ts';
import { QuantiseProblem } from './problem.ts';
import { type ParameterUse, parameterUses } from './uses.ts';

/** What the matrices become that no rule of the model is about. */
export type QuantisedWeights = 'int4' | 'int8';

/** By key. */
export type Quantised = ReadonlyMap<string, Quantisation>;

/**
 * @param weights absent: matrices without a rule stay f32
 * @param trained keys that training changes, which stay f32
 * @throws QuantiseProblem for a rule that cannot be kept
 */
export function quantisedParameters(
  model: Model,
  graphs: readonly Graph[],
  weights: QuantisedWeights | undefined,
  trained: ReadonlySet<string>,
): Quantised {
  const chosen = new Map<string, Quantisation>();
  if (weights === undefined && model.quantised.length === 0) return chosen;
  const uses = parameterUses(graphs);
  for (const [key, use] of weights === undefined ? [] : uses) {
    const own = trained.has(key) ? undefined : byUse(use, weights!);
    if (own) chosen.set(key, own);
  }
  for (const { keys, as, where } of model.quantised) {
    for (const key of keys) {
      if (as === 'f32') chosen.delete(key);
      else if (trained.has(key)) throw new QuantiseProblem('quantise_trained', { key, where });
      else if (uses.has(key)) {
        checkUse(key, uses.get(key)!, where);
        chosen.set(key, as);
      }
    }
  }
  checkNames(model, chosen);
  return chosen;
}

/** Undefined for what is no matrix of a product and no table, and where no group divides its rows. */
function byUse(use: ParameterUse, weights: QuantisedWeights): Quantisation | undefined {
  if (use.other || !(use.contracted || use.table)) return undefined;
  const bits = weights === 'int4' && use.contracted && !use.table && !use.last ? 4 : 8;
  const group = (bits === 4 ? GROUPS : GROUPS.toReversed()).find((size) => use.shape[1]! % size === 0);
  return group === undefined ? undefined : { bits, group, zeros: false, method: 'nearest' };
}

/** Groups lie along the axis that a product sums over. */
function checkUse(key: string, { contracted, table, turned }: ParameterUse, where: string): void {
  if (!turned || contracted || table) return;
  const origin = turned.origin.source ?? turned.origin.path;
  throw new QuantiseProblem('quantise_use', { key, op: turned.op, origin, where });
}

/** The parts of a quantised parameter have names of their own in weights files. */
function checkNames(model: Model, chosen: Quantised): void {
  for (const key of chosen.keys())
    for (const part of ['codes', 'scales', 'zeros'] as const)
      if (model.parameters.has(partKey(key, part)))
        throw new QuantiseProblem('quantise_name', { key, part: partKey(key, part) });
}
