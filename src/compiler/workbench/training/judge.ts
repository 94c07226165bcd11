/** What the command line says of validation: `--val`, `--val-split`, `--val-every`, `--keep-best`, `--patience`. */
import { join } from 'node:path';
import { recipeOf } from '../../../recipes/index.ts';
import { bestFolder, type JudgeOptions, type Measures, type Metric } from '../../../runtime/train/index.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError } from '../errors.ts';
import { OWN_KEYS } from '../layouts/asked.ts';

export interface ValidationOptions {
  readonly val?: string;
  readonly valSplit?: number;
  readonly valEvery?: number;
  /** a measure, with `:min` or `:max` where it is no loss; true: the loss */
  readonly keepBest?: string | true;
  /** looks in a row without a better value, after which a stage ends */
  readonly patience?: number;
}

export const judges = ({ val, valSplit, valEvery, keepBest, patience }: ValidationOptions): boolean =>
  [val, valSplit, valEvery, keepBest, patience].some((option) => option !== undefined);

const SMALL_IS_BEST: readonly string[] = ['loss', 'perplexity', 'bits_per_byte'];

/** @throws CliError C0421 */
export function metricOf(keepBest: string | true | undefined, option = '--keep-best'): Metric {
  const text = typeof keepBest === 'string' ? keepBest : 'loss';
  const [, name, best] = /^(.*?)(?::(min|max))?$/.exec(text)!;
  if (best === 'min' || best === 'max') return { name: name!, best };
  if (!SMALL_IS_BEST.includes(name!)) throw cliError('metric_direction', { name: name!, option });
  return { name: name!, best: 'min' };
}

/** @param out the run's folder; best states are kept in it. @throws CliError C0421 */
export function judgeOptions(
  { valEvery, keepBest, patience }: ValidationOptions,
  out: string | undefined,
): JudgeOptions {
  return {
    metric: metricOf(keepBest),
    ...(valEvery === undefined ? {} : { every: valEvery }),
    ...(patience === undefined ? {} : { patience }),
    ...(keepBest === undefined || out === undefined ? {} : { best: bestFolder(join(out, 'best'), OWN_KEYS) }),
  };
}

/** What the model's recipe makes of the scalars of its loss. */
export function measuresOf({ recipe: own }: Model): Measures {
  const recipe = own && recipeOf(own.declaration.name);
  return (scalars) => recipe?.measures?.(scalars, own!.settings) ?? {};
}
