/**
 * `mdl demo`: what the project does, on this machine, in a few minutes, without a download: TinyGPT-V at full size as
 * graphs, its nano version trained through the paper's four stages from the pre-trained parts that come along, and
 * what that has learned.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Evaluation } from '../../../recipes/recipe.ts';
import { openAnswering } from '../../workbench/answering.ts';
import { cliError } from '../../workbench/errors.ts';
import { SILENT } from '../../workbench/notes.ts';
import { recipeOfManifest } from '../../workbench/recipe.ts';
import { heldOutReport } from '../../workbench/training/held-out.ts';
import { refuseLocked } from '../../workbench/training/lock.ts';
import type { TrainingOptions } from '../../workbench/training/options.ts';
import type { Run } from '../../workbench/training/run.ts';
import { makeRunFolder } from '../../workbench/training/run-folder.ts';
import { type Output, withoutRepeats } from '../output.ts';
import compile from './compile.ts';
import { trainFile } from './train.ts';

/** Written by `npm run pretrain`. */
const PRETRAINED = 'nano-pretrained.safetensors';
/** Held-out examples per report. */
const EXAMPLES = 150;
/** of a short run for tests */
const FEW = 6;
/** What the summary fits beside the command that follows it: a terminal of 80 × 24. */
const [COLUMNS, SHOWN] = [79, 5];
/** The data that the demo trains on and asks about. */
const DATA = 'emoji';
/** A picture that anyone can ask about, of the package that the data is made from. */
const PICTURE = 'emoji-datasource-twitter/img/twitter/64/1f436.png';

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
  if (existsSync(run) && !isRun(run)) throw cliError('folder_holds_files', { folder: options.out, files: ['run'] });
  refuseLocked(run);
  const common = { set: [], allowMissing: [], allowUnexpected: [], opset: '17', backend: 'onnx' };
  output.note('This takes about three minutes on two quiet cores, and longer on a busy machine.\n');
  output.note('1. TinyGPT-V, full size, without weights');
  const full = join(options.out, 'full');
  await compile(output, [model], { ...common, target: 'onnx', entry: [], config: 'full', out: full });

  output.note('\n2. its nano version goes through the four stages of the paper, from pre-trained parts');
  await rm(run, { recursive: true, force: true });
  const training: TrainingOptions = {
    ...common,
    config: 'nano',
    weights: pretrained,
    stages: '1-4',
    data: DATA,
    seed: 0,
    checkpointEvery: 1000,
    keep: 1,
    out: run,
    ...(options.steps === undefined ? {} : { steps: options.steps }),
  };
  await trainFile(withoutRepeats(output), model, training, beforeAndAfter(model, training, output));

  const weights = join(run, 'model.safetensors');
  if (!existsSync(weights)) return; // a signal ended the training, which has said so

  output.note('\n3. what it answers to pictures it has not seen');
  // the wording of the weights is the demo's own
  const opened = await openAnswering(model, { ...common, config: 'nano', weights }, 'evaluate', SILENT);
  try {
    const { recipe, model: told } = recipeOfManifest(opened.session.manifest);
    const { report, count, lines, answers } = await recipe.evaluate(opened.session, {
      data: DATA,
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
    const shown = firstOfEach(answers)
      .slice(0, SHOWN)
      .map(({ prompt, wanted, got }) =>
        clipped(`  ${questionIn(prompt)}  wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`),
      );
    const title = `  ${count} held-out examples by task, and what the best constant answer gets:`;
    output.result([...shown, title, ...lines].join('\n'), { report });
    output.note(`losses and gradient norms: ${join(run, 'report.html')}`);
    output.note(`ask it yourself:\n  ${askingCommand(model, weights)}`);
  } finally {
    await opened.close();
  }
}

/** Puts the first held-out question of each stage's own tasks to the model before the stage and after it. */
function beforeAndAfter(model: string, training: TrainingOptions, output: Output): Run['onWeights'] {
  let before = '';
  return async (stage, weights, when) => {
    const one = { ...training, data: DATA, evaluate: 1 };
    const { answers } = await heldOutReport(model, stage, weights, one);
    const { prompt, wanted, got } = answers[0]!;
    if (when === 'before') before = got;
    else
      output.note(
        clipped(
          `  ${questionIn(prompt) || 'a caption'}  before ${JSON.stringify(before)}, after ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`,
        ),
      );
  };
}

/** The words of a prompt, without the picture's place and what stands around them. */
function questionIn(prompt: string): string {
  return prompt.replace(/^.*<\/Img>\s*|^.*<ImageHere>\s*/s, '').replace(/\s*\[\/INST\]\s*$|\s*###Assistant:\s*$/, '');
}

/** A line that a terminal does not wrap. */
const clipped = (line: string): string => (line.length <= COLUMNS ? line : `${line.slice(0, COLUMNS - 1)}…`);

/** A command that answers a picture, as it can be given here. */
function askingCommand(model: string, weights: string): string {
  const picture = createRequire(import.meta.url).resolve(PICTURE);
  const here = (path: string): string => {
    const inside = relative(process.cwd(), path);
    const text = inside.startsWith('..') ? path : inside;
    return /^[\w./:=,@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  };
  return `node ${here(process.argv[1] ?? 'dist/mdl.js')} generate ${here(model)} --config nano --weights ${here(weights)} --image ${here(picture)} --prompt "[vqa] what is this?"`;
}

/** The first answer to each task, task by task: chosen before anyone looks at them. */
function firstOfEach(answers: Evaluation['answers']): Evaluation['answers'] {
  const byTask = new Map<string, Evaluation['answers'][number]>();
  for (const answered of answers) if (!byTask.has(answered.task)) byTask.set(answered.task, answered);
  return [...byTask.values()];
}
