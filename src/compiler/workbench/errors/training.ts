/** Training and ablation: C02, C03. A part of the catalogue of ../errors.ts. */
import { entry } from './entry.ts';

export const CLI_TRAINING = {
  unknown_stage: entry(
    'C0201',
    ({ name, known, near }: { name: string; known: readonly string[]; near: string | undefined }) =>
      `the model has no stage ${name}${near === undefined ? '' : `, did you mean ${near}`}; it has ${known.join(', ') || 'none'}`,
    'Stages are declared in the .mdl file (`stage stage1 { … }`). `--stage` takes one name, `--stages` a list or range of names: `pretrain,stage1`, `1-4` for stage1 to stage4.',
  ),
  stage_not_trainable: entry(
    'C0202',
    ({ stage, reason }: { stage: string; reason: string }) => `the stage ${stage} cannot be trained: ${reason}`,
    'A stage needs parameters that its patterns match, that the flags leave in the model and that the loss depends on; an optimiser and a schedule whose settings are in range; and an entry with a scalar output `loss`: `minimize ENTRY` names it, else it is called `loss`.',
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
    'A run with checkpoints is never overwritten. Remove the folder, choose another `--out`, or give `--resume` to continue.',
  ),
  folder_holds_files: entry(
    'C0630',
    ({ folder, files }: { folder: string; files: readonly string[] }) =>
      `${folder} holds ${files.slice(0, 3).join(', ')}${files.length > 3 ? ` and ${files.length - 3} more` : ''}, and nothing that a run could go on from: choose another folder, or move them away`,
    'Files would be written over, so a run begins in a folder that is empty or new (files whose names begin with a dot do not count). `--resume` needs a checkpoint in it: of a run whose checkpoints were removed only the results are left.',
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
  memory_limit: entry(
    'C0590',
    ({
      stage,
      peak,
      limit,
      fits,
      least,
    }: {
      stage: string;
      peak: string;
      limit: string;
      fits: string | undefined;
      least: string;
    }) =>
      `${stage} takes ${peak} on the device and --memory is ${limit}: ${fits === undefined ? `nothing that was tried brings it under that, ${least} is the least` : `${fits} brings it to ${least}`}`,
    'What a stage takes is known before it runs: frozen weights, what trains, gradients, the state of the optimiser, activations and the batch, as the WebGPU backend allocates them. Changes are tried in the order of what they cost: smaller batches (`accumulate` in the stage keeps the gradients those of the larger one), `--loss-chunk` (one more product of the logits), `--recompute` (one more forward pass), frozen matrices as int8 or int4 (rounded numbers). A smaller model or a shorter `--length` takes less too.',
  ),
  batch_size: entry(
    'C0591',
    ({ input, axis, size, expected }: { input: string; axis: number; size: number; expected: number }) =>
      `the batch gives ${input} ${size} along axis ${axis}, where ${expected} is expected: give tensors of the sizes of the loss entry`,
    'Sizes of a batch decide the dynamic sizes of the loss entry (B, T), and two inputs that share one must agree.',
  ),
  option_twice: entry(
    'C0311',
    ({ option }: { option: string }) => `${option} is given twice: leave one out`,
    'Of two values of an option only one could be used, and which one is a guess. Options that say "repeatable" in the help (`--allow-missing`, `--set` for different names, `--image`) may be given several times.',
  ),
} as const;
