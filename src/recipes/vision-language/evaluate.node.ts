/** Held-out examples put to a model, one by one, and what its answers are worth. */

import { generate } from '../../runtime/generate/generate.ts';
import type { Session } from '../../runtime/session.ts';
import { byteTokenizer } from '../data/bytes.ts';
import { type Evaluation, type EvaluationRequest, required } from '../recipe.ts';
import { type Example, evaluate, openExamples, type Report } from './data/index.ts';
import { VISION_LANGUAGE } from './declaration.ts';
import { imageOptions } from './images.ts';
import { preparePrompt } from './prompt.ts';
import { checkPrepared, settingsUnder, splitFor, wordingOf } from './wording.ts';

const COUNT = 100;

/** Greedy answers to the first `count` held-out examples. @throws as `openExamples`, `preparePrompt` and `generate` */
export async function evaluateHeldOut(session: Session, request: EvaluationRequest): Promise<Evaluation> {
  const { data, model, stage, count = COUNT, seed, maxNewTokens } = request;
  const settings = settingsUnder(model, stage);
  checkPrepared(settings, data);
  const wording = wordingOf(model, stage, data);
  const imageSize = required(VISION_LANGUAGE, 'image_size', settings.image_size, `examples of ${data}`);
  const examples = await openExamples(data, {
    ...imageOptions(settings),
    ...wording,
    imageSize,
    seed,
    split: splitFor(request, 'held-out'),
    count,
  });
  const tokenizer = byteTokenizer(model.settings) ?? (await request.tokenizer());
  const { eos } = settings;
  const answers: { example: Example; answer: string }[] = [];
  const answerOf = async (example: Example): Promise<string> => {
    const embeds = await preparePrompt(session, tokenizer, example.prompt, [example.images]);
    const { rows } = await generate(
      session,
      { embeds: [embeds] },
      {
        max_new_tokens: maxNewTokens,
        decode: (tokens) => tokenizer.decode(tokens),
        stop_text: [wording.endSymbol],
        ...(eos === undefined ? {} : { stop_tokens: [eos] }),
      },
    );
    const answer = (rows[0]!.text ?? '').trim();
    answers.push({ example, answer });
    request.onAnswer?.(answers.length);
    return answer;
  };
  const { judgements: _, ...report } = await evaluate(answerOf, examples);
  return {
    count: report.count,
    title: `${data}, ${request.heldOut === 1 ? 'all rows' : 'held out'}, ${wording.tasks ?? 'its own tasks'}`,
    lines: reportLines(report),
    rows: scoreRows(report),
    report,
    answers: answers.map(({ example: { task, prompt, answer: wanted }, answer: got }) => ({
      task,
      prompt,
      wanted,
      got,
    })),
  };
}

/** One line a task: exact match beside the best constant answer, and boxes where there are any. */
function reportLines(report: Report): string[] {
  const percent = (share: number | undefined): string => (share === undefined ? '' : `${(100 * share).toFixed(0)} %`);
  const line = (task: string, count: string, ...cells: readonly string[]): string =>
    `  ${task.padEnd(12)} ${count.padStart(5)} ${cells.map((cell) => cell.padStart(7)).join(' ')}`.trimEnd();
  const tasks = Object.entries(report.tasks);
  const named = tasks.some(([, { named }]) => named !== undefined);
  const boxes = tasks.some(([, { box }]) => box !== undefined);
  return [
    line(
      'task',
      'asked',
      'exact',
      '(const)',
      'VQA',
      ...(named ? ['named', '(const)'] : []),
      ...(boxes ? ['IoU>.5', '(const)'] : []),
    ),
    ...tasks.map(([task, { count, exact, vqa, baseline, ...scores }]) =>
      line(
        task,
        String(count),
        ...[exact, baseline.exact, vqa].map(percent),
        ...(named ? [percent(scores.named), scores.named === undefined ? '' : percent(baseline.named ?? 0)] : []),
        ...(boxes ? [percent(scores.box), scores.box === undefined ? '' : percent(baseline.box ?? 0)] : []),
      ),
    ),
    line('all', String(report.count), percent(report.exact), percent(report.baselineExact)),
  ];
}

/** By task, beside the best constant answer. */
function scoreRows(report: Report): string[][] {
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  return [
    ['task', 'examples', 'exact', 'best constant answer', 'VQA accuracy'],
    ...Object.entries(report.tasks).map(([task, { count, exact, baseline, vqa }]) => [
      task,
      String(count),
      percent(exact),
      percent(baseline.exact),
      percent(vqa),
    ]),
    ['all', String(report.count), percent(report.exact), percent(report.baselineExact), ''],
  ];
}
