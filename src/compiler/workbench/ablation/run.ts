/** An ablation as options say: its variants' stages, each from the model's file, through `ablateStages`. */
import { ablateStages, type CellRecord, type Metric } from '../../../runtime/train/index.ts';
import type { Stage } from '../../elaborate/stages.ts';
import type { TrainingOptions } from '../training/options.ts';
import { findingOf } from './finding.ts';
import type { AblationFolder } from './folder.ts';
import { variantStage } from './variant-stages.ts';
import type { Variant } from './variants.ts';

export interface Ablation {
  readonly file: string;
  /** modelText of the full model */
  readonly text: string;
  readonly variants: readonly Variant[];
  /** of the data and of dropout */
  readonly seeds: readonly number[];
  /** as the full model declares them */
  readonly stages: readonly Stage[];
  readonly options: TrainingOptions;
  /** what variants are compared by, where they are judged */
  readonly metric?: Metric;
  /** the n-th seed starts from weights of the seed `init` + n */
  readonly varyInit?: boolean;
}

/** Is told how a run gets on. */
export interface Watch {
  step(variant: Variant, seed: number, stage: string, done: number, steps: number): void;
  /** @param kept the cell was finished by an earlier run */
  finished(record: CellRecord, records: readonly CellRecord[], kept: boolean): void | Promise<void>;
}

/**
 * @returns the records of all cells that are finished, those of earlier runs included
 * @throws what is not a variant's fault: files that cannot be read or written, bad data, C0304
 */
export async function runAblation(
  { file, text, variants, seeds, stages, options, metric, varyInit }: Ablation,
  folder: AblationFolder,
  signal: AbortSignal,
  watch: Watch,
): Promise<readonly CellRecord[]> {
  const declared = new Map(stages.map((stage) => [stage.name, stage]));
  const ablated = variants.map(({ id, set }) => ({
    id,
    stage: (name: string, seed: number) =>
      variantStage(file, text, declared.get(name)!, {
        ...options,
        ...(varyInit && options.init !== undefined ? { init: options.init + seeds.indexOf(seed) } : {}),
        seed,
        set: [...(options.set ?? []), ...set],
      }),
  }));
  const byId = new Map(variants.map((variant) => [variant.id, variant]));
  const { records } = await ablateStages(ablated, {
    stages: [...declared.keys()],
    seeds,
    ...(options.steps === undefined ? {} : { steps: options.steps }),
    signal,
    ...(metric ? { judge: { metric, ...(options.valEvery === undefined ? {} : { every: options.valEvery }) } } : {}),
    keeper: folder,
    findingOf,
    onStep: ({ variant, seed, stage }, done, steps) => watch.step(byId.get(variant)!, seed, stage, done, steps),
    onFinished: (record, all, kept) => watch.finished(record, all, kept),
  });
  return records;
}
