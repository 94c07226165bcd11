/** `mdl evaluate`: greedy answers to held-out examples of a data set, scored by task beside the best constant answer. */

import { type OpenOptions, openAnswering } from '../answering.ts';
import { cliError } from '../errors.ts';
import type { Output } from '../output.ts';
import { evaluateSession, reportLines } from '../training/evaluate.ts';

export interface EvaluateOptions extends OpenOptions {
  readonly data: string;
  readonly stage: string;
  readonly count: number;
  readonly seed: number;
  readonly maxNewTokens: number;
  readonly show: number;
}

export default async function run(output: Output, [file]: readonly string[], options: EvaluateOptions): Promise<void> {
  const stage = Number(/^(?:stage)?([1-4])$/.exec(options.stage)?.[1]);
  if (!(stage >= 1))
    throw cliError('C0103', {
      option: '--stage',
      text: options.stage,
      expected: '1, 2, 3 or 4, whose tasks are asked',
    });
  const opened = await openAnswering(file!, options, output);
  const bar = output.progress('examples', options.count);
  try {
    const { report, answers } = await evaluateSession(opened.session, opened.tokenizer, {
      data: options.data,
      stage: stage as 1 | 2 | 3 | 4,
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
    const title = `${options.data}, held out, stage ${stage}: ${report.count} examples on ${opened.session.info().backend}`;
    output.result([...shown, title, ...reportLines(report)].join('\n'), {
      data: options.data,
      stage,
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
