/** What makes a run this run, as text by name: checkpoints of another are refused with the setting that differs. */
import { type DataSource, type RunSettings, VALIDATE_EVERY } from '../../../runtime/train/index.ts';
import type { ConfigValue } from '../../../shared/artifact.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { clausesOf, dataDigest, filesDigest, lossDigest, parametersDigest, weightsDigest } from './identity.ts';
import { judges } from './judge.ts';
import type { RunOptions } from './options.ts';

/** A stage with what it is trained on. */
export interface PreparedStage {
  readonly model: Model;
  readonly stage: Stage;
  readonly data: DataSource;
  readonly heldOut?: DataSource;
}

/**
 * Neither backend nor opset: the state is the same on each, so a run goes on on another. Not the number of steps, so that
 * it can be trained further.
 * @throws CliError C0104, and what data throws
 */
export async function runSettings(
  model: Model,
  stages: readonly PreparedStage[],
  options: RunOptions,
): Promise<RunSettings> {
  const json = (value: unknown): string => JSON.stringify(value);
  const own: Record<string, string> = {};
  for (const { model: staged, stage, data, heldOut } of stages) {
    own[`parameters in ${stage.name}`] = parametersDigest(staged);
    own[`loss graph of ${stage.name}`] = lossDigest(staged, stage);
    own[`data of ${stage.name}`] = await dataDigest(data);
    if (heldOut) own[`validation rows of ${stage.name}`] = await dataDigest(heldOut);
  }
  return {
    model: model.name,
    config: model.settings.configName,
    ...leaves('config', model.config()),
    ...leaves('flag', Object.fromEntries(model.settings.flags)),
    set: json(options.set ?? []),
    stages: stages.map(({ stage: { name } }) => name).join(','),
    ...Object.assign({}, ...stages.map(({ stage }) => clausesOf(stage))),
    'batch size': String(options.batchSize ?? "the stage's"),
    seed: String(options.seed),
    'learning rate': String(options.lr ?? "the stage's"),
    weights: options.weights === undefined ? `seed ${options.init}` : await weightsDigest(options.weights),
    adapter: options.adapter === undefined ? 'none' : await filesDigest(options.adapter),
    ...own,
    ...validationSettings(options),
  };
}

/** What decides when a stage is looked at and which state is the best. */
function validationSettings(options: RunOptions): Record<string, string> {
  if (!judges(options)) return {};
  const { valSplit, valEvery = VALIDATE_EVERY, keepBest, patience } = options;
  const said = { valSplit: valSplit ?? null, valEvery, keepBest: keepBest ?? null, patience: patience ?? null };
  return { validation: JSON.stringify(said) };
}

/** `config phi.num_layers`: `4`, one by one, so that a difference can be named. */
function leaves(path: string, value: ConfigValue): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [path]: JSON.stringify(value) };
  const inside = Object.entries(value).map(([name, inner]) =>
    leaves(/ /.test(path) ? `${path}.${name}` : `${path} ${name}`, inner),
  );
  return Object.assign({}, ...inside) as Record<string, string>;
}
