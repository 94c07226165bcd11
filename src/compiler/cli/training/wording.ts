/** What is asked about pictures, how, and what ends an answer: a stage's clauses `tasks`, `template` and `end`. */
import { type DataOptions, hasOwnWording } from '../../../runtime/data/index.ts';
import type { ConfigValue } from '../../../shared/artifact.ts';
import { TASK_SETS, type TaskSet, TEMPLATE_NAMES, type TemplateName } from '../../../shared/wording.ts';
import { cliError } from '../errors.ts';
import { Config } from './config.ts';

export type Wording = Pick<DataOptions, 'tasks' | 'template' | 'endSymbol'>;

/** What a stage or a command line says of it. */
export interface Said {
  readonly tasks?: ConfigValue;
  readonly template?: ConfigValue;
  readonly end?: ConfigValue;
}

/** For messages: who should have said it, and how each is said. */
export interface Sayer {
  readonly who: string;
  readonly how: (clause: 'tasks' | 'template' | 'end', example: string) => string;
}

export const stageSays = (name: string): Sayer => ({
  who: `the stage ${name}`,
  how: (clause, example) => `the clause \`${clause} ${JSON.stringify(example)}\``,
});

/**
 * Where nothing is said of template and end, those of the config's record `prompt` hold: what the model is asked with
 * afterwards.
 * @param data the name of the set
 * @throws CliError C0308 for what neither says, C0309 for what the set does not take
 */
export function wordingOf(
  model: ConstructorParameters<typeof Config>[0],
  said: Said,
  data: string,
  { who, how }: Sayer,
): Wording {
  const config = new Config(model);
  const own = hasOwnWording(data);
  const find = <T extends string>(
    clause: 'tasks' | 'template' | 'end',
    known: readonly T[] | undefined,
    fallback: string | undefined,
  ): T => {
    const value = said[clause] ?? fallback;
    if (
      typeof value === 'string' &&
      value !== '' &&
      (known as readonly string[] | undefined)?.includes(value) !== false
    )
      return value as T;
    const fix = how(clause, known?.[0] ?? '\n') + (known ? `, with one of ${known.join(', ')}` : '');
    throw cliError('clause_missing', { who, clause, data, fix });
  };
  const endSymbol = find('end', undefined, config.text('prompt.end'));
  if (!own) {
    const tasks = find<TaskSet>('tasks', TASK_SETS, undefined);
    return {
      tasks,
      template: find<TemplateName>('template', TEMPLATE_NAMES, config.text('prompt.template')),
      endSymbol,
    };
  }
  for (const clause of ['tasks', 'template'] as const)
    if (said[clause] !== undefined) throw cliError('clause_unused', { who, clause, data });
  return { endSymbol };
}
