/**
 * `mdl demo`: what the project does, on this machine, in a few minutes, without a download: TinyGPT-V at full size as
 * graphs, its nano version trained through the paper's four stages from the pre-trained parts that come along, and
 * what that has learned.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Evaluation } from '../../../recipes/recipe.ts';
import { openAnswering } from '../../workbench/answering.ts';
import { cliError } from '../../workbench/errors.ts';
import { recipeOfManifest } from '../../workbench/recipe.ts';
import { refuseLocked } from '../../workbench/training/lock.ts';
import { makeRunFolder } from '../../workbench/training/run-folder.ts';
import type { Output } from '../output.ts';
import compile from './compile.ts';
import summary from './summary.ts';
import train from './train.ts';

/** Written by `npm run pretrain`. */
const PRETRAINED = 'nano-pretrained.safetensors';
/** Held-out examples per report. */
const EXAMPLES = 150;
/** of a short run for tests */
const FEW = 6;
/** Answers printed of each task. */
const SHOWN = 2;

export interface DemoOptions {
  readonly out: string;
  /** steps of each stage instead of the config's: for tests */
  readonly steps?: number;
}

/** Whether a folder is empty or has what a run of training has. */
function isRun(folder: string): boolean {
  if (!statSync(folder).isDirectory()) return false;
  const names = readdirSync(folder);
  return names.length === 0 || (names.includes('log.jsonl') && names.includes('checkpoints'));
}

/** The package's folder: the nearest above this file with a package.json. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

export default async function demo(output: Output, _args: readonly string[], options: DemoOptions): Promise<void> {
  const models = join(packageRoot(), 'models');
  const model = join(models, 'tinygpt-v.mdl');
  const pretrained = join(models, PRETRAINED);
  if (!existsSync(pretrained)) {
    throw cliError('file_not_read', {
      what: 'the pre-trained parts',
      file: pretrained,
      reason: 'no such file (npm run pretrain makes it)',
    });
  }
  await makeRunFolder(options.out);
  const run = join(options.out, 'run');
  // an earlier demo's is made anew; anything else is somebody's
  if (existsSync(run) && !isRun(run)) throw cliError('folder_holds_run', { folder: run });
  refuseLocked(run);
  const common = { set: [], allowMissing: [], allowUnexpected: [], opset: '17', backend: 'onnx' };
  output.note('1. TinyGPT-V, full size, without weights');
  await summary(output, [model], { config: 'full', depth: 2 });
  await compile(output, [model], {
    ...common,
    target: 'onnx',
    entry: [],
    config: 'full',
    out: join(options.out, 'full'),
  });

  output.note('\n2. its nano version goes through the four stages of the paper, from pre-trained parts');
  await rm(run, { recursive: true, force: true });
  const training = {
    ...common,
    config: 'nano',
    weights: pretrained,
    stages: '1-4',
    data: 'emoji',
    seed: 0,
    checkpointEvery: 1000,
    keep: 1,
  };
  const steps = options.steps === undefined ? {} : { steps: options.steps };
  await train(output, [model], { ...training, ...steps, out: run });

  output.note('\n3. what it answers to pictures it has not seen');
  const opened = await openAnswering(
    model,
    { ...common, config: 'nano', weights: join(run, 'model.safetensors') },
    'evaluate',
    output,
  );
  try {
    const { recipe, model: told } = recipeOfManifest(opened.session.manifest);
    const { report, count, lines, answers } = await recipe.evaluate(opened.session, {
      data: 'emoji',
      model: told,
      stage: { who: 'mdl demo', clauses: { tasks: 'multitask', template: 'inst', end: '\n' } },
      count: options.steps === undefined ? EXAMPLES : FEW,
      batchSize: 1,
      badRows: 'fail',
      seed: 0,
      maxNewTokens: 24,
      tokenizer: async () => opened.tokenizer,
      note: (line) => output.note(line),
    });
    const shown = firstOfEach(answers).map(({ prompt, wanted, got }) => {
      const question = prompt.replace(/^.*<\/Img>\s*/s, '').replace(/\s*\[\/INST\]\s*$/, '');
      return `  ${question}\n    wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`;
    });
    const title = `  ${count} held-out examples by task, beside the best constant answer:`;
    output.result([...shown, '', title, ...lines].join('\n'), { report });
    output.note(`\nloss, learning rate and gradient norms: ${join(run, 'report.html')}`);
    output.note(
      `ask it yourself: mdl generate models/tinygpt-v.mdl --config nano --weights ${join(run, 'model.safetensors')} \\`,
    );
    output.note('  --image PICTURE.png --template inst --prompt "[vqa] what is this?"');
  } finally {
    await opened.close();
  }
}

/** The first answers to each task, task by task: chosen before anyone looks at them. */
function firstOfEach(answers: Evaluation['answers']): Evaluation['answers'] {
  const byTask = new Map<string, Evaluation['answers'][number][]>();
  for (const answered of answers) {
    const { task } = answered;
    byTask.set(task, [...(byTask.get(task) ?? []), answered]);
  }
  return [...byTask.values()].flatMap((list) => list.slice(0, SHOWN));
}
