/** What can be started from: models of the repository, each with the settings that it is shown under at first. */
import type { Snapshot } from './project.ts';

export interface Example {
  readonly title: string;
  readonly path: string;
  readonly config?: string;
  /** by which a few steps in the page show something; the stage's schedule is made for thousands */
  readonly rate?: number;
}

export const EXAMPLES: readonly { readonly group: string; readonly models: readonly Example[] }[] = [
  {
    group: 'Small models to train here',
    models: [
      { title: 'Classifier (MLP)', path: 'examples/mlp.mdl', config: 'small', rate: 0.02 },
      { title: 'GPT on bytes', path: 'examples/gpt.mdl', config: 'bytes', rate: 0.003 },
      { title: 'Vision Transformer', path: 'examples/vit.mdl', config: 'tiny', rate: 0.003 },
      { title: 'ResNet', path: 'examples/resnet.mdl', config: 'tiny', rate: 0.05 },
    ],
  },
  {
    group: 'Released models',
    models: [
      { title: 'TinyGPT-V', path: 'models/tinygpt-v.mdl', config: 'nano', rate: 0.001 },
      { title: 'Llama and its kin', path: 'models/llama.mdl' },
      { title: 'Gemma', path: 'models/gemma.mdl' },
      { title: 'Gemma 2', path: 'models/gemma-2.mdl' },
      { title: 'GPT-2', path: 'models/gpt2.mdl' },
      { title: 'BERT', path: 'models/bert.mdl' },
      { title: 'ViT', path: 'models/vit.mdl' },
      { title: 'CLIP', path: 'models/clip.mdl' },
      { title: 'SigLIP', path: 'models/siglip.mdl' },
    ],
  },
];

/** Where the texts of a model lie: two folders may have files of one name. */
export const projectFile = ({ path }: Example): string => `projects/${path.replaceAll('/', '-')}.json`;

/** The texts of a model and of the files that it imports, as the build wrote them. @throws Error when they are not there */
export async function loadExample(example: Example): Promise<Snapshot> {
  const { title, path, config, rate } = example;
  const answer = await fetch(projectFile(example));
  if (!answer.ok) throw new Error(`${path} is not there: the server answers ${answer.status}`);
  const files = (await answer.json()) as Record<string, string>;
  const settings = { ...(config === undefined ? {} : { config }), ...(rate === undefined ? {} : { rate }) };
  return { name: title, root: path, files, ...settings };
}
