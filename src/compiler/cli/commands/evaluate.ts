/** `mdl evaluate`: greedy answers to held-out examples of a data set, scored by task beside the best constant answer. */
import type { SettingValues } from '../../../shared/recipe.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { isCompiled, type OpenOptions, openAnswering } from '../../workbench/answering.ts';
import { cliError } from '../../workbench/errors.ts';
import { loadModel } from '../../workbench/model.ts';
import { lengthOf, recipeOfManifest, recipeStage } from '../../workbench/recipe.ts';
import { batchSizeOf, stageList } from '../../workbench/training/stages.ts';
import type { Output } from '../output.ts';

export interface EvaluateOptions extends OpenOptions {
  readonly data?: string;
  /** judged whole, in place of `data` */
  readonly val?: string;
  /** of a .mdl file: whose flags, tasks, template and end; a model's only one when absent */
  readonly stage?: string;
  readonly tasks?: string;
  readonly template?: string;
  readonly end?: string;
  readonly count?: number;
  readonly batchSize?: number;
  readonly valSplit?: number;
  readonly length?: number;
  readonly onBadRow?: 'fail' | 'skip';
  readonly seed: number;
  readonly maxNewTokens?: number;
  readonly show: number;
}

export default async function run(output: Output, [file]: readonly string[], options: EvaluateOptions): Promise<void> {
  const data = options.val ?? options.data;
  if (data === undefined) throw cliError('nothing_to_judge', {});
  const heldOut = options.val === undefined ? options.valSplit : 1;
  const stage = stageSaid(file!, options, output);
  const opened = await openAnswering(file!, underStage(stage, options), 'evaluate', output);
  const bar = output.progress('examples', options.count ?? 0);
  try {
    const { recipe, model } = recipeOfManifest(opened.session.manifest);
    if (recipe.ownSplit && options.valSplit !== undefined)
      throw cliError('split_not_taken', { option: '--val-split', who: `data of the recipe ${recipe.name}` });
    if (recipe.judged) refuseQuestions(options);
    const clauses = {
      ...(stage ? recipeStage(recipe, stage).clauses : {}),
      ...lengthOf(recipe, options),
      ...saidOf(options),
    };
    const { report, lines, title, count, answers } = await recipe.evaluate(opened.session, {
      data,
      model,
      stage: { ...COMMAND_LINE, clauses },
      ...(options.count === undefined ? {} : { count: options.count }),
      ...(heldOut === undefined ? {} : { heldOut }),
      batchSize: batchSizeOf(stage, options.batchSize),
      badRows: options.onBadRow ?? 'fail',
      chatTemplate: opened.chatTemplate,
      seed: options.seed,
      maxNewTokens: options.maxNewTokens ?? 24,
      tokenizer: async () => opened.tokenizer,
      note: (line) => output.note(line),
      onAnswer: (done) => bar.update(done),
    });
    bar.stop();
    const shown = answers
      .slice(0, options.show)
      .map(
        ({ task, prompt, wanted, got }) =>
          `  [${task}] ${JSON.stringify(prompt)}\n    wanted ${JSON.stringify(wanted)}\n    got    ${JSON.stringify(got)}`,
      );
    const head = `${title}: ${count} examples on ${opened.session.info().backend}`;
    output.result([...shown, head, ...lines].join('\n'), {
      data,
      stage: stage?.name ?? null,
      tasks: clauses.tasks ?? null,
      report,
      answers,
    });
  } finally {
    bar.stop();
    await opened.close();
  }
}

const COMMAND_LINE = {
  who: 'mdl evaluate',
  how: (clause: string) => `--stage NAME (of a .mdl file) or --${clause}`,
};

/** What the options themselves say. */
function saidOf({ tasks, template, end }: EvaluateOptions): SettingValues {
  return {
    ...(tasks === undefined ? {} : { tasks }),
    ...(template === undefined ? {} : { template }),
    ...(end === undefined ? {} : { end }),
  };
}

/** The flags that the stage turns, so that it is the model that it trained; --set has the last word. */
function underStage(stage: Stage | undefined, options: EvaluateOptions): EvaluateOptions {
  const turned = [...(stage?.flags ?? [])].map(([flag, on]) => `${flag}=${on}`);
  return { ...options, set: [...turned, ...(options.set ?? [])] };
}

/** The stage that --stage names (a name, or `4` for stage4), or a model's only one. @throws CliError C0201, C0208, C0103 */
function stageSaid(file: string, options: EvaluateOptions, output: Output): Stage | undefined {
  if (isCompiled(file)) {
    if (options.stage === undefined) return undefined;
    throw cliError('option_without', { option: '--stage', without: 'a .mdl file' });
  }
  const { model } = loadModel(file, options, { ...output, warn: () => {} });
  if (options.stage === undefined) return model.stages.length === 1 ? model.stages[0] : undefined;
  const [stage, ...more] = stageList(model, options.stage);
  if (stage && more.length === 0) return stage;
  throw cliError('option_value', { option: '--stage', text: options.stage, expected: 'the name of one stage' });
}

/** What says something of questions alone. @throws CliError C0208 */
function refuseQuestions({ show, maxNewTokens }: EvaluateOptions): void {
  const option = show > 0 ? '--show' : maxNewTokens === undefined ? undefined : '--max-new-tokens';
  if (option !== undefined)
    throw cliError('option_without', { option, without: 'questions, which data of the recipe vision-language has' });
}
