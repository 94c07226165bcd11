/** Passes, recipes, and training by data of any kind: C04 up to C0449. A part of the catalogue of ../errors.ts. */
import { entry } from './entry.ts';

export interface EntryNeeded {
  readonly model: string;
  readonly entry: string;
  readonly role: string;
  readonly recipe: string;
  readonly known: readonly string[];
}

export const CLI_DATA = {
  pass_without_graph: entry(
    'C0400',
    ({ pass }: { pass: string }) =>
      `no graph of this compilation goes through the pass ${pass}: compile what does, for example with --stage`,
    'Some passes are for some graphs only: loss-chunks, autodiff, recompute, arenas and last-layer-first for those of a stage (`--stage`, and loss-chunks and recompute where the stage says so; arenas on WebGPU), adapters where LoRA becomes inputs (`--swap-adapters`).',
  ),
  recipe_missing: entry(
    'C0411',
    ({ model, known }: { model: string; known: readonly string[] }) =>
      `${model} names no recipe, which says how it meets data and questions: write \`recipe "NAME" { … }\` in its file, or give --recipe NAME (${known.join(', ')})`,
    'What a data set becomes for a model, and how a prompt is put to it, is for a recipe to say. `mdl train --batch` and `mdl run` need none: their tensors are given. docs/recipes.md lists the recipes and their settings.',
  ),
  entry_needed: entry(
    'C0412',
    ({ model, entry, role, recipe, known }: EntryNeeded) =>
      `${model} has no entry ${entry}, which answers of the recipe ${recipe} need, and its entries are ${known.join(', ') || '(none)'}: write it in the file, compile it too, or give the role to another in \`recipe "${recipe}" { ${role} = ENTRY }\``,
    'A prompt is embedded by one entry and continued by another, token by token. docs/language.md shows how an entry with a cache is written.',
  ),
  no_answers: entry(
    'C0413',
    ({ recipe }: { recipe: string }) => `the recipe ${recipe} gives no answers to prompts: \`mdl run\` runs an entry`,
    'Models of this recipe give numbers or classes and no text.',
  ),
  metric_direction: entry(
    'C0421',
    ({ name, option }: { name: string; option: string }) =>
      `${option} ${name} does not say which value is best: give ${name}:max for the largest or ${name}:min for the smallest`,
    'Of a loss, a perplexity and bits per byte the smallest is best. Of other measures the program does not know, so the name has `:min` or `:max` behind it.',
  ),
  split_not_taken: entry(
    'C0422',
    ({ option, who }: { option: string; who: string }) =>
      `${option} is not taken, because ${who} says itself which rows are held out: give --val-every alone to judge by those, or other data with --val`,
    'Data of the recipe vision-language has its own division (train.jsonl and held-out.jsonl, or one image in ten; emoji tasks keep whole pairs apart). Another division over it would mix the two. `--val PATH` gives data of its own to judge by, all of it.',
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
} as const;
