/** Errors of the command line: codes, messages and their long forms, as the other catalogues have. */

import type { TorchProblems } from '../backends/pytorch/problem.ts';
import type { IntegerDetails } from '../backends/wgsl/plan/integer-error.ts';
import type { LimitDetails } from '../backends/wgsl/plan/limit-error.ts';

interface Entry<C extends string, D> {
  readonly code: C;
  readonly message: (details: D) => string;
  readonly explanation: string;
}

function entry<C extends string, D>(code: C, message: (details: D) => string, explanation: string): Entry<C, D> {
  return { code, message, explanation };
}

export const CLI_CATALOGUE = {
  checkpoint_misfit: entry(
    'C0101',
    ({ problems, checkpoint }: { problems: number; checkpoint: string }) =>
      `the checkpoint ${checkpoint} does not fit the model: ${problems} ${problems === 1 ? 'key differs' : 'keys differ'}`,
    'Every parameter of the model must be in the checkpoint with its shape, and every key of the checkpoint must be known to the model. Silent partial loads are how models end up "newly initialised" without anyone noticing. Keys of components that a flag switched off are reported as unused, not as errors. `--allow-missing PATTERN` and `--allow-unexpected PATTERN` (`**` for all) accept the rest.',
  ),
  weight_not_finite: entry(
    'C0102',
    ({ key, index, value }: { key: string; index: number; value: string }) =>
      `${key} holds ${value} at element ${index}, and weights must be finite`,
    'A NaN or infinity in a weight makes every output NaN. The file is damaged, or training diverged before it was saved.',
  ),
  option_value: entry(
    'C0103',
    ({ option, text, expected }: { option: string; text: string; expected: string }) =>
      `${option} is ${JSON.stringify(text)}, and ${expected} was expected`,
    'The value of a command-line option has another form than it needs.',
  ),
  file_not_read: entry(
    'C0104',
    ({ what, file, reason }: { what: string; file: string; reason: string }) =>
      `${what} ${file} cannot be read: ${reason}`,
    'The file is missing, is a directory, or may not be read.',
  ),
  file_not_written: entry(
    'C0105',
    ({ file, reason }: { file: string; reason: string }) => `${file} cannot be written: ${reason}`,
    'The disk is full, the folder is read-only, or a folder is in the way. Files are written under a temporary name and renamed, so that nothing half-written remains.',
  ),
  weights_needed: entry(
    'C0106',
    ({ weights }: { weights: string }) =>
      `${weights}, and this command runs the model: give --weights FILE or --init SEED`,
    'Running a model needs numbers: a checkpoint (`--weights`) or seeded random ones (`--init`).',
  ),
  unknown_code: entry(
    'C0107',
    ({ code }: { code: string }) => `there is no message with the code ${code}`,
    'Codes are an E, W, R or C and four digits, such as E0302. docs/diagnostics.md lists them all.',
  ),
  config_file: entry(
    'C0108',
    ({ file, reason }: { file: string; reason: string }) => `the config file ${file} is no JSON object: ${reason}`,
    'A config file is JSON: an object with the records of the config and, at its top, flags as true or false.',
  ),
  unknown_pass: entry(
    'C0109',
    ({ pass, passes }: { pass: string; passes: string }) => `there is no pass ${pass}: the passes are ${passes}`,
    '`--print-after` takes the name of a pass: `trace` for the graph before the first, those of the pipeline, of training and, in `mdl compile`, of the target.',
  ),
  not_resampled: entry(
    'C0110',
    ({ key, reason }: { key: string; reason: string }) => `${key} cannot be resampled: ${reason}`,
    'A table of learned positions can be resampled to another size only between square grids, after the rows of its prefix (the class token).',
  ),
  image_unusable: entry(
    'C0111',
    ({ file, reason }: { file: string; reason: string }) => `the image ${file} cannot be used: ${reason}`,
    'Images are PNG or JPEG files, whatever their names; the first bytes of the file decide.',
  ),
  tokenizer_unusable: entry(
    'C0112',
    ({ file, reason }: { file: string; reason: string }) => `the tokenizer ${file} cannot be used: ${reason}`,
    'Text becomes token ids by the vocabulary the weights were trained with. The recipe of the model names its file (its setting `tokenizer`), beside the .mdl file; `--tokenizer FILE` names another. The released model uses the tokenizer.json of microsoft/phi-2.',
  ),
  f16_overflow: entry(
    'C0113',
    ({ key, index, value }: { key: string; index: number; value: string }) =>
      `${key} holds ${value} at element ${index}, which f16 cannot hold: leave --weights-dtype out`,
    'The largest number of f16 is 65504. Numbers past it would become infinite, and every output NaN. Matrices stored as f32 hold them.',
  ),
  too_many_buffers: entry(
    'C0114',
    ({ entry: name, origin, found, limit, parameter, shards }: LimitDetails) =>
      `the entry ${name} cannot be compiled to WebGPU: a kernel binds ${found} storage buffers and ${limit} are allowed; ${parameter} alone lies in ${shards} (${origin})`,
    'WebGPU promises 8 storage buffers in a dispatch, of 128 MiB each, so a larger parameter lies in several: five or six of them are the most that leave room for what is read and written beside it. Store matrices as halves (`--weights-dtype f16`), make the parameter smaller, or compile to ONNX.',
  ),
  probe_kernel_wrong: entry(
    'C0115',
    (details: { adapter: string; kernel: string; index: number; found: number; expected: number }) =>
      `the adapter ${details.adapter} computes the ${details.kernel} that limits are measured with wrong: element ${details.index} is ${details.found}, and ${details.expected} was expected`,
    'What `--measure` compares a plan with are kernels whose results are known. Where one of them is wrong, the driver or the adapter is not to be trusted, and no time that it gives means anything: update the driver, or name another one.',
  ),
  integer_range: entry(
    'C0116',
    ({ entry: name, value, origin }: IntegerDetails) =>
      `the entry ${name} cannot be compiled to WebGPU: it computes with the integer ${value}, and integers there have 32 bits (${origin})`,
    'WGSL has no 64-bit integers, so those of a WebGPU plan go from -2147483648 to 2147483647. Numbers that are known are checked when a model is compiled, inputs when they are fed, and what is computed from them after each run. Compute with smaller integers, or compile to ONNX, where they have 64 bits.',
  ),

  // C02: training
  unknown_stage: entry(
    'C0201',
    ({ name, known, near }: { name: string; known: readonly string[]; near: string | undefined }) =>
      `the model has no stage ${name}${near === undefined ? '' : `, did you mean ${near}`}; it has ${known.join(', ') || 'none'}`,
    'Stages are declared in the .mdl file (`stage stage1 { … }`). `--stage` takes one name, `--stages` a list or range of names: `pretrain,stage1`, `1-4` for stage1 to stage4.',
  ),
  stage_not_trainable: entry(
    'C0202',
    ({ stage, reason }: { stage: string; reason: string }) => `the stage ${stage} cannot be trained: ${reason}`,
    'A stage needs parameters that its patterns match, that the flags leave in the model and that the loss depends on; an optimiser and a schedule whose settings are in range; and an entry `loss` with a scalar output `loss`.',
  ),
  data_or_batch: entry(
    'C0203',
    ({ found }: { found: string }) =>
      `training got ${found}, and exactly one of --data NAME and --batch FILE is expected`,
    '`--data` names a data set or a folder; `--batch` a safetensors file with the inputs of the loss entry, used for every step.',
  ),
  adapter_unusable: entry(
    'C0204',
    ({ folder, reason }: { folder: string; reason: string }) => `the adapter ${folder} cannot be used: ${reason}`,
    "An adapter is a folder in PEFT's format: adapter_config.json (peft_type LORA) and adapter_model.safetensors with the keys `base_model.model.<module>.lora_A.weight` and `….lora_B.weight` for modules of the model that are adapted; modules without both stay as they are, and the command says so. Settings of PEFT that make an adapter something else than W + (alpha / r) B A are refused by name, and so is every setting that is not known.",
  ),
  adapter_setting: entry(
    'C0205',
    ({ folder, what, found, expected }: { folder: string; what: string; found: string; expected: string }) =>
      `the adapter ${folder} has ${what} ${found} and the model has ${expected}: set it with --set lora.${what}=${found}`,
    'Rank and alpha of an adapter are part of the model: its A and B have r rows and columns, and their product is scaled by alpha / r.',
  ),
  folder_holds_run: entry(
    'C0206',
    ({ folder }: { folder: string }) =>
      `${folder} holds a run already: go on with it by --resume, or choose another folder`,
    'A run is never overwritten. Remove the folder, choose another `--out`, or give `--resume` to continue.',
  ),
  log_line: entry(
    'C0207',
    ({ file, line, reason }: { file: string; line: number; reason: string }) =>
      `line ${line} of the log ${file} is no record: ${reason}`,
    'A log has one JSON object per line. A last line that was cut short by a crash is ignored; any other damage is an error.',
  ),
  option_without: entry(
    'C0208',
    ({ option, without }: { option: string; without: string }) =>
      `${option} has no meaning without ${without}: add ${without} or leave ${option} out`,
    'Two options belong together: `--resume` continues a folder (`--out`), `--grads` needs to know whose gradients (`--stage`).',
  ),

  // C03: ablation
  unknown_flag: entry(
    'C0301',
    ({ flag, known, near }: { flag: string; known: readonly string[]; near: string | undefined }) =>
      `the model has no flag ${flag}${near === undefined ? '' : `, did you mean ${near}`}; it has ${known.join(', ') || 'none'}`,
    'Flags are declared in the .mdl file (`flag lora = true`) or in one that it imports. `mdl ablate --flags a,b` trains the model once as it is and once with each of them turned; `mdl summary` lists them with what they change.',
  ),
  another_ablation: entry(
    'C0302',
    ({ folder, what, found, expected }: { folder: string; what: string; found: string; expected: string }) =>
      `${folder} holds another ablation: its ${what} is ${found} and this one has ${expected}, so resume with its settings or choose another folder`,
    'The cells of an ablation are compared with one another, so they must come from the same model, config, weights, data, seeds, stages and steps. `--resume` goes on only with the settings that the folder was started with.',
  ),
  ablation_cell: entry(
    'C0303',
    ({ file, reason }: { file: string; reason: string }) =>
      `${file} cannot be used to go on with the ablation: ${reason}; remove the folder it is in to train those stages again`,
    'Each finished stage of each variant and seed is kept in a folder below `cells`: its curves as JSON, and what was trained as safetensors. A file there is damaged or missing. Without its folder `cells/VARIANT/seed-N`, that variant and seed start again from the first stage.',
  ),
  file_edited: entry(
    'C0304',
    ({ file }: { file: string }) =>
      `${file} or a file that it imports was edited while the ablation ran, so later variants would be of another model: undo the edit and go on with --resume, or start again in another folder`,
    'An ablation compares variants of one model, and reads its files again for each stage of each variant. What was finished before the edit is kept.',
  ),

  pass_without_graph: entry(
    'C0400',
    ({ pass }: { pass: string }) =>
      `no graph of this compilation goes through the pass ${pass}: compile what does, for example with --stage`,
    'Some passes are for some graphs only: autodiff, recompute, arenas and last-layer-first for those of a stage (`--stage`, and recompute where the stage says so; arenas on WebGPU), adapters where LoRA becomes inputs (`--swap-adapters`).',
  ),
  recipe_missing: entry(
    'C0411',
    ({ model, known }: { model: string; known: readonly string[] }) =>
      `${model} names no recipe, which says how it meets data and questions: write \`recipe "NAME" { … }\` in its file, or give --recipe NAME (${known.join(', ')})`,
    'What a data set becomes for a model, and how a prompt is put to it, is for a recipe to say. `mdl train --batch` and `mdl run` need none: their tensors are given. docs/recipes.md lists the recipes and their settings.',
  ),
  entry_needed: entry(
    'C0412',
    ({ model, entry, recipe, known }: { model: string; entry: string; recipe: string; known: readonly string[] }) =>
      `${model} has no entry ${entry}, which answers of the recipe ${recipe} need, and its entries are ${known.join(', ') || '(none)'}: write it in the file, or compile it too`,
    'A prompt is embedded by one entry and continued by another, token by token. docs/language.md shows how an entry with a cache is written.',
  ),
  no_answers: entry(
    'C0413',
    ({ recipe }: { recipe: string }) => `the recipe ${recipe} gives no answers to prompts: \`mdl run\` runs an entry`,
    'Models of this recipe give numbers or classes and no text.',
  ),
  folder_in_use: entry(
    'C0313',
    ({ folder, who, file }: { folder: string; who: string; file: string }) =>
      `${folder} is in use by ${who}: wait for it, choose another folder, or remove ${file} if that process is gone`,
    "Two writers of one folder would mix their logs and delete each other's checkpoints, so `train` and `ablate` hold a lock in it. The lock of a process of this machine that is gone is taken over; that of another machine (a shared disk) is not, because it cannot be known whether the process still runs.",
  ),
  steps_reached: entry(
    'C0314',
    ({ stage, step, steps }: { stage: string; step: number; steps: number }) =>
      `the run is at step ${step} of ${stage} already and --steps is ${steps}: give ${step} or more, or start another run`,
    'A resumed run goes on from its newest checkpoint. With a larger `--steps` it trains further; it cannot go back.',
  ),
  variant_weights: entry(
    'C0312',
    ({ variant, reason }: { variant: string; reason: string }) =>
      `the variant ${variant} cannot start from these weights: ${reason}`,
    'Every variant of an ablation starts from the same weights, so the checkpoint must fit each of them; that is checked before the first is trained. The keys are listed. A flag that adds parameters needs them in the checkpoint, or `--allow-missing PATTERN`: they then come from their initialisers, and mean something only if a stage trains them.',
  ),
  option_twice: entry(
    'C0311',
    ({ option }: { option: string }) => `${option} is given twice: leave one out`,
    'Of two values of an option only one could be used, and which one is a guess. Options that say "repeatable" in the help (`--allow-missing`, `--set` for different names, `--image`) may be given several times.',
  ),
  // C042: training by data of any kind
  metric_unknown: entry(
    'C0420',
    ({ name, stage, known }: { name: string; stage: string; known: readonly string[] }) =>
      `--keep-best names ${name}, and judging ${stage} gives ${known.join(', ')}: name one of them`,
    'The best state is the one with the best value of a measure on the validation rows. Measures are the scalars that the entry `loss` gives (`loss`, `accuracy`, …) and what the recipe makes of them (`perplexity` of text).',
  ),
  metric_direction: entry(
    'C0421',
    ({ name }: { name: string }) =>
      `--keep-best ${name} does not say which value is best: give ${name}:max for the largest or ${name}:min for the smallest`,
    'Of a loss, a perplexity and bits per byte the smallest is best. Of other measures the program does not know, so the name has `:min` or `:max` behind it.',
  ),
  split_not_taken: entry(
    'C0422',
    ({ option, who }: { option: string; who: string }) =>
      `${option} is not taken, because ${who} says itself which rows are held out: give --val-every alone to judge by those`,
    'Data of the recipe vision-language has its own division (train.jsonl and held-out.jsonl, or one image in ten; emoji tasks keep whole pairs apart), and a module of data is asked for the split `held-out`. Another division over it would mix the two.',
  ),
  best_not_read: entry(
    'C0423',
    ({ file, reason }: { file: string; reason: string }) =>
      `the best state ${file} cannot be read: ${reason}; the last one is in the checkpoints`,
    'With `--keep-best` a run keeps the best state of a stage in the folder `best` of `--out`, and ends the stage with it. The file was removed or changed while the run went on.',
  ),
  length_not_taken: entry(
    'C0424',
    ({ recipe }: { recipe: string }) =>
      `--length is the number of tokens of a row, and rows of the recipe ${recipe} have none: leave it out`,
    'Rows of the recipes text and chat are cut to so many tokens. Other data has the sizes that the model and its files give.',
  ),
  option_renamed: entry(
    'C0425',
    ({ option, now }: { option: string; now: string }) => `${option} is now ${now}: give that`,
    'The option was renamed when it came to hold for data of every kind.',
  ),
  folder_not_empty: entry(
    'C0426',
    ({ folder, first }: { folder: string; first: string }) =>
      `${folder} is not empty, ${first} is in it: give a folder that is new or empty`,
    '`mdl init` writes a new project and never over what is there. It makes the folder if there is none.',
  ),
  diff_of_two: entry(
    'C0430',
    ({ found }: { found: number }) =>
      `--diff compares two sources of weights and ${found === 1 ? '1 is' : `${found} are`} given: give a file, index or folder for each side`,
    '`mdl weights A B --diff` compares two checkpoints key by key, whatever their formats. A side that is in several files is their index or their folder.',
  ),

  // C048: fmt, lsp, diff
  git_revision: entry(
    'C0482',
    ({ file, reason }: { file: string; reason: string }) => `${file} cannot be read from git: ${reason}`,
    '`REVISION:FILE` is a file as it was in a revision: `HEAD~1:models/a.mdl`, `main:a.mdl`, with a path from the working directory. git must be installed, the folder in a repository, and the file in that revision.',
  ),
  stdin_alone: entry(
    'C0480',
    ({ others }: { others: number }) =>
      `\`-\` is standard input, and ${others === 1 ? 'a file was' : `${others} files were`} given beside it: format them in another call`,
    '`mdl fmt -` reads a program from standard input and writes it, formatted, to standard output. With files or folders it rewrites them in place, so the two do not go together.',
  ),
  no_models: entry(
    'C0481',
    ({ folder }: { folder: string }) => `there is no .mdl file in ${folder} or below: name a file, or another folder`,
    'A folder stands for all .mdl files in it and in the folders below, but for node_modules, dist and those whose names start with a dot.',
  ),
  not_utf8: entry(
    'C0483',
    ({ file, line, offset, byte }: { file: string; line: number; offset: number; byte: number }) =>
      `${file}:${line} is not UTF-8 at byte ${offset}: 0x${byte.toString(16).padStart(2, '0')}; save it as UTF-8`,
    'A formatted file is written back, and bytes that are no text would be lost, so the file stays as it was. Convert it with an editor or with `iconv -f latin1 -t utf-8`.',
  ),
  layout_misfit: entry(
    'C0460',
    ({ file }: { file: string }) => `no layout of the model is that of ${file}`,
    "A checkpoint's layout is told by its keys: one that finds all that it needs and knows all that is there. The notes say which keys each layout found, lacked and did not know. A key that is known to be of no use is `unused` in the layout.",
  ),
  layouts_ambiguous: entry(
    'C0461',
    ({ file, layouts }: { file: string; layouts: string }) =>
      `${file} can be read by ${layouts}, and they read it differently`,
    "Nothing in the keys of the file decides between the two, so either could be wrong. `--weights FILE@LAYOUT` says it: the name of a layout, or `own` for the model's own keys. Files that `mdl train` and `mdl export` write say it in their metadata (`mdl.layout`). A layout that needs, or does not know, a key that the other has tells them apart as well.",
  ),
  layout_shapes: entry(
    'C0462',
    ({ file, layout, count }: { file: string; layout: string; count: number }) =>
      `${count} ${count === 1 ? 'tensor' : 'tensors'} of ${file} cannot be put together as the layout ${layout} says`,
    'Tensors that a layout joins, splits or turns have the shape that follows from the parameters of the model, and those that it joins are stored as one type. Another shape is that of another config (`--config`, `--config-file`).',
  ),
  alias_differs: entry(
    'C0463',
    ({ file, alias, of }: { file: string; alias: string; of: string }) =>
      `${alias} and ${of} of ${file} differ, and the layout says that they are one tensor`,
    'The model has one parameter for both. A checkpoint in which the two differ was trained with the two untied, and is another model.',
  ),
  unknown_layout: entry(
    'C0464',
    ({ name, known }: { name: string; known: string }) => `the model has no layout ${name}; it has ${known}`,
    'Layouts are declared in the files of the model, `layout NAME for MODULE { … }`. `mdl export` writes a model without `--layout` under its own keys.',
  ),
  unknown_architecture: entry(
    'C0465',
    ({ folder, type, known }: { folder: string; type: string; known: string }) =>
      `${folder}/config.json has the model_type ${type}, and these are read: ${known}`,
    'A folder of transformers is compiled by the file of models/ that its `model_type` names. Another architecture is written as an .mdl file, which the folder is then the `--weights` of.',
  ),
  config_not_honoured: entry(
    'C0466',
    ({ folder, count, file }: { folder: string; count: number; file: string }) =>
      `${count} ${count === 1 ? 'key' : 'keys'} of the configuration in ${folder} cannot be honoured by ${file}`,
    'Every key of config.json and generation_config.json that numbers depend on is honoured or refused by name, so that a model never computes something else than transformers without a word. docs/folders.md lists the keys that are read and those that are passed over, with the reasons.',
  ),
  import_exists: entry(
    'C0467',
    ({ file }: { file: string }) => `${file} is there already: name another file, or give --force to write over it`,
    'What `mdl import` writes is meant to be edited, so it never writes over a file unasked: the edits would be lost.',
  ),

  // C05: PyTorch
  torch_key: entry(
    'C0500',
    ({ key, reason }: TorchProblems['torch_key']) =>
      `the key ${JSON.stringify(key)} can be no member of a module of PyTorch: ${reason}`,
    'In PyTorch the parts of a checkpoint key are the names of modules and parameters, one inside the other, and `state_dict()` has a tensor under the first name that it got. So a key has no empty part, none that torch.nn.Module has a member of (`train`, `type`, `half`), and what a body uses lies inside its own module or is given to it. Give the member another name, or pass the tensor as an argument.',
  ),
  torch_op: entry(
    'C0501',
    ({ op, reason }: TorchProblems['torch_op']) => `the op ${op} has no form in PyTorch: ${reason}`,
    'Each op of the IR is an expression of PyTorch, or is refused with the reason. Compile to ONNX or WebGPU, which have all of them, or write the model without it.',
  ),
  torch_size: entry(
    'C0502',
    ({ size, place }: TorchProblems['torch_size']) =>
      `the size ${size} cannot be read in ${place}: no tensor that it is given has an axis of that size`,
    'Dynamic sizes are read from the shapes of the tensors that a function is given. Give it a tensor that has the size as an axis.',
  ),
  torch_training: entry(
    'C0503',
    ({ body, place }: TorchProblems['torch_training']) =>
      `${body} asks is_training() at ${place}, and model.py would have what it does in inference alone`,
    'model.py is written from the graphs of inference, and `net.train()` would change nothing in a body that asks `is_training()`: an `update` in it would be lost without a word. Of the standard library, `BatchNorm1d` and `BatchNorm2d` become the layers of torch, which update their statistics, unless an adapter wraps them; `dropout` follows `net.train()`. Take those, write the module without the question, or compile to ONNX or WebGPU, and train with `mdl train`.',
  ),
} as const;

export type CliErrorName = keyof typeof CLI_CATALOGUE;
export type CliErrorCode = (typeof CLI_CATALOGUE)[CliErrorName]['code'];
type Details<N extends CliErrorName> = Parameters<(typeof CLI_CATALOGUE)[N]['message']>[0];

export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly notes: readonly string[];

  constructor(code: CliErrorCode, message: string, notes: readonly string[], cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'CliError';
    this.code = code;
    this.notes = notes;
  }
}

export function cliError<N extends CliErrorName>(
  name: N,
  details: Details<N>,
  notes: readonly string[] = [],
  cause?: unknown,
): CliError {
  const { code, message } = CLI_CATALOGUE[name] as unknown as Entry<CliErrorCode, Details<N>>;
  return new CliError(code, message(details), notes, cause);
}

/**
 * The first line of what went wrong; of the operating system's errors only the words: `no such file or directory`
 * for `ENOENT: no such file or directory, open 'x'`, since our messages name the file themselves.
 */
export function reasonOf(error: unknown): string {
  const line = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
  return /^E[A-Z0-9]+: (.+?), [a-z]+( '.*)?$/.exec(line)?.[1] ?? line;
}
