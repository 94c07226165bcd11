/** What shows before anything is trained: sizes and weights that do not fit, data that cannot be read, tensors that stay as initialised. */
import type { DataSource } from '../../../runtime/train/index.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { cliError } from '../errors.ts';
import { soundEntry } from '../model.ts';
import { type Notes, SILENT } from '../notes.ts';
import { openBase } from './base.ts';
import { openBatches, openHeldOut } from './data.ts';
import { judges } from './judge.ts';
import type { RunOptions } from './options.ts';
import type { LoadedStage } from './staged.ts';
import { loadStage, seedOf } from './stages.ts';
import { untrainedKeys, untrainedWarning } from './untrained.ts';

/** A stage that is ready to be trained. */
export interface ReadyStage extends LoadedStage {
  readonly data: DataSource;
  /** rows to judge it by, where it is judged */
  readonly heldOut?: DataSource;
  /** of its data and dropout: the command's and its own */
  readonly seed: number;
}

export interface Prepared {
  readonly stages: readonly ReadyStage[];
  /** keys that nothing loads and no stage trains in time */
  readonly untrained: readonly string[];
}

/** @throws CliError C0201–C0205, C0308–C0310, DiagnosticError, RuntimeError R01xx and R09xx */
export async function prepareStages(
  file: string,
  declared: readonly Stage[],
  options: RunOptions,
  output: Notes,
): Promise<Prepared> {
  const [trained, untrained] = [new Set<string>(), new Set<string>()];
  const stages: ReadyStage[] = [];
  for (const each of declared) {
    const loaded = loadStage(file, options, each, output);
    const { model, stage } = loaded;
    soundEntry(model, stage.minimizes);
    const base = await openBase(loaded, options, SILENT);
    await base.close();
    const keys = untrainedKeys(model, stage, base, trained).filter((key) => !untrained.has(key));
    if (keys.length > 0) output.note(untrainedWarning(stage.name, keys));
    for (const key of keys) untrained.add(key);
    for (const { keys: own } of stage.trained) trained.add(own[0]);
    const seed = seedOf(stage, options.seed);
    const data = await openBatches(file, model, stage, { ...options, seed }, output);
    const { data: named } = options;
    const heldOut =
      judges(options) && named !== undefined
        ? await openHeldOut(file, model, stage, { ...options, data: named, seed }, output)
        : undefined;
    stages.push({ ...loaded, data, ...(heldOut ? { heldOut } : {}), seed });
  }
  const adapts = stages.some(({ stage }) => stage.trained.some(({ adapter }) => adapter !== undefined));
  if (options.saveAdapter !== undefined && !adapts)
    throw cliError('adapter_unusable', {
      folder: options.saveAdapter,
      reason: 'no stage trains an adapter, so none can be saved',
    });
  return { stages, untrained: [...untrained] };
}
