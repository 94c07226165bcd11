/**
 * One side of bench/torch.ts, ours: `tsx contestant.ts JSON` (a ContestRequest) writes the model for PyTorch and the batch
 * into a folder, opens the stage on ONNX Runtime, and answers each line `N` on stdin with the milliseconds of N steps as JSON.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { outputOf } from '../../src/compiler/cli/output.ts';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { loadStage, stageOf } from '../../src/compiler/workbench/training/stages.ts';
import { writeArtifact } from '../../src/compiler/workbench/weights/write.ts';
import { encodeSafetensors, onnxBackend, openModel, Session } from '../../src/runtime/index.ts';
import { initialState, type StepRecord, train } from '../../src/runtime/train/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { changedTensors, PORTS, type TrainingPlan } from '../../src/shared/training.ts';
import { batchOf } from './batch.ts';

export interface ContestRequest {
  readonly file: string;
  readonly config: string;
  readonly set: readonly string[];
  readonly stage: string;
  readonly rows: number;
  readonly length: number;
  readonly threads: number;
  readonly opset: 17 | 23;
  /** gets torch/ (model.py and its weights), batch.safetensors, and peer.json (a PeerRequest) */
  readonly folder: string;
}

/** What the peer trains: as the stage says, by AdamW. */
export interface PeerRequest {
  readonly trained: readonly { readonly key: string; readonly decay: boolean }[];
  readonly clip: number | null;
  /** place of the loss among the outputs of its entry, of which several are a tuple */
  readonly loss: number;
}

/** First line on stdout: the loss of the batch in inference. */
export interface Ready {
  readonly loss: number;
}

async function main(request: ContestRequest): Promise<void> {
  const { folder, threads, opset } = request;
  const output = outputOf({ quiet: true });
  const options = { config: request.config, set: request.set };
  const declared = stageOf(loadModel(request.file, options, output).model, request.stage);
  const { model, stage } = loadStage(request.file, options, declared, output);
  const weights = (await openWeights(model, { init: 0 }, output))!;
  const { feeds, tokens } = batchOf(model.config(), request);

  const alone = graphsOf(model, { entries: ['loss'] })!;
  const torch = TARGETS.pytorch.compile(alone);
  await writeArtifact(join(folder, 'torch'), torch.files(weights), torch.weights, weights);
  const graphs = graphsOf(model, { entries: ['loss'], stage })!;
  const plan = graphs.training!;
  const peer: PeerRequest = {
    trained: plan.trained.map(({ key, decay }) => ({ key, decay })),
    clip: plan.clip,
    loss: alone.entries[0]!.guarded.graph.outputs.findIndex(({ name }) => name === PORTS.loss),
  };
  writeFileSync(join(folder, 'peer.json'), JSON.stringify(peer));
  writeFileSync(join(folder, 'batch.safetensors'), encodeSafetensors(new Map(Object.entries(feeds))));

  const own = join(folder, 'own');
  mkdirSync(own, { recursive: true });
  const artifact = TARGETS.onnx.compile(graphs, { opset });
  const manifest = new TextEncoder().encode(JSON.stringify(artifact.manifest(weights)));
  const files = new Map([...artifact.files(weights), ['manifest.json', manifest] as const]);
  await writeArtifact(own, files, artifact.weights, weights);
  const source = await openModel(own);
  const session = Session.open(source.manifest, { backend: onnxBackend(source, { threads }) });
  const { loss } = await session.run('loss', feeds);
  const ready: Ready = { loss: Number(loss!.data[0]) };
  console.log(JSON.stringify(ready));

  const data = { name: 'one batch', batch: async () => ({ feeds, tokens, rows: request.rows }) };
  let state = initialState(plan, await parametersOf(plan, (key) => weights.read(key)));
  for await (const line of createInterface({ input: process.stdin })) {
    const taken: number[] = [];
    state = await train(state, {
      plan,
      runner: session,
      data,
      steps: state.step + Number(line),
      seed: 0,
      onRecord: (record) => void ('loss' in record && taken.push(millisecondsOf(record))),
    });
    console.log(JSON.stringify(taken));
  }
  await session.dispose();
}

const millisecondsOf = ({ seconds }: StepRecord): number => 1000 * (seconds.feed + seconds.step + seconds.update);

async function parametersOf(
  plan: TrainingPlan,
  read: (key: string) => Promise<HostTensor>,
): Promise<Map<string, HostTensor>> {
  const parameters = new Map<string, HostTensor>();
  for (const { key } of changedTensors(plan)) parameters.set(key, await read(key));
  return parameters;
}

await main(JSON.parse(process.argv[2]!) as ContestRequest);
