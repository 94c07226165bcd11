/** stages/NAME.py: a stage's settings as data of Python, with what a batch counts as functions. */
import type { Schedule, TrainingPlan } from '../../../shared/training.ts';
import type { Graph } from '../../ir/graph.ts';
import { flatFunction } from './flat.ts';
import { indented } from './layout.ts';
import { bool, docString, float, string } from './python.ts';

export interface StageFacts {
  readonly plan: TrainingPlan;
  /** the class of the model in model.py */
  readonly model: string;
  readonly doc: string;
  readonly optimizer: StageOptimizer;
  /** undefined: the stage gives none, and a rate must be given */
  readonly schedule: Schedule | undefined;
  readonly combine: TrainingPlan['combine'] | undefined;
  /** of the batch: `weight`, `tokens` */
  readonly weights: Graph;
  readonly dropout: boolean;
  readonly recompute: boolean;
  readonly seed: number;
  /** keys of modules that run as in inference */
  readonly eval: readonly string[];
  /** names of the loss entry's inputs and outputs, in order */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** the one that is minimised */
  readonly loss: string;
  /** key of a module → its path in the .mdl file, where they differ */
  readonly paths: ReadonlyMap<string, string>;
}

export type StageOptimizer = { readonly weightDecay: number } & (
  | { readonly name: 'adamw' | 'adam'; readonly betas: readonly [number, number]; readonly eps: number }
  | { readonly name: 'sgd'; readonly momentum: number; readonly nesterov: boolean }
  | { readonly name: 'lion'; readonly betas: readonly [number, number] }
);

/** @throws TorchProblem */
export function stageFile(facts: StageFacts): string {
  const { plan, weights, model, doc } = facts;
  const has = (name: string): boolean => weights.outputs.some((output) => output.name === name);
  const functions = [
    ...(has('weight')
      ? [{ name: 'weight', output: 'weight', doc: 'What the mean that the loss is of a batch is over.' }]
      : []),
    ...(has('tokens') ? [{ name: 'tokens', output: 'tokens', doc: 'Labels of a batch that count.' }] : []),
  ].map((one) => flatFunction(weights, one));
  const head = [`The stage ${plan.stage} of ${model}.${doc === '' ? '' : ` ${doc}`}`, '', 'Read by train.py.'];
  const settings = [optimizerName(facts.optimizer), ...(facts.schedule ? [scheduleName(facts.schedule)] : [])];
  const imports = [...new Set([...settings, 'Stage', 'Trained'])].sort().join(', ');
  const usesTorch = functions.flat().some((line) => /\btorch\./.test(line));
  return [
    ...docString(head.join('\n')),
    '',
    ...(usesTorch ? ['import torch', ''] : []),
    `from training.settings import ${imports}`,
    ...functions.flatMap((lines) => ['', '', ...lines]),
    '',
    '',
    'STAGE = Stage(',
    ...indented(fields(facts, has)),
    ')',
    '',
  ].join('\n');
}

function fields(facts: StageFacts, has: (name: string) => boolean): string[] {
  const { plan, outputs } = facts;
  const metrics = (plan.metrics ?? []).map((name) => `${string(name)}: ${outputs.indexOf(name)}`);
  const trained = plan.trained.map(
    ({ key, layer, decay }) => `Trained(${string(key)}, ${string(layer)}, ${bool(decay)}),`,
  );
  const paths = [...facts.paths].map(([key, path]) => `${string(key)}: ${string(path)}`);
  const clip = plan.clip === null ? 'None' : float(plan.clip);
  return [
    `name=${string(plan.stage)},`,
    `model=${string(facts.model)},`,
    `inputs=${list(facts.inputs)},`,
    `optimizer=${optimizer(facts.optimizer)},`,
    `schedule=${facts.schedule ? schedule(facts.schedule) : 'None'},`,
    `accumulate=${plan.accumulate},`,
    `combine=${facts.combine === undefined ? 'None' : string(facts.combine)},`,
    `clip=${clip},`,
    `loss_scale=${plan.lossScale === 'dynamic' ? '"dynamic"' : float(plan.lossScale)},`,
    `dropout=${bool(facts.dropout)},`,
    `recompute=${bool(facts.recompute)},`,
    `seed=${facts.seed},`,
    `eval=${list(facts.eval)},`,
    `loss=${outputs.indexOf(facts.loss)},`,
    `metrics={${metrics.join(', ')}},`,
    ...(has('weight') ? ['weight=weight,'] : []),
    ...(has('tokens') ? ['tokens=tokens,'] : []),
    `paths={${paths.join(', ')}},`,
    `buffers=${list(plan.buffers.map(({ key }) => key))},`,
    'trained=[',
    ...indented(trained),
    '],',
  ];
}

const list = (names: readonly string[]): string => `[${names.map(string).join(', ')}]`;

const optimizerName = ({ name }: StageOptimizer): string =>
  ({ adamw: 'AdamW', adam: 'Adam', sgd: 'SGD', lion: 'Lion' })[name];

function optimizer(settings: StageOptimizer): string {
  const named: string[] = [];
  if ('betas' in settings) named.push(`betas=(${settings.betas.map(float).join(', ')})`);
  if ('eps' in settings) named.push(`eps=${float(settings.eps)}`);
  if (settings.name === 'sgd')
    named.push(`momentum=${float(settings.momentum)}`, `nesterov=${bool(settings.nesterov)}`);
  named.push(`weight_decay=${float(settings.weightDecay)}`);
  return `${optimizerName(settings)}(${named.join(', ')})`;
}

const scheduleName = ({ kind }: Schedule): string =>
  ({ linear_warmup_cosine: 'LinearWarmupCosine', step: 'Step', constant: 'Constant' })[kind];

function schedule(settings: Schedule): string {
  const { lr, iters, epochs } = settings;
  const named = [`lr=${float(lr)}`, `iters=${iters}`, `epochs=${epochs}`];
  if (settings.kind !== 'constant') {
    const { min_lr, warmup_lr, warmup } = settings;
    named.push(`min_lr=${float(min_lr)}`, `warmup_lr=${float(warmup_lr)}`, `warmup=${float(warmup)}`);
  }
  if (settings.kind === 'step') named.push(`decay_rate=${float(settings.decay_rate)}`);
  return `${scheduleName(settings)}(${named.join(', ')})`;
}
