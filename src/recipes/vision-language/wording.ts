/** What is asked about pictures, how, and what ends an answer: a stage's clauses, else the model's settings. */

import { runtimeError } from '../../runtime/errors.ts';
import type { SettingValues, ValuesOf } from '../../shared/recipe.ts';
import { type DataRequest, type RecipeModel, type RecipeStage, type Split, settingsOf } from '../recipe.ts';
import { type DataOptions, hasOwnWording } from './data/index.ts';
import { CLAUSES, SETTINGS, VISION_LANGUAGE } from './declaration.ts';
import { TASK_SETS, TEMPLATE_NAMES } from './names.ts';

export type Wording = Pick<DataOptions, 'tasks' | 'template' | 'endSymbol'>;

/**
 * The model's settings, with the stage's template and end in their place. Not its image size: the model was made at that
 * size already, or was compiled at another.
 * @throws RuntimeError R1120, R1121
 */
export function settingsUnder(model: RecipeModel, { clauses }: RecipeStage): ValuesOf<typeof SETTINGS> {
  const { template, end } = clauses;
  return settingsOf(VISION_LANGUAGE, SETTINGS, model.settings, { template, end });
}

/** Settings of pictures and prompts that data sets do not prepare. */
const OF_QUESTIONS = ['image_placeholder', 'resample', 'shorter_side', 'longest_side'] as const;

/** @throws RuntimeError R0541 for a model whose pictures no data set prepares */
export function checkPrepared(settings: ValuesOf<typeof SETTINGS>, data: string): void {
  const found = OF_QUESTIONS.filter((name) => settings[name] !== undefined);
  if (found.length > 0) throw runtimeError('pictures_not_made', { data, settings: found });
}

/**
 * Where a stage says nothing of template and end, the model's hold: what it is asked with afterwards.
 * @param data the name of the set
 * @throws RuntimeError R1124 for what neither says, R1125 for what the set does not take
 */
export function wordingOf(model: RecipeModel, stage: RecipeStage, data: string): Wording {
  const said = settingsOf(VISION_LANGUAGE, CLAUSES, stage.clauses);
  const { template, end } = settingsUnder(model, stage);
  const needed = <T>(clause: 'tasks' | 'template' | 'end', value: T | undefined, known?: readonly string[]): T => {
    if (value !== undefined) return value;
    const fix = howOf(stage)(clause, known?.[0] ?? '\n') + (known ? `, with one of ${known.join(', ')}` : '');
    throw runtimeError('stage_clause_missing', { who: stage.who, clause, data, fix });
  };
  const endSymbol = needed('end', end);
  if (!hasOwnWording(data))
    return {
      tasks: needed('tasks', said.tasks, TASK_SETS),
      template: needed('template', template, TEMPLATE_NAMES),
      endSymbol,
    };
  refuse(stage, data);
  return { endSymbol };
}

/** Data that is given to judge by is judged whole. */
export const splitFor = ({ heldOut }: Pick<DataRequest, 'heldOut'>, split: Split): Split | 'all' =>
  heldOut === 1 ? 'all' : split;

function refuse({ who, clauses }: RecipeStage, data: string): void {
  const given: SettingValues = clauses;
  for (const clause of ['tasks', 'template'])
    if (given[clause] !== undefined) throw runtimeError('stage_clause_unused', { who, clause, data });
}

const howOf = ({ how }: RecipeStage) =>
  how ?? ((clause: string, example: string): string => `the clause \`${clause} ${JSON.stringify(example)}\``);
