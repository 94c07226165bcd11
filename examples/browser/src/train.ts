/**
 * A lesson: the page compiles the gradient and the update of a stage of the model for the backend that answers, trains its
 * LoRA adapters, norms and projections on the picture, and opens the model anew with what they have become. This module
 * brings the compiler along, so it is loaded with the first lesson.
 */
import { compile, type Graphs, graphsOf, type Model, TARGETS } from 'mdl-compiler';
import { type DataSource, openSession, Session, type StepRecord, type TrainingPlan } from 'mdl-compiler/runtime';
import { trainStages } from 'mdl-compiler/train';
import { imageSize } from './caption.ts';
import { nextFrame } from './dom.ts';
import { type BackendName, type Engine, engineOf } from './engine.ts';
import { pageHost } from './host.ts';
import { type Lesson, lessonData } from './lesson.ts';
import { MODEL, ORT } from './places.ts';
import { host, PROGRAM } from './sources.ts';
import { type Learned, readerOf, type Weights, weightsWith } from './weights.ts';

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
  readonly timings: Awaited<ReturnType<Engine['takeTimings']>>;
  readonly steps: number;
}

/** @throws RuntimeError R08xx when the numbers run away, R1003 when the device is lost, and what runs throw */
export async function teach(engine: Engine, lesson: Lesson, steps: number, watch: Watcher): Promise<Taught> {
  watch.onNote('compiling the gradient of the model …');
  await nextFrame();
  const weights = weightsWith(engine.learned);
  const training = await openTraining(engine.backend, weights);
  const trainer = engineOf(training.session, engine.tokenizer, engine);
  try {
    watch.onNote('training …');
    await nextFrame();
    const stage = {
      name: STAGE,
      data: dataOf(engine, lesson),
      seed: 0,
      // the session is closed below, after its timings
      open: async () => ({ plan: training.plan, runner: trainer.runner, read: weights, close: async () => {} }),
    };
    const { trained, stages } = await trainStages([stage], {
      steps,
      signal: watch.signal,
      onRecord: async (record) => {
        if ('loss' in record) watch.onStep(record);
        await nextFrame();
      },
    });
    const timings = await trainer.takeTimings();
    const learned = new Map([...engine.learned, ...trained]);
    return { engine: await openLearned(engine, learned), timings, steps: stages[0]?.steps ?? 0 };
  } finally {
    await trainer.dispose();
  }
}

/** The model with what lessons have changed, on the same backend. */
export async function openLearned({ backend, why, tokenizer }: Engine, learned: Learned): Promise<Engine> {
  const weights = weightsWith(learned);
  if (backend === 'webgpu')
    return engineOf(await openSession(MODEL, { backend, weights }), tokenizer, { learned, why });
  const graphs = graphsOf(compiled(), { entries: ENTRIES })!;
  return engineOf(await openGraphs(backend, graphs, weights), tokenizer, { learned, why });
}

/** The graphs of the stage on the backend, and the plan that the loop follows. */
async function openTraining(backend: BackendName, weights: Weights): Promise<{ plan: TrainingPlan; session: Session }> {
  const model = compiled();
  const stage = model.stages.find(({ name }) => name === STAGE)!;
  const training = { ...TARGETS[backend].training, lr: LEARNING_RATE };
  const graphs = graphsOf(model, { entries: [], stage, training })!;
  return { plan: graphs.training!, session: await openGraphs(backend, graphs, weights) };
}

async function openGraphs(backend: BackendName, graphs: Graphs, weights: Weights): Promise<Session> {
  const reader = readerOf(weights);
  const artifact = TARGETS[backend].compile(graphs);
  return Session.open(artifact.manifest(reader), {
    backend: await TARGETS[backend].open(artifact, reader, pageHost(ORT)),
  });
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
