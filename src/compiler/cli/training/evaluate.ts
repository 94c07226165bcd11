/** Held-out examples put to a model, one by one, and what its answers are worth. */
import { type Example, type ExampleOptions, evaluate, openExamples, type Report } from '../../../runtime/data/index.ts';
import { generate, imageSettings, preparePrompt, type Session, type Tokenizer } from '../../../runtime/index.ts';
import { Config } from './config.ts';
import { IMAGE_SIZE } from './image-size.ts';
import type { Wording } from './wording.ts';

export interface Answered {
  readonly example: Example;
  readonly answer: string;
}

export interface EvaluationRequest {
  readonly data: string;
  readonly wording: Wording;
  readonly count: number;
  readonly seed: number;
  readonly maxNewTokens: number;
  readonly onAnswer?: (answered: Answered, index: number) => void;
}

export interface Evaluation {
  readonly report: Report;
  readonly answers: readonly Answered[];
}

/** Greedy answers to the first `count` held-out examples. @throws CliError C0310 */
export async function evaluateSession(
  session: Session,
  tokenizer: Tokenizer,
  request: EvaluationRequest,
): Promise<Evaluation> {
  const config = new Config({ config: () => session.manifest.model.config });
  const options: ExampleOptions = {
    ...imageSettings(session.manifest.model.config),
    ...request.wording,
    imageSize: config.required(IMAGE_SIZE, request.data),
    seed: request.seed,
    split: 'held-out',
    count: request.count,
  };
  const examples = await openExamples(request.data, options);
  const eos = config.number('tokens.eos');
  const answers: Answered[] = [];
  const answerOf = async (example: Example): Promise<string> => {
    const embeds = await preparePrompt(session, tokenizer, example.prompt, [example.images]);
    const { rows } = await generate(
      session,
      { embeds: [embeds] },
      {
        max_new_tokens: request.maxNewTokens,
        decode: (tokens) => tokenizer.decode(tokens),
        stop_text: [request.wording.endSymbol],
        ...(eos === undefined ? {} : { stop_tokens: [eos] }),
      },
    );
    const answer = (rows[0]!.text ?? '').trim();
    answers.push({ example, answer });
    request.onAnswer?.(answers.at(-1)!, answers.length);
    return answer;
  };
  return { report: await evaluate(answerOf, examples), answers };
}

/** One line a task: exact match beside the best constant answer, and boxes where there are any. */
export function reportLines(report: Report): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`.padStart(6);
  const rows = Object.entries(report.tasks).map(([task, scores]) => {
    const more = [
      scores.named === undefined
        ? ''
        : `named ${percent(scores.named)} (constant ${percent(scores.baseline.named ?? 0)})`,
      scores.box === undefined
        ? ''
        : `boxes with IoU > 0.5 ${percent(scores.box)} (constant ${percent(scores.baseline.box ?? 0)})`,
    ];
    return `  ${task.padEnd(12)} ${String(scores.count).padStart(4)}  exact ${percent(scores.exact)} (constant ${percent(scores.baseline.exact)})  VQA ${percent(scores.vqa)}  ${more.filter(Boolean).join('  ')}`.trimEnd();
  });
  return [
    ...rows,
    `  ${'all'.padEnd(12)} ${String(report.count).padStart(4)}  exact ${percent(report.exact)} (constant ${percent(report.baselineExact)})`,
  ];
}
