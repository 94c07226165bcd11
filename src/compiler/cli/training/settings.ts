/** What makes a run this run, as text by name: checkpoints of another are refused with the setting that differs. */
import { createHash } from 'node:crypto';
import type { RunSettings } from '../../../runtime/train/index.ts';
import type { ConfigValue } from '../../../shared/artifact.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import type { TrainCommandOptions } from '../commands/train.ts';

export function runSettings(model: Model, stages: readonly Stage[], options: TrainCommandOptions): RunSettings {
  const json = (value: unknown): string => JSON.stringify(value);
  return {
    model: model.name,
    config: model.settings.configName,
    ...leaves('config', model.config()),
    ...leaves('flag', Object.fromEntries(model.settings.flags)),
    set: json(options.set ?? []),
    stages: stages.map(({ name }) => name).join(','),
    'stage definitions': digest(
      stages.map(({ name, flags, trained, noDecay, eval: evaluated, optimize, schedule, options: clauses }) => ({
        name,
        flags: [...flags],
        trained: trained.map((parameter) => parameter.keys[0]),
        noDecay: [...noDecay].map((parameter) => parameter.keys[0]),
        eval: evaluated,
        optimize,
        schedule,
        clauses,
      })),
    ),
    weights: options.weights ?? `seed ${options.init}`,
    data: options.data ?? `batch ${options.batch}`,
    'batch size': String(options.batchSize ?? "the stage's"),
    seed: String(options.seed),
    'learning rate': String(options.lr ?? "the stage's"),
    backend: options.backend,
    opset: options.opset,
  };
}

/** `config phi.num_layers`: `4`, one by one, so that a difference can be named. */
function leaves(path: string, value: ConfigValue): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [path]: JSON.stringify(value) };
  const inside = Object.entries(value).map(([name, inner]) =>
    leaves(/ /.test(path) ? `${path}.${name}` : `${path} ${name}`, inner),
  );
  return Object.assign({}, ...inside) as Record<string, string>;
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
