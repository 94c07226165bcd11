/** What a module calls the things of a plan. */
import type { TensorPort } from '../../../shared/artifact.ts';
import { entryFor, portFor } from '../../../shared/roles.ts';
import type { TrainingPlan } from '../../../shared/training.ts';
import type { EntryPlan, WebGpuPlan } from '../../../shared/webgpu.ts';
import { camelCase, Names, pascalCase } from './names.ts';
import { batchPorts, ownEntries } from './training.ts';

/** the only module that a generated one imports */
export const RUNTIME = 'mdl-compiler/webgpu';

export interface EntryNames {
  readonly entry: string;
  readonly plan: EntryPlan;
  /** of the method */
  readonly method: string;
  /** of the types, before `Inputs` and `Outputs` */
  readonly type: string;
}

export interface ModelNames {
  readonly model: string;
  readonly create: string;
  readonly entries: readonly EntryNames[];
  readonly generates: boolean;
  readonly training: TrainingPlan | undefined;
  /** what a step of it takes */
  readonly batch: readonly TensorPort[];
}

/** Names of the declarations that are the same for every model, and of the globals that they use. */
const TYPES = [
  ...['Host', 'OnDevice', 'Given', 'Entry', 'TrainBatch', 'ReadonlyMap', 'Promise', 'Pick', 'Omit', 'AsyncGenerator'],
  ...['Float32Array', 'BigInt64Array', 'Int32Array', 'Uint8Array'],
];
const METHODS = [
  ...['session', 'generate', 'generateStream', 'recover', 'dispose'],
  ...['trainStep', 'trainedWeights', 'trainingState', 'resumeTraining'],
];

export function namesOf(plan: WebGpuPlan): ModelNames {
  const types = new Names([]);
  const methods = new Names(METHODS);
  const entries = ownEntries(plan).map(
    ([entry, ports]): EntryNames => ({
      entry,
      plan: ports,
      method: methods.take(camelCase(entry), 'entry'),
      type: types.take(pascalCase(entry), 'Entry'),
    }),
  );
  const others = entries.flatMap(({ type }) => [`${type}Inputs`, `${type}Outputs`]);
  const model = new Names([...TYPES, ...others]).take(pascalCase(plan.model.name), 'Model');
  return {
    model,
    create: `create${model}`,
    entries,
    generates: generates(plan),
    training: plan.training,
    batch: batchPorts(plan),
  };
}

/** Whether `generate` finds the entries and ports that it drives. */
function generates({ model, entries }: WebGpuPlan): boolean {
  const has = (role: string, side: 'inputs' | 'outputs', port: string): boolean => {
    const entry = entryFor(model.roles, role);
    const ports = Object.hasOwn(entries, entry) ? entries[entry]![side] : [];
    return ports.some(({ name }) => name === portFor(model.ports, role, port));
  };
  return (
    has('embed_tokens', 'inputs', 'input_ids') &&
    has('embed_tokens', 'outputs', 'inputs_embeds') &&
    has('decode', 'inputs', 'inputs_embeds') &&
    has('decode', 'outputs', 'logits')
  );
}
