/** `mdl evaluate`: greedy answers to held-out examples of a data set, scored by task beside the best constant answer. */

import type { Stage } from '../../elaborate/stages.ts';
import { isCompiled, type OpenOptions, openAnswering } from '../answering.ts';
import { cliError } from '../errors.ts';
import { loadModel } from '../model.ts';
import type { Output } from '../output.ts';
import { evaluateSession, reportLines } from '../training/evaluate.ts';
import { stageList } from '../training/stages.ts';
import { type Said, type Sayer, wordingOf } from '../training/wording.ts';

export interface EvaluateOptions extends OpenOptions {
  readonly data: string;
  /** of a .mdl file: whose tasks, template and end */
  readonly stage?: string;
  readonly tasks?: string;
  readonly template?: string;
  readonly end?: string;
  readonly count: number;
  readonly seed: number;
  readonly maxNewTokens: number;
  readonly show: number;
}

export default async function run(output: Output, [file]: readonly string[], options: EvaluateOptions): Promise<void> {
  const stage = stageSaid(file!, options, output);
  const opened = await openAnswering(file!, options, output);
  const bar = output.progress('examples', options.count);
  try {
    const model = { config: () => opened.session.manifest.model.config };
    const wording = wordingOf(model, { ...stage?.options, ...saidOf(options) }, options.data, COMMAND_LINE);
    const { report, answers } = await evaluateSession(opened.session, opened.tokenizer, {
      data: options.data,
      wording,
      count: options.count,
      seed: options.seed,
      maxNewTokens: options.maxNewTokens,
      onAnswer: (_, index) => bar.update(index),
    });
    bar.stop();
    const shown = answers
      .slice(0, options.show)
      .map(
        ({ example, answer }) =>
          `  [${example.task}] ${JSON.stringify(example.prompt)}\n    wanted ${JSON.stringify(example.answer)}\n    got    ${JSON.stringify(answer)}`,
      );
    const title = `${options.data}, held out, ${wording.tasks ?? 'its own tasks'}: ${report.count} examples on ${opened.session.info().backend}`;
    output.result([...shown, title, ...reportLines(report)].join('\n'), {
      data: options.data,
      stage: stage?.name ?? null,
      tasks: wording.tasks ?? null,
      report,
      answers: answers.map(({ example, answer }) => ({
        task: example.task,
        prompt: example.prompt,
        wanted: example.answer,
        got: answer,
      })),
    });
  } finally {
    bar.stop();
    await opened.close();
  }
}

const COMMAND_LINE: Sayer = {
  who: 'mdl evaluate',
  how: (clause) => `--stage NAME (of a .mdl file) or --${clause}`,
};

/** What the options themselves say. */
function saidOf({ tasks, template, end }: EvaluateOptions): Said {
  return {
    ...(tasks === undefined ? {} : { tasks }),
    ...(template === undefined ? {} : { template }),
    ...(end === undefined ? {} : { end }),
  };
}

/** The stage that --stage names: a name, or `4` for stage4. @throws CliError C0201, C0208, C0103 */
function stageSaid(file: string, options: EvaluateOptions, output: Output): Stage | undefined {
  if (options.stage === undefined) return undefined;
  if (isCompiled(file)) throw cliError('option_without', { option: '--stage', without: 'a .mdl file' });
  const { model } = loadModel(file, options, { ...output, warn: () => {} });
  const [stage, ...more] = stageList(model, options.stage);
  if (stage && more.length === 0) return stage;
  throw cliError('option_value', { option: '--stage', text: options.stage, expected: 'the name of one stage' });
}
