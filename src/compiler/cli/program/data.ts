/** The command that writes data for programs that train elsewhere. */
import { Argument, type Command } from 'commander';
import { fraction, integer, positive, withNeeds } from '../options.ts';
import type { Run } from '../tools.ts';
import { NEED_DATA, NEED_WEIGHTS, onBadRow, withSettings, withWeights } from './common.ts';

export function addData(mdl: Command, run: Run): void {
  withNeeds(withWeights(withSettings(mdl.command('data'))), { ...NEED_DATA, ...NEED_WEIGHTS })
    .description('write the batches of a stage, in order, as shards of safetensors with an index: what train.py reads')
    .addArgument(new Argument('<action>', 'what to do').choices(['write']))
    .argument('<file>', 'the model')
    .option('--stage <name>', 'the stage; a model with one needs no name')
    .requiredOption('--data <name>', 'as for train')
    .requiredOption('--out <folder>', 'where to write')
    .option('--steps <n>', "batches of so many steps (default: the schedule's)", positive)
    .option('--batch-size <n>', "rows of a batch (default: the stage's)", positive)
    .option('--shard-mb <n>', 'MiB of a shard, at least one batch', positive, 64)
    .addOption(onBadRow())
    .option('--length <tokens>', "tokens of a row of text or chat (default: the stage's, else the model's)", positive)
    .option('--tokenizer <file>', 'tokenizer.json (default: the one beside the model)')
    .option('--val-split <part>', 'part of the rows of --data that is kept to judge by, such as 0.1', fraction)
    .option('--seed <n>', "seed of the data and of dropout, added to the stage's", integer, 0)
    .addHelpText(
      'after',
      `
Weights say which run the batches are of, so that \`mdl train --resume\` can go on with it.

Example:
  mdl data write models/tinygpt-v.mdl --config nano --init 0 --stage stage2 --data emoji --out out/shards`,
    )
    .action(run(() => import('../commands/data-write.ts'), 1));
}
