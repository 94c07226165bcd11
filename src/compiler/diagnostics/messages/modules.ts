/** Modules, parameters and adapters: E04xx. */
import { message, type Named } from '../message.ts';

export const MODULE_MESSAGES = {
  duplicate_key: message<{ key: string }>(
    'E0401',
    'duplicate parameter key',
    (a) => `two parameters have the key ${JSON.stringify(a.key)}`,
  ),
  forward_missing: message<Named>('E0402', 'no forward', (a) => `${a.name} has no forward and cannot be called`),
  pattern_matches_nothing: message<{ pattern: string }>(
    'E0403',
    'pattern matches nothing',
    (a) => `${a.pattern} matches nothing`,
  ),
  adapter_target: message<{ adapter: string; wants: string; path: string; found: string }>(
    'E0404',
    'adapter on another module',
    (a) => `${a.adapter} adapts ${a.wants}, and ${a.path} is ${a.found}`,
  ),
  member_value: message<{ name: string; found: string }>(
    'E0405',
    'member is no module',
    (a) => `the member ${a.name} must be a module or a list of modules and is ${a.found}`,
  ),
  dynamic_parameter: message<Named>(
    'E0406',
    'parameter of dynamic shape',
    (a) => `the shape of the parameter ${a.name} must be known at compile time`,
  ),
  no_entry: message<Named>('E0407', 'unknown entry', (a) => `the model has no entry ${a.name}`),
  entry_signature: message<{ text: string }>('E0408', 'entry signature', (a) => a.text),
  misplaced_member: message<{ member: string; where: string }>(
    'E0409',
    'misplaced member',
    (a) => `${a.member} does not belong in ${a.where}`,
  ),
  bad_key: message<{ key: string }>(
    'E0410',
    'unusable key',
    (a) => `${JSON.stringify(a.key)} cannot be part of a checkpoint key`,
  ),
  too_large: message<{ name: string; elements: string }>(
    'E0411',
    'parameter too large',
    (a) => `the parameter ${a.name} would have ${a.elements} elements`,
  ),
  no_tap: message<Named>('E0412', 'unknown tap', (a) => `there is no module output or let at ${a.name}`),
  not_a_buffer: message<{ name: string; found: string }>(
    'E0413',
    'update of what is no buffer',
    (a) => `update takes a buffer, and ${a.name} is ${a.found}`,
  ),
  training_unknown: message<object>(
    'E0414',
    'is_training() outside of a body',
    () => 'is_training() is known while a body is traced, and not where members are made',
  ),
  update_outside_training: message<Named>(
    'E0415',
    'update outside of training',
    (a) => `${a.name} is updated in a graph that does not train`,
  ),
  cached_lengths: message<{ past: string; added: string; other: string }>(
    'E0416',
    'cached values of different lengths',
    (a) =>
      `a step would add ${a.added} rows here and ${a.other} elsewhere, and all pasts of an entry have the length ${a.past}`,
  ),
} as const;
