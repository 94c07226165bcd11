/** The run worker: one job, then it is ended by the page. The page stays quick, and stopping is always possible. */
import { graphsOf, type Model, TARGETS } from 'mdl-compiler';
import {
  type DataSource,
  encodeSafetensors,
  type HostTensor,
  initialState,
  type Session,
  train,
} from 'mdl-compiler/runtime';
import { changedTensors } from '../../../../src/shared/training.ts';
import type { Snapshot } from '../project.ts';
import { ownData, randomBatch } from './data.ts';
import { type InputRequest, inputOf } from './inputs.ts';
import { kept } from './keep.ts';
import { compiled, openOn, readerOf } from './model.ts';
import { type AnyJob, type Heard, type KeepJob, type Output, type RunJob, STOP, type TrainJob } from './protocol.ts';

const stop = new AbortController();

const tell = (heard: Heard): void => postMessage(heard);
const note = (text: string): void => tell({ kind: 'note', text });

addEventListener('message', ({ data }: MessageEvent<AnyJob | typeof STOP>) => {
  if (data === STOP) stop.abort();
  else
    work(data).catch((error: unknown) =>
      tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
});

function work(job: AnyJob): Promise<void> {
  switch (job.kind) {
    case 'run':
      return run(job);
    case 'train':
      return teach(job);
    case 'keep':
      return keep(job);
    default:
      return job satisfies never;
  }
}

async function run({ project, backend, weights, sizes, entry, inputs }: RunJob): Promise<void> {
  note('compiling …');
  const model = compiled(project);
  const reader = await readerOf(model, weights);
  const { session, why } = await openOn(backend, reader, () => madeOf(graphsOf(model, { entries: [entry] }), entry));
  try {
    const request: InputRequest = { sizes, seed: weights.seed, recipe: session.manifest.model.recipe?.settings };
    const feeds: Record<string, HostTensor> = {};
    for (const port of session.manifest.entries[entry]!.inputs)
      feeds[port.name] = await inputOf(port, inputs[port.name] ?? { kind: 'random' }, request);
    note('loading the backend …');
    await session.run(entry, feeds); // the first run loads and compiles
    const began = performance.now();
    const results = await session.run(entry, feeds);
    const milliseconds = performance.now() - began;
    const outputs = Object.entries(results).map(([name, tensor]) => described(name, tensor));
    tell({ kind: 'ran', backend: nameOf(session, why), milliseconds, outputs });
  } finally {
    await session.dispose();
  }
}

function madeOf<T>(graphs: T | undefined, what: string): T {
  if (graphs === undefined) throw new Error(`${what} has errors: the editor shows them`);
  return graphs;
}

async function teach(job: TrainJob): Promise<void> {
  const { project, backend, weights, steps, learningRate } = job;
  note('compiling the gradient …');
  const model = compiled(project, stageOf(project, job.stage).flags);
  const stage = model.stages.find(({ name }) => name === job.stage)!;
  const reader = await readerOf(model, weights);
  const lr = learningRate === undefined ? {} : { lr: learningRate };
  const { session, graphs, why } = await openOn(backend, reader, (target) =>
    madeOf(graphsOf(model, { entries: [], stage, training: { ...TARGETS[target].training, ...lr } }), stage.name),
  );
  try {
    const plan = graphs.training!;
    const start = new Map<string, HostTensor>();
    for (const { key } of changedTensors(plan)) start.set(key, await reader.read(key));
    const source = await sourceOf(job, model, stage, session);
    note('training …');
    const state = await train(initialState(plan, start), {
      plan,
      runner: session,
      data: source,
      steps,
      seed: weights.seed,
      signal: stop.signal,
      onRecord: async (record) => {
        if ('loss' in record) tell({ kind: 'step', record });
        else if ('event' in record) note(record.detail);
        // messages are read between steps: STOP among them
        await new Promise((resolve) => setTimeout(resolve));
      },
    });
    const bytes = encodeSafetensors(state.parameters, { 'mdl.stage': stage.name });
    tell({ kind: 'trained', backend: nameOf(session, why), steps: state.step, weights: bytes });
  } finally {
    await session.dispose();
  }
}

function stageOf(project: Snapshot, name: string): Model['stages'][number] {
  const found = compiled(project).stages.find((stage) => stage.name === name);
  if (!found) throw new Error(`the model has no stage ${name}`);
  return found;
}

/** Batches with what the gradient's graph takes beside parameters, buffers and settings of training: the inputs of the loss. */
async function sourceOf(
  { data, sizes, weights: { seed } }: TrainJob,
  model: Model,
  stage: Model['stages'][number],
  session: Session,
): Promise<DataSource> {
  const entry = TARGETS.reference
    .compile(madeOf(graphsOf(model, { entries: [stage.minimizes] }), stage.minimizes))
    .manifest(null).entries[stage.minimizes]!;
  const names = new Set(entry.inputs.map(({ name }) => name));
  const inputs = session.manifest.entries.gradient!.inputs.filter(({ name }) => names.has(name));
  if (data.kind === 'random')
    return randomBatch(inputs, { sizes, seed, recipe: session.manifest.model.recipe?.settings });
  const loss = { ...entry, inputs };
  return ownData({ model, stage, loss, files: data.files, batchSize: sizes.B ?? 1, length: sizes.T, seed, note });
}

async function keep({ project, weights, as, stage }: KeepJob): Promise<void> {
  note('compiling …');
  const model = stage === undefined ? compiled(project) : compiled(project, stageOf(project, stage).flags);
  tell({ kind: 'kept', zip: await kept(model, await readerOf(model, weights), as) });
}

const nameOf = (session: Session, why: string | undefined): string =>
  why === undefined ? session.info().backend : `${session.info().backend}, because ${why}`;

/** Numbers of an output that are sent. */
const MOST = 24;

function described(name: string, { dtype, shape, data }: HostTensor): Output {
  let [sum, min, max, nonFinite] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const element of data) {
    const value = Number(element);
    if (!Number.isFinite(value)) {
      nonFinite++;
      continue;
    }
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const counted = data.length - nonFinite;
  return {
    name,
    type: `${dtype}[${shape.join(', ')}]`,
    mean: counted === 0 ? Number.NaN : sum / counted,
    min,
    max,
    nonFinite,
    first: Array.from(data.slice(0, MOST), Number),
    width: shape.at(-1) ?? 1,
  };
}
