/**
 * A lesson: the page compiles the gradient and the update of a stage of the model, trains its LoRA adapters, norms and
 * projections on the picture, and opens the model anew with what they have become. This module brings the compiler along,
 * so it is loaded with the first lesson.
 */
import { buildOnnx, buildStage, compile, type Model } from 'mdl-compiler';
import {
  type DataSource,
  type HostTensor,
  initialState,
  openModel,
  openSession,
  type Session,
  type StepRecord,
  type TrainingPlan,
  train,
} from 'mdl-compiler/runtime';
import { imageSize } from './caption.ts';
import { nextFrame } from './dom.ts';
import { type Engine, engineOf, type Timing } from './engine.ts';
import { type Lesson, lessonData } from './lesson.ts';
import { host, PROGRAM } from './sources.ts';
import { memorySource, readWeights, type Weights } from './weights.ts';

/** The stage whose parameters train: LoRA, norms and projections, as in the paper's second. */
const STAGE = 'stage2';
/** Constant: a lesson is too short for a schedule. */
const LEARNING_RATE = 2e-3;
const ENTRIES = ['encode_image', 'embed_tokens', 'decode'] as const;

export interface Watcher {
  onNote(text: string): void;
  onStep(record: StepRecord): void;
  /** stops after the step under way; what it has learned stays */
  readonly signal: AbortSignal;
}

export interface Taught {
  /** answers with the new weights */
  readonly engine: Engine;
  readonly timings: readonly Timing[];
  readonly steps: number;
}

/** Models that this page has trained, to go on from; others are as their files are. */
const learned = new WeakMap<Engine, Weights>();

/** @throws RuntimeError R08xx when the numbers run away, and what runs throw */
export async function teach(engine: Engine, lesson: Lesson, steps: number, watch: Watcher): Promise<Taught> {
  watch.onNote('compiling the gradient of the model …');
  await nextFrame();
  const model = compiled();
  const artifact = buildOnnx(model, { opset: 17, entries: ENTRIES })!;
  const weights = learned.get(engine) ?? (await readWeights(await openModel('model'), artifact.weights));
  const training = await openTraining(model, weights);
  const trainer = engineOf(training.session, engine.tokenizer);
  try {
    watch.onNote('training …');
    await nextFrame();
    const start = new Map(training.plan.trained.map(({ key }): [string, HostTensor] => [key, weights.get(key)!]));
    const state = await train(initialState(training.plan, start), {
      plan: training.plan,
      runner: trainer.runner,
      data: dataOf(engine, lesson),
      steps,
      seed: 0,
      signal: watch.signal,
      onRecord: async (record) => {
        if ('loss' in record) watch.onStep(record);
        await nextFrame();
      },
    });
    const timings = await trainer.takeTimings();
    const after: Weights = new Map([...weights, ...state.parameters]);
    const manifest = artifact.manifest({ origin: `taught ${lesson.noun}`, trained: true });
    const session = await openSession(memorySource(manifest, artifact.entries, artifact.weights, after));
    const taught = engineOf(session, engine.tokenizer);
    learned.set(taught, after);
    return { engine: taught, timings, steps: state.step };
  } finally {
    await trainer.dispose();
  }
}

/** The graphs of the stage on the backend, and the plan that the loop follows. */
async function openTraining(model: Model, weights: Weights): Promise<{ plan: TrainingPlan; session: Session }> {
  const stage = model.stages.find(({ name }) => name === STAGE)!;
  const built = buildStage(model, stage, 17, { lr: LEARNING_RATE })!;
  const { entries, manifest, weights: files } = built.artifact;
  return { plan: built.plan, session: await openSession(memorySource(manifest, entries, files, weights)) };
}

/** The program is a part of the page, so mistakes in it are the page's. */
function compiled(): Model {
  const { model, diagnostics } = compile(PROGRAM, host, { config: 'nano' });
  if (!model)
    throw new Error(
      `${PROGRAM} does not compile: ${diagnostics()
        .map(({ message }) => message)
        .join('; ')}`,
    );
  return model;
}

function dataOf(engine: Engine, lesson: Lesson): DataSource {
  const { config } = engine.session.manifest.model;
  const { qformer, tokens } = config as unknown as {
    readonly qformer: { readonly num_query_tokens: number };
    readonly tokens: { readonly bos: number; readonly pad: number };
  };
  const sizes = { image: imageSize(engine), imageTokens: qformer.num_query_tokens, bos: tokens.bos, pad: tokens.pad };
  return lessonData(lesson, engine.tokenizer, sizes);
}
