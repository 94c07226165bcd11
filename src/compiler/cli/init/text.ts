/** `mdl init text`: a language model on bytes, and pages of the documentation. */
import { exampleModel, type Project, packageFile } from './project.ts';

/** The pages of docs/ that it learns from: prose, about 100 KB. */
const PAGES = [
  'adapters.md',
  'checkpoints.md',
  'data.md',
  'folders.md',
  'images.md',
  'language.md',
  'performance.md',
  'recipes.md',
  'rejected.md',
  'text.md',
  'webgpu.md',
];
/** four passes over the pages and more; the example's stage is shorter */
const STEPS = 1000;

export const textProject = (): Project => ({
  title: 'A small language model',
  about:
    '`model.mdl` is a GPT whose tokens are bytes, `data/` what it learns from: pages of MDL’s documentation. Put your own texts there (`.txt`, `.md`, or\n`.jsonl` with `{"text": "…"}` in each line) and train again.',
  steps: [
    [
      'Train it, with a tenth of the data kept to judge it by',
      'mdl train model.mdl --init 1 --data data --val-split 0.1 --out runs/first',
    ],
    [
      'Judge it by that tenth',
      'mdl evaluate model.mdl --weights runs/first/model.safetensors --data data --val-split 0.1',
    ],
    [
      'Let it go on from a prompt',
      'mdl generate model.mdl --weights runs/first/model.safetensors --prompt "The model " --temperature 0.7',
    ],
  ],
  data: `${PAGES.length} texts in data/`,
  files: new Map([
    ['model.mdl', exampleModel('gpt.mdl', 'bytes', STEPS)],
    ...PAGES.map((page) => [`data/${page}`, packageFile(`docs/${page}`)] as const),
  ]),
});
