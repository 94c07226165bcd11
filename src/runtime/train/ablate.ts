/**
 * An ablation: variants of a model go through the same stages with the same seeds, so that what differs is the variant. Cells run
 * one after the other, seed by seed: a run that is stopped early has compared all variants with the seeds that it reached. It
 * knows no compiler: a variant makes its stages itself.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { RuntimeError } from '../errors.ts';
import { type Cell, CellLog, type CellRecord, goesOn } from './cell.ts';
import type { JudgeOptions } from './judge.ts';
import { type TrainableStage, trainStages } from './stages.ts';

/** One of the models that are compared. */
export interface AblationVariant {
  /** names its cells; the first variant is what the others are compared with */
  readonly id: string;
  /**
   * A stage of it, with data and dropout of a seed. What it throws is a finding about the variant (`findingOf`).
   * @returns undefined where the variant leaves the stage nothing to train: the next one goes on from the same weights
   */
  stage(name: string, seed: number): Promise<TrainableStage | undefined>;
}

/** Where finished cells are kept, so that an ablation goes on where another ended. */
export interface CellKeeper {
  /** The record of a finished cell; undefined: it is still to be trained */
  read(cell: Cell): CellRecord | undefined;
  /** What was trained up to the end of a cell, by checkpoint key */
  weights(cell: Cell): Promise<ReadonlyMap<string, HostTensor>>;
  /** @param trained all so far, by checkpoint key; undefined when the cell left the weights as they were */
  save(record: CellRecord, trained?: ReadonlyMap<string, HostTensor>): Promise<void>;
}

export interface AblateStagesOptions {
  /** names, in order; every variant has them */
  readonly stages: readonly string[];
  /** of data and dropout, integers from 0 to 2^53 − 1; [0] when absent */
  readonly seeds?: readonly number[];
  /** of each stage, instead of its schedule's length */
  readonly steps?: number;
  /** stops after the step that is under way; the cell that it is in is left out */
  readonly signal?: AbortSignal;
  /** for stages with held-out rows: when they are looked at, and the measure that must be there */
  readonly judge?: Pick<JudgeOptions, 'metric' | 'every'>;
  readonly keeper?: CellKeeper;
  /**
   * What was thrown as a finding about the variant, in words, which ends its stages and no other's; undefined: it is the same for
   * every variant and ends the ablation.
   */
  readonly findingOf: (error: unknown) => string | undefined;
  /** after each step: how many of the cell are done, of how many */
  readonly onStep?: (cell: Cell, done: number, steps: number) => void;
  /** @param kept the cell was finished before; awaited */
  readonly onFinished?: (record: CellRecord, records: readonly CellRecord[], kept: boolean) => void | Promise<void>;
}

export interface AblatedStages {
  /** of all cells that are finished, kept ones included, in the order in which they ran */
  readonly records: readonly CellRecord[];
  /** the signal came before the last cell ended */
  readonly interrupted: boolean;
}

type Weights = ReadonlyMap<string, HostTensor>;

/**
 * Trains every variant with every seed.
 * @throws what is no finding about a variant, and what the keeper throws
 */
export async function ablateStages(
  variants: readonly AblationVariant[],
  options: AblateStagesOptions,
): Promise<AblatedStages> {
  const records: CellRecord[] = [];
  for (const seed of options.seeds ?? [0])
    for (const variant of variants)
      if (!(await ablateOne(variant, seed, records, options))) return { records, interrupted: true };
  return { records, interrupted: false };
}

/** The stages of one variant with one seed. @returns false where the signal came */
async function ablateOne(
  variant: AblationVariant,
  seed: number,
  records: CellRecord[],
  options: AblateStagesOptions,
): Promise<boolean> {
  const { stages, keeper, signal, onFinished } = options;
  let carried: Weights = new Map();
  /** the last stage that was trained before: its weights are read when they are needed */
  let kept: CellRecord | undefined;
  for (const stage of stages) {
    if (signal?.aborted) return false;
    const cell = { variant: variant.id, seed, stage };
    const before = keeper?.read(cell);
    if (before) {
      if (before.outcome === 'trained') kept = before;
    } else if (kept) {
      carried = await keeper!.weights(kept);
      kept = undefined;
    }
    const result = before ? { record: before } : await runCell(variant, cell, carried, options);
    if (!result) return false;
    if (!before) await keeper?.save(result.record, result.trained);
    records.push(result.record);
    await onFinished?.(result.record, records, before !== undefined);
    if (!goesOn(result.record)) break;
    carried = result.trained ?? carried;
  }
  return true;
}

interface Result {
  readonly record: CellRecord;
  /** all that is trained so far; absent when the cell left it as it was */
  readonly trained?: Weights;
}

/** @returns undefined when the signal came before the last step */
async function runCell(
  variant: AblationVariant,
  cell: Cell,
  carried: Weights,
  { steps, signal, judge, onStep, findingOf }: AblateStagesOptions,
): Promise<Result | undefined> {
  const log = new CellLog(cell);
  try {
    const stage = await variant.stage(cell.stage, cell.seed);
    if (!stage) return { record: log.finish('nothing') };
    const open: TrainableStage['open'] = (trained) => stage.open(new Map([...carried, ...trained]));
    let of = 0;
    const { trained, interrupted, stages } = await trainStages([{ ...stage, open }], {
      ...(steps === undefined ? {} : { steps }),
      ...(signal ? { signal } : {}),
      ...(judge ? { judge } : {}),
      onBegin: (_, all) => {
        of = all;
      },
      onRecord: (record) => {
        log.add(record);
        onStep?.(cell, log.steps, of);
      },
    });
    if (interrupted && (stages[0]?.steps ?? 0) < of) return undefined;
    return stages.length === 0
      ? undefined
      : { record: log.finish('trained'), trained: new Map([...carried, ...trained]) };
  } catch (error) {
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    const diverged = error instanceof RuntimeError && error.code === 'R0801';
    return { record: log.finish(diverged ? 'non_finite' : 'failed', finding) };
  }
}
