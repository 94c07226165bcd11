/** Which stages a command names, and the model under a stage's own flags. */

import { nearest } from '../../../shared/nearest.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { StageError } from '../../training/stage-error.ts';
import { cliError } from '../errors.ts';
import { type Loaded, loadModel, type SettingsOptions } from '../model.ts';
import type { Notes } from '../notes.ts';
import type { StagedModel } from './open-stage.ts';
import { type LoadedStage, underStage } from './staged.ts';

/** @throws CliError C0201 when there is no such stage */
export function stageOf(model: Pick<Model, 'stages'>, name: string): Stage {
  const stage = model.stages.find((candidate) => candidate.name === name);
  if (stage) return stage;
  const known = model.stages.map((candidate) => candidate.name);
  throw cliError('unknown_stage', { name, known, near: nearest(name, known) });
}

/** The stage of this name, or the only one of a model. @throws CliError C0201, C0555 */
export function stageOrOnly(model: Pick<Model, 'stages'>, name: string | undefined): Stage {
  const [only, ...others] = model.stages;
  if (name !== undefined) return stageOf(model, name);
  if (only && others.length === 0) return only;
  const known = model.stages.map((candidate) => candidate.name);
  throw cliError('stage_needed', { known });
}

/** `1-3,final` → stage1, stage2, stage3, final. @throws CliError C0201, C0103 */
export function stageList(model: Pick<Model, 'stages'>, text: string): Stage[] {
  const names = text.split(',').flatMap((part) => {
    const range = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(part);
    if (!range) return /^\s*\d+\s*$/.test(part) ? [`stage${part.trim()}`] : [part.trim()];
    const [from, to] = [Number(range[1]), Number(range[2])];
    if (from > to || to - from > 1000)
      throw cliError('option_value', { option: '--stages', text, expected: 'a range such as 1-4' });
    return Array.from({ length: to - from + 1 }, (_, index) => `stage${from + index}`);
  });
  const again = names.find((name, index) => names.indexOf(name) !== index);
  if (again !== undefined)
    throw cliError('option_value', { option: '--stages', text, expected: `each stage once, ${again} too,` });
  return names.map((name) => stageOf(model, name));
}

/** Of a stage's data and dropout: the command's seed and the stage's own. */
export function seedOf({ options }: Pick<Stage, 'options'>, seed: number): number {
  return seed + (typeof options.seed === 'number' ? options.seed : 0);
}

/** Rows of a batch where nothing says. */
const USUAL_BATCH = 16;

/** Rows of a batch: what is asked for, else the stage's own, so that what judges a stage forms the batches that trained it. */
export function batchSizeOf(stage: Pick<Stage, 'options'> | undefined, asked: number | undefined): number {
  const own = stage?.options.batch;
  return asked ?? (typeof own === 'number' ? own : USUAL_BATCH);
}

/** The model as a stage sees it: its flags and sizes first, so that --set has the last word. @throws as loadModel */
export function loadStage(file: string, options: SettingsOptions, stage: Stage, output: Notes): LoadedStage {
  const load = (set: readonly string[]): StagedModel => {
    const loaded = loadModel(file, { ...options, set: [...set, ...(options.set ?? [])] }, output);
    return { ...loaded, stage: stageOf(loaded.model, stage.name) };
  };
  return forStage(stage.name, () => underStage(stage, load, (said, work) => explained(output, said, work)));
}

/** The model as the stage of this name sees it, or as it is. @throws CliError C0201, and as loadModel */
export function loadUnder(
  file: string,
  options: SettingsOptions,
  stage: string | undefined,
  output: Notes,
): Loaded & Partial<LoadedStage> {
  const plain = loadModel(file, options, output);
  return stage === undefined ? plain : loadStage(file, options, stageOf(plain.model, stage), output);
}

/** A note before the errors of a model that nobody asked for by name. */
function explained<T>(output: Notes, note: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DiagnosticError) output.note(note);
    throw error;
  }
}

/** Runs work whose StageErrors become C0202. */
export function forStage<T>(stage: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StageError) throw cliError('stage_not_trainable', { stage, reason: error.message }, [], error);
    throw error;
  }
}

/** The same for work that is awaited. */
export async function forStageAsync<T>(stage: string, work: () => Promise<T>): Promise<T> {
  return work().catch((error: unknown) => forStage(stage, () => rethrow(error)));
}

function rethrow(error: unknown): never {
  throw error;
}
