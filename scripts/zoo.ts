/**
 * `npm run zoo`: docs/zoo.md, with the errors that the models of models/ have beside transformers' own modules. The tests
 * of test/zoo hold each below its tolerance; this says by how much.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { adapterEnvironment } from '../test/support/adapter-environment.ts';
import { relativeError } from '../test/support/reference.ts';
import { type Case, inputsOf, type Opened, openCase } from '../test/zoo/support.ts';

// the loaders of libraries and of Vulkan read the environment when a process starts
const environment = adapterEnvironment();
if (Object.keys(environment).length > 0) {
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, ...environment },
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}

const TARGETS = ['reference', 'onnx 17', 'onnx 23', 'webgpu'] as const;
const LOSS = ['input_ids', 'attention_mask', 'position_ids', 'labels'];

interface Row extends Case {
  readonly what: string;
  readonly entry: string;
  readonly inputs: readonly string[];
  readonly output: string;
}

const language = (name: string, file: string, what: string): Row => ({
  name,
  file,
  what,
  entry: 'loss',
  inputs: LOSS,
  output: 'logits',
});
const withPictures = (name: string, file: string, what: string): Row => ({
  ...language(name, file, what),
  inputs: [...LOSS, 'pixel_values'],
});
const ROWS: readonly Row[] = [
  language('llama', 'llama.mdl', 'LlamaForCausalLM'),
  language('smollm2', 'llama.mdl', 'LlamaForCausalLM, tied'),
  language('llama3', 'llama.mdl', 'LlamaForCausalLM, llama3 rope'),
  language('mistral', 'llama.mdl', 'MistralForCausalLM'),
  language('qwen2', 'llama.mdl', 'Qwen2ForCausalLM'),
  language('qwen3', 'llama.mdl', 'Qwen3ForCausalLM'),
  language('gemma', 'gemma.mdl', 'GemmaForCausalLM'),
  language('gemma2', 'gemma-2.mdl', 'Gemma2ForCausalLM'),
  language('gpt2', 'gpt2.mdl', 'GPT2LMHeadModel'),
  withPictures('smolvlm', 'smolvlm.mdl', 'SmolVLMForConditionalGeneration'),
  withPictures('llava', 'llava.mdl', 'LlavaForConditionalGeneration'),
  {
    name: 'bert',
    file: 'bert.mdl',
    what: 'BertModel',
    entry: 'encode',
    inputs: ['input_ids', 'attention_mask', 'token_type_ids'],
    output: 'last_hidden_state',
  },
  {
    name: 'vit',
    file: 'vit.mdl',
    what: 'ViTForImageClassification',
    entry: 'classify',
    inputs: ['pixel_values'],
    output: 'logits',
  },
  {
    name: 'clip',
    file: 'clip.mdl',
    what: 'CLIPModel',
    entry: 'compare',
    inputs: ['pixel_values', 'input_ids', 'attention_mask'],
    output: 'logits_per_image',
  },
  {
    name: 'siglip',
    file: 'siglip.mdl',
    what: 'SiglipModel',
    entry: 'compare',
    inputs: ['pixel_values', 'input_ids'],
    output: 'logits_per_image',
  },
];

/** Of the output, and of the worst gradient where there are some, as shares of the largest element. */
async function errorsOf(row: Row, all: Opened): Promise<{ output: number; gradient: number | undefined }> {
  const results = await all.session.run(row.entry, inputsOf(all, row.inputs));
  const want = all.expected.get(row.output)!;
  const mask = want.shape.length === 3 ? all.expected.get('attention_mask')!.data : undefined;
  const counts = (index: number): boolean =>
    mask === undefined || Number(mask[Math.floor(index / want.shape[2]!)]) === 1;
  const output = relativeError(results[row.output]!.data, want.data, counts);
  if (row.entry !== 'loss') return { output, gradient: undefined };
  const gradients = await all.gradients(inputsOf(all, row.inputs));
  const errors = [...gradients].map(([key, { data }]) =>
    relativeError(data, all.expected.get(`gradient.${key}`)!.data),
  );
  return { output, gradient: Math.max(...errors) };
}

const shown = (error: number | undefined): string => (error === undefined ? '' : error.toExponential(0));
const table = ['| Model | File | Compared with | Results | Gradients |', '| --- | --- | --- | --- | --- |'];
for (const row of ROWS) {
  const found: { output: number; gradient: number | undefined }[] = [];
  for (const target of TARGETS) {
    const all = await openCase(row, target);
    found.push(await errorsOf(row, all));
    await all.close();
  }
  const list = (of: 'output' | 'gradient'): string =>
    found
      .map((one) => shown(one[of]))
      .filter(Boolean)
      .join(' · ');
  table.push(
    `| ${row.name} | [${row.file}](../models/${row.file}) | ${row.what} | ${list('output')} | ${list('gradient')} |`,
  );
  console.log(table.at(-1));
}
const path = fileURLToPath(new URL('../docs/zoo.md', import.meta.url));
const [head] = readFileSync(path, 'utf8').split('<!-- table -->');
writeFileSync(path, `${head}<!-- table -->\n\n${table.join('\n')}\n`);
