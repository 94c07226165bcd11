/** Layouts of checkpoints. */
import { message, type Named } from '../message.ts';

export const LAYOUT_MESSAGES = {
  layout_clause: message<Named>('E0244', 'unknown clause of a layout', (a) => `a layout has no clause ${a.name}`),
  layout_form: message<{ problem: string }>('E0245', 'layout not understood', (a) => a.problem),
  layout_capture: message<{ name: string; has: string }>(
    'E0246',
    'name on one side of a rule',
    (a) => `{${a.name}} is in the ${a.has} of this rule alone, so what it is on the other side is not known`,
  ),
  layout_uncovered: message<{ name: string; module: string; count: number }>(
    'E0247',
    'layout leaves parameters out',
    (a) =>
      `the layout ${a.name} does not say where ${a.count === 1 ? 'a parameter' : `${a.count} parameters`} of ${a.module} ${a.count === 1 ? 'is' : 'are'}`,
  ),
  layout_twice: message<{ key: string; first: string; second: string }>(
    'E0248',
    'key of a layout read twice',
    (a) => `the key ${a.key} is read for ${a.first} and for ${a.second}`,
  ),
  layout_instances: message<{ name: string; module: string; count: number }>(
    'E0249',
    'layout of a module that is there several times',
    (a) => `the layout ${a.name} is for ${a.module}, of which the model has ${a.count}`,
  ),
  layout_empty_rule: message<{ pattern: string; module: string }>(
    'E0250',
    'rule of a layout without a parameter',
    (a) => `no parameter of ${a.module} is ${a.pattern}, or a rule above has them all`,
  ),
  layout_unused_read: message<{ unused: string; key: string }>(
    'E0251',
    'unused key of a layout that a rule reads',
    (a) => `${a.unused} is \`unused\`, and a rule reads ${a.key}`,
  ),
  layout_alias_of_nothing: message<{ alias: string; of: string }>(
    'E0252',
    'alias of a key that no rule reads',
    (a) => `${a.alias} is an alias of ${a.of}, which no rule reads`,
  ),
} as const;
