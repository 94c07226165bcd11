/** The stages of a model as `trainStages` takes them, from the model's text. Runs in a page too. */
import { runtimeError } from '../../../runtime/errors.ts';
import type { DataSource } from '../../../runtime/train/data-source.ts';
import type { Measures } from '../../../runtime/train/judge.ts';
import type { OpenedStage, TrainableStage } from '../../../runtime/train/stages.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { SourceHost } from '../../check/program.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model, ModelOptions } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { compile } from '../../index.ts';
import type { Host, WeightReader } from '../../targets/target.ts';
import type { Engine } from '../open-on.ts';
import { openStage, type StagedModel } from './open-stage.ts';
import { overlayWeights } from './overlay.ts';
import { fitted, tablesOf } from './resized.ts';
import { type LoadedStage, underStage } from './staged.ts';

/** Batches for a stage, or how they are made once the model is known under its flags. */
export type StageData = DataSource | ((staged: StagedModel) => DataSource | Promise<DataSource>);

export interface StagesRequest extends Pick<Engine, 'backend'>, Partial<Pick<Engine, 'opset'>> {
  /** of the model's file: project-relative, with forward slashes */
  readonly path: string;
  readonly sources: SourceHost;
  readonly settings?: ModelOptions;
  /** names; all of the file, in its order, when absent */
  readonly stages?: readonly string[];
  /** what the first stage starts from, at the sizes of the model that it is given: `(model) => seededWeights(model, 1)` */
  weights(model: Model): WeightReader;
  readonly data: StageData;
  /** rows to judge stages by */
  readonly heldOut?: StageData;
  /** what follows from the scalars of the loss */
  readonly measures?: (model: Model) => Measures;
  /** of dropout, an integer from 0 to 2^53 − 1; added to a stage's own. 0 when absent */
  readonly seed?: number;
  /** a constant learning rate instead of the schedules */
  readonly lr?: number;
  readonly recompute?: boolean;
  /** columns of the vocabulary that the loss computes at a time; the stage's choice when absent */
  readonly lossChunk?: number;
  /** what a stage is told from others by, for `keepIn` and `resumeFrom`; the place's own when absent */
  readonly identity?: (
    staged: StagedModel,
    data: DataSource,
    weights: WeightReader,
  ) => Promise<Readonly<Record<string, string>>>;
  /** what the place has to run graphs; the place's own when absent */
  readonly host: Host;
}

/**
 * Compiles the model under each stage's flags and opens the stage's data; graphs are made when a stage begins.
 * @throws DiagnosticError for what is wrong with the model; RuntimeError R1197 for a stage that it has not; StageError for
 * sizes that cannot change; what `data` throws
 */
export async function stagesOf(request: StagesRequest): Promise<readonly TrainableStage[]> {
  const plain = modelOf(request);
  const wanted = request.stages ?? plain.stages.map(({ name }) => name);
  if (wanted.length === 0) stageNamed(plain, '(none)');
  const stages: TrainableStage[] = [];
  for (const name of wanted) stages.push(await trainable(request, stagedOf(request, plain, name)));
  return stages;
}

type Compiled = Pick<StagesRequest, 'path' | 'sources' | 'settings'>;

/** The model as it is set, outside of stages. @throws DiagnosticError */
export const modelOf = (request: Compiled): Model => compiled(request, []).model;

/** The model under a stage's flags. @throws DiagnosticError, RuntimeError R1197, StageError */
export const stagedOf = (request: Compiled, plain: Model, name: string): LoadedStage =>
  underStage(stageNamed(plain, name), (set) => {
    const { model, compilation } = compiled(request, set);
    return { model, compilation, stage: stageNamed(model, name) };
  });

/** Opens the stage's data. @throws what `data` throws */
export async function trainable(request: StagesRequest, staged: LoadedStage): Promise<TrainableStage> {
  const { seed = 0, data, heldOut, measures, identity, lr } = request;
  const source = await opened(data, staged);
  const own = staged.stage.options.seed;
  return {
    name: staged.stage.name,
    data: source,
    ...(heldOut ? { heldOut: await opened(heldOut, staged) } : {}),
    ...(measures ? { measures: measures(staged.model) } : {}),
    seed: seed + (typeof own === 'number' ? own : 0),
    ...(identity
      ? {
          identity: async () => ({
            ...(await identity(staged, source, request.weights(staged.model))),
            seed: String(seed),
            'learning rate': String(lr ?? "the stage's"),
          }),
        }
      : {}),
    open: (trained) => openTrained(staged, trained, request),
  };
}

async function openTrained(
  staged: LoadedStage,
  trained: ReadonlyMap<string, HostTensor>,
  { weights: weightsOf, host, backend, opset = 17, lr, recompute, lossChunk, heldOut }: StagesRequest,
): Promise<OpenedStage> {
  const { own, model } = staged;
  const base = weightsOf(model);
  const tables = own ? await tablesOf(own, model, weightsOf(own)) : new Map<string, HostTensor>();
  const resized = fitted(model, trained);
  const opened = await openStage(staged, {
    host,
    backend,
    opset,
    weights: overlayWeights(base, new Map([...tables, ...resized])),
    ...(lr === undefined ? {} : { lr }),
    ...(recompute ? { recompute } : {}),
    ...(lossChunk === undefined ? {} : { lossChunk }),
    ...(heldOut ? { validates: true } : {}),
  });
  return { ...opened, resized };
}

const opened = async (data: StageData, staged: StagedModel): Promise<DataSource> =>
  typeof data === 'function' ? data(staged) : data;

/** @param set settings of a stage, which those that were asked for come after */
function compiled({ path, sources, settings = {} }: Compiled, set: readonly string[]): Omit<StagedModel, 'stage'> {
  const own = set.map((text) => ({ name: text.slice(0, text.indexOf('=')), text: text.slice(text.indexOf('=') + 1) }));
  const compilation = compile(path, sources, { ...settings, set: [...own, ...(settings.set ?? [])] });
  if (!compilation.model) throw new DiagnosticError(compilation.diagnostics());
  return { model: compilation.model, compilation };
}

/** @throws RuntimeError R1197 */
function stageNamed({ stages, name: model }: Model, name: string): Stage {
  const found = stages.find((stage) => stage.name === name);
  if (found) return found;
  throw runtimeError('stage_unknown', { stage: name, model, known: stages.map((stage) => stage.name) });
}
