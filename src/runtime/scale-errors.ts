/**
 * Messages of train.py, the program that a folder for PyTorch has: R122. Python says them in these words
 * (compiler/backends/pytorch/training); here they are explained. Part of the catalogue in errors.ts.
 */
import { message } from './message.ts';

export const SCALE_MESSAGES = {
  shard_damaged: message(
    'R1220',
    ({ shard, reason }: { shard: string; reason: string }) => `the shard ${shard} ${reason}; write the shards again`,
  ),
  shards_of_another: message(
    'R1221',
    ({ folder, reason }: { folder: string; reason: string }) =>
      `the shards in ${folder} are not of this stage: ${reason}; write them again with mdl data write`,
  ),
  spread_refused: message(
    'R1222',
    ({ what, found, expected }: { what: string; found: string; expected: string }) =>
      `${what} is ${found}, and ${expected} is expected`,
  ),
  uneven_ranks: message(
    'R1223',
    ({ micro, ranks, fitting }: { micro: number; ranks: number; fitting: number }) =>
      `a step has ${micro} micro-batches and there are ${ranks} ranks; give --accumulate ${fitting}, or a smaller --batch-size to mdl data write, so that each rank has as many`,
  ),
} as const;
