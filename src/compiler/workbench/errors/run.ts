/** What an entry is run on, threads that make batches, what a command still needs: C0550 to C0557. A part of the catalogue of ../errors.ts. */
import { entry } from './entry.ts';

const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

export const CLI_RUN = {
  input_unknown: entry(
    'C0550',
    ({ name, known, near }: { name: string; known: readonly string[]; near: string | undefined }) =>
      `the entry has no input ${name}${suggestion(near)}, and its inputs are ${known.join(', ') || '(none)'}`,
    '`--input NAME=FILE` gives one input of the entry. `mdl summary FILE` and the manifest of a compiled folder list them.',
  ),
  input_form: entry(
    'C0551',
    ({ file, input, reason }: { file: string; input: string; reason: string }) =>
      `${file} cannot be the input ${input}: ${reason}`,
    'A .safetensors or .npz file has one tensor, or FILE#KEY names it; a .json file has a number, or lists of numbers of one length (of true and false for booleans). Several files of one input are its rows, and must agree in everything but their number.',
  ),
  input_needs_recipe: entry(
    'C0552',
    ({ file, kind, recipe, input }: { file: string; kind: string; recipe: string; input: string }) =>
      `${file} is a ${kind}, and the recipe ${recipe} reads none for the input ${input}: give a tensor (.npy, .safetensors) or numbers (.json)`,
    'A recipe says how pictures and texts become tensors: of what size, with which tokenizer. `image-classification` reads pictures, `text` and `chat` read texts, `vision-language` both, `tensors` neither.',
  ),
  inputs_needed: entry(
    'C0553',
    ({ entry: name, inputs }: { entry: string; inputs: readonly string[] }) =>
      `${name} takes ${inputs.join(', ')}, and nothing is given: give --input NAME=FILE for each, or --inputs FILE with all of them`,
    'An entry is run on tensors: one safetensors file with all of them by name (`--inputs`), or a file for each (`--input`).',
  ),
  worker_ended: entry(
    'C0554',
    ({ reason }: { reason: string }) =>
      `a thread that makes batches ended (${reason}): give --workers 0, which makes them in the program itself`,
    'With `--workers N` threads of their own make batches while a step runs. One ends by itself when it runs out of memory, or when a module of data ends the process.',
  ),
  stage_needed: entry(
    'C0555',
    ({ known }: { known: readonly string[] }) =>
      known.length === 0
        ? 'the model has no stage, and this trains one: declare one in its file, such as `stage all { train ** … }`'
        : `the model has ${known.length} stages, ${known.join(', ')}, and none was named: give --stage NAME`,
    'A stage says what is trained, how and for how long. A model with one needs no name; of several, `--stage` takes one and `--stages` of `mdl train` a list (docs/language.md shows how one is written).',
  ),
  nothing_to_judge: entry(
    'C0556',
    () =>
      'no data to judge by was given: give --data PATH for the rows of it that training held out, or --val PATH for all rows of it',
    '`--data` is the data that the model was trained on, of which a part is kept to judge by; `--val` is data of its own, as for `mdl train`.',
  ),
  link_leads_out: entry(
    'C0557',
    ({ file, to, root }: { file: string; to: string; root: string }) =>
      `${file} is a link out of the project, to ${to}, and only files below ${root} are read: run the command in a folder that holds both, or copy the file`,
    'A program reads no file outside of its project, which is the working directory, or the folder of the file where that lies elsewhere. Symbolic links are followed to where they lead before that is decided.',
  ),
} as const;
