/** docs/folders.md: what of a folder of transformers is read, from the tables that commands read it by. */
import { ARCHITECTURES, type Architecture, type Field } from '../../src/compiler/workbench/folder/architectures.ts';
import { UNUSED } from '../../src/compiler/workbench/folder/generation.ts';
import type { Generator } from './files.ts';

const HEAD = `<!-- generated from src/compiler/workbench/folder by scripts/generate.ts; do not edit, run \`npm run generate\` -->
# A Hugging Face folder is a model

Where a command takes a .mdl file it takes a folder that transformers' \`save_pretrained\` wrote:

\`\`\`sh
mdl generate SmolLM2-135M-Instruct/ --prompt "Why is the sky blue?"      # its chat template, its end tokens; --raw: the prompt as it stands
mdl compile SmolLM2-135M/ --target webgpu --out dist/smollm2
mdl train SmolLM2-135M/ --stage finetune --recipe text --data corpus/ --out runs/first
mdl import SmolLM2-135M/ --out my.mdl                                     # the same as a file, to edit
\`\`\`

\`config.json\` chooses the file of models/ by its \`model_type\` and gives it a config; the weights are those of the folder unless \`--weights\` or \`--init\` says
otherwise, by the [layout](checkpoints.md#layouts) that their keys have. A language model has the recipe \`chat\` where the folder has a chat template, else \`text\` (\`--recipe\` chooses), and
a stage \`finetune\` that trains every parameter. \`generation_config.json\` (else config.json) says which tokens end an answer, and how tokens are chosen where the command does not say.
\`mdl import\` and \`mdl compile\` name what they do not keep: settings of sampling, all end tokens but the first, and preprocessor_config.json, which is not read.

**Every key that numbers depend on is honoured or refused by name** (C0466), and so is a key that nobody knows. Keys that may stand in the file and change nothing are below, with the
reason.

Compared with transformers 5.24: greedy tokens of Llama, Qwen2, Qwen3 and GPT-2 folders are identical (\`test/fixtures/folders\`, tiny and random), through the chat template and as
the prompt stands; all outputs of each file of models/ are in [zoo.md](zoo.md).
`;

function linesOf(fields: Readonly<Record<string, Field>>): string[] {
  const named = (kind: Field['kind']): string =>
    Object.entries(fields)
      .filter(([, field]) => field.kind === kind)
      .map(([name]) => `\`${name}\``)
      .join(', ');
  const only = Object.entries(fields).flatMap(([name, field]) =>
    field.kind === 'only'
      ? [`\`${name}\` (${field.values.map((value) => `\`${JSON.stringify(value)}\``).join(' or ')})`]
      : [],
  );
  const reasons = new Map<string, string[]>();
  for (const [name, field] of Object.entries(fields))
    if (field.kind === 'unused') reasons.set(field.reason, [...(reasons.get(field.reason) ?? []), `\`${name}\``]);
  return [
    `- **Honoured**: ${[named('value'), named('flag')].filter(Boolean).join(', ')}`,
    `- **Must be as written for**: ${only.join(', ')}`,
    `- **Change nothing**: ${[...reasons].map(([reason, names]) => `${names.join(', ')} (${reason})`).join('; ')}`,
  ];
}

const section = (name: string, { file, fields }: Architecture): string =>
  [`## ${name}`, '', `[${file}](../models/${file})`, '', ...linesOf(fields), ''].join('\n');

export const folders: Generator = {
  name: 'folders',
  inputs: ['src/compiler/workbench/folder/architectures.ts', 'src/compiler/workbench/folder/generation.ts'],
  async generate() {
    const sections = Object.entries(ARCHITECTURES).map(([name, architecture]) => section(name, architecture));
    const generation = Object.entries(UNUSED).map(([name, reason]) => `\`${name}\` (${reason})`);
    const last = `## generation_config.json\n\nHonoured: \`eos_token_id\`, \`do_sample\`, \`temperature\`, \`top_k\`, \`top_p\`, \`repetition_penalty\`, \`num_beams\`. Change nothing: ${generation.join(', ')}.\n`;
    return [{ path: 'docs/folders.md', text: [HEAD, ...sections, last].join('\n') }];
  },
};
