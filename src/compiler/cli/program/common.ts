/** Options that several commands have. */
import { type Command, Option } from 'commander';
import { CACHE_STORAGES } from '../../../shared/cache-storage.ts';
import { BACKENDS } from '../../workbench/backends.ts';
import { collect, integer } from '../options.ts';

/** Options that choose a model's configuration. */
export function withSettings(command: Command): Command {
  return command
    .option('--config <name>', 'config of the file (default: the first)')
    .option('--config-file <file>', 'JSON with config values and flags')
    .option('--set <name=value>', 'set a flag or config value; repeatable', collect, [])
    .option('--recipe <name>', 'how the model meets data, where its file does not say')
    .option(
      '--lora <sizes>',
      'r=8,alpha=16,dropout=0.05,targets=q_proj,v_proj: LoRA on attention and MLP of a folder of transformers',
    )
    .option('--quantise <rule>', "'PATTERN as int4(group = 32)', after those of the file; repeatable", collect);
}

/** Options that say where the numbers come from. */
export function withWeights(command: Command): Command {
  return command
    .option(
      '--weights <path>',
      'file of weights, index.json or folder; FILE#KEY: what lies under KEY; FILE@LAYOUT: by this layout; repeatable',
      collect,
    )
    .option('--init <seed>', 'seeded random weights instead', integer)
    .option('--allow-missing <pattern>', 'accept missing keys; repeatable, ** for all', collect, [])
    .option('--allow-unexpected <pattern>', 'accept unexpected keys; repeatable, ** for all', collect, [])
    .option('--adapter <folder>', "LoRA adapter in PEFT's format, in place of the one there is")
    .option('--merge-lora', 'fold adapters into the weights they adapt');
}

/** What a checkpoint's keys are matched by says nothing of weights from a seed. */
export const NEED_WEIGHTS = { '--allow-missing': '--weights', '--allow-unexpected': '--weights' };
/** With --batch the tensors are given. */
export const NEED_DATA = {
  '--batch-size': '--data',
  '--on-bad-row': '--data',
  '--length': '--data',
  '--tokenizer': '--data',
};
export const NEED_VALIDATION = {
  '--val': '--data',
  '--val-split': '--data',
  '--val-every': '--data',
  '--keep-best': '--out',
  '--patience': '--data',
};

export const onBadRow = (): Option =>
  new Option('--on-bad-row <what>', 'a row or picture that cannot be used: stop, or report it and take another')
    .choices(['fail', 'skip'])
    .default('fail');
/** its name before it was for every kind of data; refused by `checkGiven` */
export const skipBadImages = (): Option => new Option('--skip-bad-images').hideHelp();

export const opset = (): Option => new Option('--opset <version>', 'ONNX opset').choices(['17', '23']).default('17');
/** Keys and values between two steps. */
export const cacheDtype = (): Option =>
  new Option(
    '--cache-dtype <dtype>',
    'how keys and values of caches are stored, of onnx and webgpu: f16, or int8 with a scale for each row (default: f32)',
  ).choices(CACHE_STORAGES);
export const backend = (): Option =>
  new Option('--backend <name>', 'what runs the model').choices(BACKENDS).default('onnx');
