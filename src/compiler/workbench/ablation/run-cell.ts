/** Trains one cell, and turns what goes wrong in it into its outcome: a variant that breaks is a finding, not an end. */
import { RuntimeError } from '../../../runtime/index.ts';
import { type OpenedStage, scheduleLength, trainStages } from '../../../runtime/train/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { scheduleOf } from '../../training/plan.ts';
import { CliError, cliError, reasonOf } from '../errors.ts';
import { SILENT } from '../notes.ts';
import { openBase } from '../training/base.ts';
import { openBatches } from '../training/data.ts';
import type { TrainingOptions } from '../training/options.ts';
import { overlayWeights } from '../training/overlay.ts';
import { fitted } from '../training/resized.ts';
import { openForTraining } from '../training/run.ts';
import { forStage, loadStage, seedOf } from '../training/stages.ts';
import { type Cell, CellLog, type CellRecord } from './cell.ts';
import { modelText } from './model-text.ts';

export interface CellRun {
  readonly file: string;
  readonly cell: Cell;
  /** modelText of the full model, when the run began */
  readonly text: string;
  /** as the full model declares it */
  readonly stage: Stage;
  /** with the variant's flag in `set` and the cell's seed */
  readonly options: TrainingOptions;
  /** what earlier stages trained, by checkpoint key */
  readonly carried: ReadonlyMap<string, HostTensor>;
  readonly signal: AbortSignal;
  /** after each step: how many are done, of how many */
  readonly onStep: (done: number, steps: number) => void;
}

export interface CellResult {
  readonly record: CellRecord;
  /** what is trained so far; undefined when the stage left it as it was */
  readonly trained: ReadonlyMap<string, HostTensor> | undefined;
}

/**
 * @returns undefined when the signal came before the last step
 * @throws what is not the variant's fault: files that cannot be read or written, bad data, C0304
 */
export async function runCell(run: CellRun): Promise<CellResult | undefined> {
  const log = new CellLog(run.cell);
  try {
    const trained = await trainCell(run, log);
    if (trained === 'interrupted') return undefined;
    if (trained === 'nothing') return { record: log.finish('nothing'), trained: undefined };
    return { record: log.finish('trained'), trained };
  } catch (error) {
    if (!isOfVariant(error)) throw error;
    const outcome = error instanceof RuntimeError && error.code === 'R0801' ? 'non_finite' : 'failed';
    return { record: log.finish(outcome, describe(error)), trained: undefined };
  }
}

async function trainCell(
  { file, text, stage: declared, options, carried, signal, onStep }: CellRun,
  log: CellLog,
): Promise<ReadonlyMap<string, HostTensor> | 'nothing' | 'interrupted'> {
  const loaded = loadStage(file, options, declared, SILENT);
  const { model, stage } = loaded;
  if (modelText(model) !== text) throw cliError('file_edited', { file });
  if (stage.trained.length === 0) return 'nothing';
  const rate = options.lr === undefined ? {} : { lr: options.lr };
  const steps = options.steps ?? forStage(stage.name, () => scheduleLength(scheduleOf(stage, rate)));
  const seed = seedOf(stage, options.seed);
  const base = await openBase(loaded, options, SILENT);
  try {
    const data = await openBatches(file, model, stage, { ...options, seed }, SILENT);
    const open = (trained: ReadonlyMap<string, HostTensor>): Promise<OpenedStage> =>
      openForTraining(loaded, overlayWeights(base, fitted(model, new Map([...carried, ...trained]))), {
        ...options,
        validates: false,
      });
    const result = await trainStages([{ name: stage.name, data, seed, open }], {
      steps,
      signal,
      onRecord: (record) => {
        log.add(record);
        onStep(log.steps, steps);
      },
    });
    if ((result.stages[0]?.steps ?? 0) < steps) return 'interrupted';
    return new Map([...carried, ...result.trained]);
  } finally {
    await base.close();
  }
}

/**
 * Files and data are the same for every variant: when they fail, so does the run. R01 weights files, R09 data. A
 * checkpoint that only a variant does not fit (C0101) is a finding about the variant: the full model was tried before.
 */
function isOfVariant(error: unknown): boolean {
  if (error instanceof DiagnosticError) return true;
  if (error instanceof CliError) return error.code === 'C0202' || error.code === 'C0101';
  if (error instanceof RuntimeError) return !/^R0[19]/.test(error.code);
  // the operating system's: a full disk, no more files
  return !(error instanceof Error && 'syscall' in error);
}

function describe(error: unknown): string {
  if (!(error instanceof DiagnosticError)) return reasonOf(error);
  const [first] = error.diagnostics;
  return first === undefined ? 'the model has errors' : `${first.code}: ${first.message}`;
}
