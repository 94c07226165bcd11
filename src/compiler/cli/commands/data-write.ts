/** `mdl data write`: the batches that `mdl train` would feed a stage, in order, as shards that train.py reads. */
import { scheduleLength } from '../../../runtime/train/index.ts';
import { positiveInt, scheduleOf } from '../../training/plan.ts';
import { cliError } from '../../workbench/errors.ts';
import { OWN_KEYS } from '../../workbench/layouts/asked.ts';
import { loadModel } from '../../workbench/model.ts';
import { carriedMetadata } from '../../workbench/training/carried.ts';
import type { RunOptions } from '../../workbench/training/options.ts';
import { prepareStages } from '../../workbench/training/prepare.ts';
import { runSettings } from '../../workbench/training/settings.ts';
import { writeShards } from '../../workbench/training/shards.ts';
import { forStage, stageOrOnly } from '../../workbench/training/stages.ts';
import { formatBytes, formatCount } from '../../workbench/units.ts';
import type { Output } from '../output.ts';

export interface DataWriteOptions extends RunOptions {
  readonly data: string;
  readonly out: string;
  /** MiB */
  readonly shardMb: number;
}

export default async function run(
  output: Output,
  [, file]: readonly string[],
  { out, shardMb, ...options }: DataWriteOptions,
): Promise<void> {
  const { model } = loadModel(file!, options, output);
  const declared = stageOrOnly(model, options.stage);
  if (options.weights === undefined && options.init === undefined)
    throw cliError('weights_needed', { weights: 'no weights were given' });
  const { stages } = await prepareStages(file!, [declared], options, output);
  const [ready] = stages;
  const { stage, data } = ready!;
  const steps = options.steps ?? forStage(stage.name, () => scheduleLength(scheduleOf(stage)));
  const { accumulate = 1 } = stage.options;
  const batches = steps * forStage(stage.name, () => positiveInt('accumulate', accumulate));
  const settings = await runSettings(model, stages, options);
  const bar = output.progress('batches', batches);
  const index = await writeShards({
    folder: out,
    data,
    batches,
    shardBytes: shardMb * 2 ** 20,
    facts: {
      model: model.name,
      stage: stage.name,
      settings,
      metadata: { ...OWN_KEYS, ...carriedMetadata(model, { ...ready!, data: data.name }) },
    },
    progress: (done) => bar.update(done),
  }).finally(() => bar.stop());
  const bytes = index.shards.reduce((sum, shard) => sum + shard.bytes, 0);
  output.result(
    `${formatCount(index.batches)} batches of ${stage.name} in ${index.shards.length} shards, ${formatBytes(bytes)}, in ${out}`,
    { out, batches: index.batches, shards: index.shards.length, bytes },
  );
}
