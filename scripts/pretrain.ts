/**
 * `npm run pretrain`: the parts that the nano TinyGPT-V begins its four stages from, from nothing, on emoji. EVA, the Q-Former and
 * Phi-2 come to the real one pre-trained; this stands for that. `--steps N --out FILE` ends each stage early and writes elsewhere.
 *
 *     vision     pretrain/vision.mdl: the image encoder learns what covers each patch
 *     pretrain   models/tinygpt-v.mdl: Q-Former, projections and Phi learn to speak of pictures, over that encoder as it is, by
 *                conversations, and then (pretrain_questions) by questions alone
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Model } from '../src/compiler/elaborate/model.ts';
import {
  isStep,
  type LogRecord,
  modelFile,
  overlayWeights,
  recipeData,
  type StagedModel,
  seededWeights,
  stagesOf,
  trainStages,
} from '../src/compiler/workbench/library.ts';
import { carriedMetadata } from '../src/compiler/workbench/training/carried.ts';
import { writeModel } from '../src/compiler/workbench/training/write-model.ts';
import type { HostTensor } from '../src/shared/tensor.ts';
import { patchBatches } from './pretrain/patches.ts';

type Tensors = ReadonlyMap<string, HostTensor>;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODEL = join(ROOT, 'models', 'tinygpt-v.mdl');
const SEED = 1;

const { values: given } = parseArgs({ options: { steps: { type: 'string' }, out: { type: 'string' } } });
const steps = given.steps === undefined ? undefined : Number(given.steps);
if (steps !== undefined && !(Number.isSafeInteger(steps) && steps >= 1))
  throw new Error(`--steps is ${given.steps}, and a whole number of at least 1 is expected`);
if (steps !== undefined && given.out === undefined)
  throw new Error('--steps ends the training early, so give --out FILE: the base that is committed is of all steps');
const OUT = given.out ?? join(ROOT, 'models', 'nano-pretrained.safetensors');
const length = steps === undefined ? {} : { steps };

const said = { every: 500, losses: [] as number[] };
/** The mean loss, now and then. */
function tell(record: LogRecord): void {
  if (!isStep(record)) return;
  said.losses.push(record.loss);
  if (record.step % said.every !== 0 && record.step !== steps) return;
  const mean = said.losses.reduce((sum, loss) => sum + loss, 0) / said.losses.length;
  console.log(`${record.stage}  step ${record.step}  loss ${mean.toFixed(4)}`);
  said.losses = [];
}

async function vision(): Promise<Tensors> {
  const stages = await stagesOf({
    ...modelFile(join(ROOT, 'scripts', 'pretrain', 'vision.mdl')),
    weights: (model) => seededWeights(model, SEED),
    data: patchBatches(32, 56, 4),
    backend: 'onnx',
  });
  return (await trainStages(stages, { ...length, onRecord: tell })).trained;
}

/** @param encoder what `vision` has trained, with its heads, which TinyGPT-V has not */
async function language(encoder: Tensors): Promise<void> {
  let last: StagedModel | undefined;
  const batches = recipeData(MODEL, { data: 'emoji-pretrain' });
  const base = (model: Model) =>
    overlayWeights(seededWeights(model, SEED), new Map([...encoder].filter(([key]) => model.parameters.has(key))));
  const stages = await stagesOf({
    ...modelFile(MODEL),
    settings: { config: 'nano' },
    stages: ['pretrain', 'pretrain_questions'],
    weights: base,
    data: (staged) => {
      last = staged;
      return typeof batches === 'function' ? batches(staged) : batches;
    },
    backend: 'onnx',
  });
  const { trained } = await trainStages(stages, { ...length, onRecord: tell });
  const { model, stage } = last!;
  const metadata = carriedMetadata(model, { model, stage, data: 'emoji-pretrain' });
  await writeModel(`${OUT}.part`, model, overlayWeights(base(model), trained), metadata);
  await rename(`${OUT}.part`, OUT);
}

await language(await vision());
console.log(`wrote ${OUT}`);
