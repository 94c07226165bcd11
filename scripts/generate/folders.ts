/** docs/folders.md: what of a folder of transformers is read, from the tables that commands read it by. */
import { ARCHITECTURES } from '../../src/compiler/workbench/folder/architectures.ts';
import type { Architecture, Field, Fields } from '../../src/compiler/workbench/folder/fields.ts';
import { UNUSED } from '../../src/compiler/workbench/folder/generation.ts';
import {
  PICTURE_DEFAULTS,
  PICTURE_HONOURED,
  PICTURE_ONLY,
  PICTURE_UNUSED,
  PROCESSOR_UNUSED,
} from '../../src/compiler/workbench/folder/pictures.ts';
import type { Generator } from './files.ts';

const HEAD = `<!-- generated from src/compiler/workbench/folder by scripts/generate.ts; do not edit, run \`npm run generate\` -->
# A Hugging Face folder is a model

Where a command takes a .mdl file it takes a folder that transformers' \`save_pretrained\` wrote:

\`\`\`sh
mdl generate SmolLM2-135M-Instruct/ --prompt "Why is the sky blue?"      # its chat template, its end tokens; --raw: the prompt as it stands
mdl compile SmolLM2-135M/ --target webgpu --out dist/smollm2
mdl generate SmolVLM-256M-Instruct/ --image cat.png --prompt "What is this?"
mdl train SmolLM2-135M/ --stage finetune --recipe text --data corpus/ --out runs/first
mdl train SmolLM2-135M/ --recipe text --lora r=8 --data corpus/ --save-adapter adapters/mine    # LoRA on attention and MLP, in PEFT's format
mdl export SmolLM2-135M/ --adapter adapters/mine --merge-lora --out tuned/                      # a folder that transformers loads
mdl import SmolLM2-135M/ --out my.mdl                                     # the same as a file, to edit
\`\`\`

\`config.json\` chooses the file of models/ by its \`model_type\` and gives it a config; the weights are those of the folder unless \`--weights\` or \`--init\` says
otherwise, by the [layout](checkpoints.md#layouts) that their keys have. A language model has the recipe \`chat\` where the folder has a chat template, else \`text\` (\`--recipe\` chooses), and
a stage \`finetune\` that trains every parameter, or with \`--lora\` a stage \`lora\` ([adapters.md](adapters.md#from-a-folder-to-a-lora-and-back)). A model that reads pictures among texts has the recipe \`vision-language\` and no stage. \`generation_config.json\` (else config.json) says which tokens end an answer, and how tokens are chosen where the command does not say.
\`mdl compile\` keeps generation_config.json, preprocessor_config.json and the tokenizer's files beside what it writes, for \`mdl generate\` and for [other programs](clients.md). \`mdl import\` names what an
.mdl file does not hold, such as the length of an answer: settings of sampling and all end tokens are settings of its recipe, and hold wherever it is compiled.

**Every key that numbers depend on is honoured or refused by name** (C0466), and so is a key that nobody knows. Keys that may stand in the file and change nothing are below, with the
reason.

Compared with transformers 5.24 (\`test/fixtures/folders\`, tiny and random): greedy tokens of Llama, Llama 3, SmolLM3, Mistral, Qwen2, Qwen3, Gemma, Gemma 2, Phi, Phi-3, OLMo 2, StableLM, StableLM 2, Granite and GPT-2 folders are identical, through the chat
template and as the prompt stands; logits, losses and gradients, and the outputs of BERT, CLIP and SigLIP folders, are within the tolerances of [zoo.md](zoo.md), which has all outputs of each file of models/.
Folders of Idefics 3 (SmolVLM) and LLaVA: the pixels that the processors make (their Pillow backend; torchvision's filters give others), the ids of the prompt through the chat template, and greedy tokens are
identical. Released folders were not tried: none could be downloaded.
`;

const PICTURES = [
  '## Pictures',
  '',
  'How models that read pictures among texts are shown one: `image_processor` of processor_config.json, or preprocessor_config.json as before transformers 5. It becomes settings of the',
  '[recipe](recipes.md#vision-language), and so does what the processor writes where a picture goes. Of encoders (ViT, CLIP, SigLIP) it becomes settings of [image-classification](recipes.md#image-classification), beside the names of id2label: `mdl run FOLDER --entry classify --input pixel_values=cat.png`.',
  '',
  `- **Honoured**: ${PICTURE_HONOURED.map((name) => `\`${name}\``).join(', ')}. \`do_pad\` must be false where pictures are not cut; \`resample\` is Lanczos, bilinear or bicubic`,
  `- **Classes**: ${Object.keys(PICTURE_DEFAULTS)
    .map((name) => `\`${name}\``)
    .join(', ')}, with or without \`Fast\`; their defaults hold where the file does not say`,
  `- **Must be as written for**: ${Object.entries(PICTURE_ONLY)
    .map(([name, values]) => `\`${name}\` (${values.map((one) => `\`${one}\``).join(' or ') || '`null`'})`)
    .join(', ')}`,
  `- **Change nothing**: ${Object.entries(PICTURE_UNUSED)
    .map(([name, reason]) => `\`${name}\` (${reason})`)
    .join(', ')}; of processor_config.json ${Object.entries(PROCESSOR_UNUSED)
    .map(([name, reason]) => `\`${name}\` (${reason})`)
    .join(', ')}`,
  '',
].join('\n');

/** Keys with those of the records in them: `vision_config.image_size`. */
function flattened(fields: Fields, at = ''): readonly (readonly [key: string, field: Field])[] {
  return Object.entries(fields).flatMap(([key, field]) =>
    field.kind === 'record' ? flattened(field.fields, `${at}${key}.`) : [[`${at}${key}`, field] as const],
  );
}

function linesOf({ fields, scalings = [] }: Architecture): string[] {
  const all = flattened(fields);
  const honoured = all.flatMap(([name, { kind }]) => (kind === 'value' || kind === 'flag' ? [`\`${name}\``] : []));
  const scaled = scalings.map((name) => `\`rope_parameters\` of type \`${name}\``);
  const only = all.flatMap(([name, field]) =>
    field.kind === 'only'
      ? [`\`${name}\` (${field.values.map((one) => `\`${JSON.stringify(one)}\``).join(' or ')})`]
      : [],
  );
  const reasons = new Map<string, string[]>();
  for (const [name, field] of all)
    if (field.kind === 'unused') reasons.set(field.reason, [...(reasons.get(field.reason) ?? []), `\`${name}\``]);
  return [
    `- **Honoured**: ${[...honoured, ...scaled].join(', ')}`,
    `- **Must be as written for**: ${only.join(', ')}`,
    `- **Change nothing**: ${[...reasons].map(([reason, names]) => `${names.join(', ')} (${reason})`).join('; ')}`,
  ];
}

const section = (name: string, architecture: Architecture): string => {
  const { file } = architecture;
  return [`## ${name}`, '', `[${file}](../models/${file})`, '', ...linesOf(architecture), ''].join('\n');
};

export const folders: Generator = {
  name: 'folders',
  inputs: [
    'src/compiler/workbench/folder/architectures.ts',
    'src/compiler/workbench/folder/decoders.ts',
    'src/compiler/workbench/folder/encoders.ts',
    'src/compiler/workbench/folder/fields.ts',
    'src/compiler/workbench/folder/generation.ts',
    'src/compiler/workbench/folder/pictures.ts',
    'src/compiler/workbench/folder/vision-language.ts',
  ],
  async generate() {
    const sections = Object.entries(ARCHITECTURES).map(([name, architecture]) => section(name, architecture));
    const generation = Object.entries(UNUSED).map(([name, reason]) => `\`${name}\` (${reason})`);
    const last = `## generation_config.json\n\nHonoured: \`eos_token_id\`, \`do_sample\`, \`temperature\`, \`top_k\`, \`top_p\`, \`repetition_penalty\`, \`num_beams\`. Change nothing: ${generation.join(', ')}.\n`;
    return [{ path: 'docs/folders.md', text: [HEAD, ...sections, PICTURES, last].join('\n') }];
  },
};
