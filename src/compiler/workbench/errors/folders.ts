/** Folders of transformers: C046, C047. A part of the catalogue of ../errors.ts. */
import { entry } from './entry.ts';

export const CLI_FOLDERS = {
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
  import_refused: entry(
    'C0484',
    ({ file, count }: { file: string; count: number }) =>
      `${file} cannot be imported: ${count === 1 ? 'one thing in it is' : `${count} things in it are`} nothing that MDL has`,
    'An ONNX file is imported whole or not at all, and everything that stands in the way is listed at once: the operator, how often it is there, the first node that has it, and why. Sizes that MDL needs as numbers, such as the height and width of images, are fixed with `--dim NAME=SIZE`, dims that the file does not say to be equal become so with `--dim NAME=OTHER`, and an input that decides about the graph becomes a constant with `--input NAME=NUMBER`. docs/onnx-import.md lists the operators that are read.',
  ),
  import_setting: entry(
    'C0485',
    ({ option, text, expected }: { option: string; text: string; expected: string }) =>
      `${option} ${JSON.stringify(text)} is not of the form ${expected}`,
    'What is left of the equals sign is the name of a dimension or of an input as the ONNX file has it, and each is given once. A dimension is set to a size or to the name of another, an input of one element to a number.',
  ),
  import_folder_setting: entry(
    'C0486',
    ({ option, folder }: { option: string; folder: string }) =>
      `${option} says something about an ONNX file, and ${folder} is a folder of transformers`,
    '`--dim`, `--input`, `--parameter` and `--positions` fix what an ONNX file leaves open. The sizes of a folder are those of its config.json; change them in the .mdl file that is written, or with `--set`.',
  ),
  import_format: entry(
    'C0487',
    ({ file, what }: { file: string; what: string }) =>
      `${file} is ${what}, and mdl import reads ONNX files and folders with a config.json`,
    'A file of weights alone says nothing of what is computed with them. Write the model in MDL and give it the file with `--weights`, or import the folder that it lies in, when transformers saved it.',
  ),
  lora_of_file: entry(
    'C0640',
    ({ file }: { file: string }) =>
      `--lora puts LoRA on a folder of transformers, and ${file} is none: write \`adapt PATTERN with LoRA(r = 8, alpha = 16)\` and a stage that trains \`**.lora_*\``,
    'Which layers of a model take an adapter is said by its file. Of the architectures in models/ it is known; `mdl import FOLDER --lora r=8 --out my.mdl` writes the lines for one of them, to edit.',
  ),
  lora_not_known: entry(
    'C0641',
    ({ folder, file, layout }: { folder: string; file: string; layout: string | undefined }) =>
      `--lora is not known for models/${file}${layout === undefined ? '' : ` with weights as in its layout ${layout}`}, the model of ${folder}: \`mdl import ${folder} --out my.mdl\`, and write \`adapt PATTERN with LoRA(r = 8, alpha = 16)\` there`,
    'Adapters go on linear layers that have the names and the layout of transformers, so that PEFT reads them: those of the Llama family, Mistral, Qwen, Gemma and Phi. Other models store theirs in another way (Phi-3 has one matrix for queries, keys and values), or have none for texts.',
  ),
  lora_target: entry(
    'C0690',
    ({ target, known, near }: { target: string; known: readonly string[]; near: string | undefined }) =>
      `no layer that --lora can go on is called ${target}: ${near === undefined ? '' : `did you mean ${near}? `}the layers are ${known.join(', ')}`,
    'Targets are names of linear layers of attention and MLP, as PEFT has them in target_modules: the end of their path (`q_proj`, `self_attn.q_proj`), `*` for any part of a name, or `all-linear` for all. LoRA on other layers is written in a file: `mdl import FOLDER --lora r=8 --out my.mdl` gives the lines to edit.',
  ),
  export_target: entry(
    'C0642',
    ({ out, reason }: { out: string; reason: string }) =>
      `a folder of transformers cannot be written to ${out}: ${reason}`,
    'What is written is config.json, the files of the tokenizer, and model.safetensors beside them. Weights of another name in the folder would be read in its place, and a folder is never written over itself. `--out NAME.safetensors` writes the weights alone.',
  ),
} as const;
