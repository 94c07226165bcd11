/**
 * All cells of an ablation, one after the other: seed by seed, so that a run that is stopped early has compared all
 * variants with the seeds it reached. Every variant starts from the same weights and sees the same batches.
 */
import type { HostTensor } from '../../../shared/tensor.ts';
import type { Stage } from '../../elaborate/stages.ts';
import type { TrainingOptions } from '../training/options.ts';
import { type CellRecord, goesOn } from './cell.ts';
import type { AblationFolder } from './folder.ts';
import { runCell } from './run-cell.ts';
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
}

/** Is told how a run gets on. */
export interface Watch {
  step(variant: Variant, seed: number, stage: string, done: number, steps: number): void;
  /** @param kept the cell was finished by an earlier run */
  finished(record: CellRecord, records: readonly CellRecord[], kept: boolean): void | Promise<void>;
}

/** @returns the records of all cells that are finished, those of earlier runs included */
export async function runAblation(
  { file, text, variants, seeds, stages, options }: Ablation,
  folder: AblationFolder,
  signal: AbortSignal,
  watch: Watch,
): Promise<CellRecord[]> {
  const records: CellRecord[] = [];
  for (const seed of seeds) {
    for (const variant of variants) {
      let carried: ReadonlyMap<string, HostTensor> = new Map();
      /** the last stage that an earlier run trained: its weights are read when they are needed */
      let kept: CellRecord | undefined;
      for (const stage of stages) {
        if (signal.aborted) return records;
        const cell = { variant: variant.id, seed, stage: stage.name };
        const before = folder.read(cell);
        if (before) {
          if (before.outcome === 'trained') kept = before;
          records.push(before);
          await watch.finished(before, records, true);
          if (goesOn(before)) continue;
          break;
        }
        if (kept) carried = await folder.weights(kept);
        kept = undefined;
        const result = await runCell({
          file,
          text,
          cell,
          stage,
          options: { ...options, seed, set: [...(options.set ?? []), ...variant.set] },
          carried,
          signal,
          onStep: (done, steps) => watch.step(variant, seed, stage.name, done, steps),
        });
        if (!result) return records;
        await folder.save(result.record, result.trained);
        records.push(result.record);
        await watch.finished(result.record, records, false);
        if (!goesOn(result.record)) break;
        carried = result.trained ?? carried;
      }
    }
  }
  return records;
}
