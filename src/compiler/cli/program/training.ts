/** Commands that train and judge: train, evaluate, ablate. */
import { type Command, Option } from 'commander';
import { bytes, fraction, integer, positive, rate, withNeeds } from '../options.ts';
import type { Run } from '../tools.ts';
import {
  backend,
  NEED_DATA,
  NEED_VALIDATION,
  NEED_WEIGHTS,
  onBadRow,
  opset,
  skipBadImages,
  withSettings,
  withWeights,
} from './common.ts';

/** Options that say what steps are made of: of train, and of ablate for each of its runs. */
function withSteps(command: Command): Command {
  return command
    .option('--batch <file>', 'safetensors with the inputs of the loss entry: one batch for every step')
    .option('--batch-size <n>', "rows of a batch (default: the stage's)", positive)
    .addOption(onBadRow())
    .addOption(skipBadImages())
    .option('--length <tokens>', "tokens of a row of text or chat (default: the stage's, else the model's)", positive)
    .option('--tokenizer <file>', 'tokenizer.json (default: the one beside the model)')
    .option('--lr <rate>', "a constant learning rate instead of the stage's schedule", rate)
    .option('--steps <n>', "steps of each stage (default: the schedule's)", positive)
    .option('--recompute', 'compute activations again in the backward part: less memory, more time')
    .option(
      '--loss-chunk <columns>',
      'compute the loss over so many columns of the vocabulary at a time: no logits in memory, more time',
      positive,
    );
}

export function addTraining(mdl: Command, run: Run): void {
  const train = withNeeds(withWeights(withSettings(mdl.command('train <file>'))), {
    ...NEED_DATA,
    ...NEED_VALIDATION,
    ...NEED_WEIGHTS,
    '--resume': '--out',
    '--evaluate': '--out',
    '--checkpoint-every': '--out',
    '--keep': '--out',
    '--workers': '--data',
  })
    .description("train a model's stages, on a data set or on one batch")
    .option('--stage <name>', 'the stage; a model with one needs no name')
    .option('--stages <list>', 'several, in order: `1-4` is stage1 to stage4, `pretrain,1` two names')
    .option('--data <name>', 'emoji, emoji-pretrain, or a folder with images and a .jsonl file');
  withSteps(train)
    .option('--seed <n>', "seed of the data and of dropout, added to the stage's", integer, 0)
    .option('--out <folder>', 'keep log, checkpoints, weights and an HTML report here')
    .option('--plan', 'print what the stages take on a device, by part, and train nothing (--backend webgpu)')
    .option('--memory <bytes>', 'the most a stage may take on a device, such as 8GB (--backend webgpu)', bytes)
    .option('--resume', 'go on from the newest checkpoint of --out')
    .addOption(new Option('--val <path>', 'data to judge the model by while it trains').conflicts('valSplit'))
    .option('--val-split <part>', 'part of the rows of --data that is kept to judge by, such as 0.1', fraction)
    .option('--val-every <n>', 'steps between looks at those rows (default: 100)', positive)
    .option('--keep-best [metric]', 'end each stage with its best state: by loss, or a measure such as accuracy:max')
    .option('--patience <n>', 'end a stage after n looks in a row without a better value', positive)
    .option('--evaluate <n>', 'ask n held-out examples at the end, for the report', positive)
    .option('--workers <n>', 'threads that make batches while a step runs; 0: none (default: 0)', integer)
    .option('--checkpoint-every <n>', 'steps between checkpoints', positive, 100)
    .option('--keep <n>', 'checkpoints to keep', positive, 3)
    .option('--log <file>', 'JSONL, one line a step (default: log.jsonl in --out)')
    .option('--save <file>', 'safetensors to write what was trained to, by checkpoint key')
    .option('--save-adapter <folder>', "write the trained LoRA in PEFT's format")
    .addOption(backend())
    .addOption(opset())
    .addHelpText(
      'after',
      `
Examples:
  mdl train models/tinygpt-v.mdl --config nano --init 0 --stages 1-4 --data emoji --out runs/first
  mdl train models/tinygpt-v.mdl --stage stage2 --weights w.safetensors --batch b.safetensors --lr 1e-3 --steps 5 --save s.safetensors`,
    )
    .action(run(() => import('../commands/train.ts')));

  withNeeds(withWeights(withSettings(mdl.command('evaluate <file>'))), NEED_WEIGHTS)
    .description('judge a model by the held-out rows of a data set; FILE is a .mdl file or a compiled folder')
    .option('--data <name>', 'a file or folder as for train; of vision-language emoji and emoji-pretrain too')
    .addOption(
      new Option('--val <path>', 'in its place: data of its own to judge by, all rows of it').conflicts([
        'data',
        'valSplit',
      ]),
    )
    .option('--stage <name>', 'of a .mdl file: the stage whose tasks, template and end are used')
    .option('--tasks <name>', 'what is asked, instead')
    .option('--template <name>', "how it is asked (default: the model's)")
    .option('--end <text>', "what ends an answer (default: the model's)")
    .option('--count <n>', 'examples at most (default: 100 questions, or all rows)', positive)
    .option(
      '--val-split <part>',
      "the part of the rows that training held out (default: the model file's held_out, else all rows)",
      fraction,
    )
    .option('--batch-size <n>', "rows of a batch (default: the stage's, else 16)", positive)
    .option('--length <tokens>', "tokens of a row of text or chat (default: the stage's, else the model's)", positive)
    .addOption(onBadRow())
    .option('--seed <n>', 'seed of the examples', integer, 0)
    .option('--max-new-tokens <n>', 'tokens of an answer at most (default: 24)', positive)
    .option('--show <n>', 'print this many examples with their answers', integer, 0)
    .option('--tokenizer <file>', 'tokenizer.json (default: the one beside the model)')
    .addOption(backend())
    .addOption(opset())
    .addHelpText(
      'after',
      '\nExample:\n  mdl evaluate models/tinygpt-v.mdl --config nano --weights runs/first/model.safetensors --data emoji --stage 4 --show 5',
    )
    .action(run(() => import('../commands/evaluate.ts')));

  const ablate = withNeeds(withWeights(withSettings(mdl.command('ablate <file>'))), {
    ...NEED_DATA,
    ...NEED_WEIGHTS,
    '--val': '--data',
    '--val-split': '--data',
    '--val-every': '--data',
    '--metric': '--data',
    '--vary-init': '--init',
  })
    .description('train the model and its ablations by flags through the same stages, and compare')
    .requiredOption('--flags <list>', 'the flags to turn, one at a time: `lora,qk_norm`')
    .option('--stages <list>', 'the stages, in order (default: all of the file)')
    .option('--seeds <n>', 'runs of each variant, with seeds of their own', positive, 3)
    .option('--seed <n>', 'the first seed of the data and of dropout', integer, 0)
    .option('--last <n>', 'steps at the end of a stage whose losses are averaged', positive, 10)
    .option('--data <name>', 'emoji, or a folder with images and a .jsonl file');
  withSteps(ablate)
    .addOption(new Option('--val <path>', 'data to judge each variant by while it trains').conflicts('valSplit'))
    .option('--val-split <part>', 'part of the rows of --data that is kept to judge by, such as 0.1', fraction)
    .option(
      '--val-every <n>',
      'steps between looks at those rows (default: 100); the last step is looked at too',
      positive,
    )
    .option('--metric <name>', 'compare by this measure of those rows (default: loss): perplexity, accuracy:max')
    .option('--vary-init', 'with --init: each seed starts from weights of its own, so that the spread is over them too')
    .option('--out <folder>', 'keep what is finished and the report here', 'runs/ablate')
    .option('--resume', 'go on with the ablation in --out')
    .addOption(backend())
    .addOption(opset())
    .addHelpText(
      'after',
      `
Example:
  mdl ablate models/tinygpt-v.mdl --config nano --init 0 --data emoji --flags lora,input_norm,rms_norm,qk_norm --seeds 3 --steps 200`,
    )
    .action(run(() => import('../commands/ablate.ts')));
}
