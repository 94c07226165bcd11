/** Compile-time values and configuration: E02xx. */
import { type Found, message, type Named } from '../message.ts';

export const VALUES_MESSAGES = {
  wrong_type: message<{ what: string; expected: string; found: string }>(
    'E0201',
    'value of another type',
    (a) => `${a.what} must be ${a.expected} and is ${a.found}`,
  ),
  operator_types: message<{ operator: string; left: string; right: string }>(
    'E0202',
    'operator does not apply',
    (a) => `${a.operator} does not apply to ${a.left} and ${a.right}`,
  ),
  missing_argument: message<{ callee: string; name: string }>(
    'E0203',
    'forgotten argument',
    (a) => `${a.callee} needs the argument ${a.name}`,
  ),
  unknown_argument: message<{ callee: string; name: string }>(
    'E0204',
    'unknown argument',
    (a) => `${a.callee} takes no argument named ${a.name}`,
  ),
  too_many_arguments: message<{ callee: string; most: number; found: number }>(
    'E0205',
    'too many arguments',
    (a) => `${a.callee} takes ${a.most} ${a.most === 1 ? 'argument' : 'arguments'} and got ${a.found}`,
  ),
  repeated_argument: message<{ callee: string; name: string }>(
    'E0206',
    'argument given twice',
    (a) => `${a.callee} gets the argument ${a.name} twice`,
  ),
  unknown_member: message<{ object: string; name: string }>(
    'E0207',
    'unknown member',
    (a) => `${a.object} has no ${a.name}`,
  ),
  not_callable: message<Found>('E0208', 'not callable', (a) => `${a.found} cannot be called`),
  missing_else: message<object>(
    'E0209',
    'missing else',
    () => 'the condition is false and there is no else, so this has no value',
  ),
  not_a_whole_number: message<{ left: number; right: number; value: number }>(
    'E0210',
    'division with a remainder',
    (a) => `a dimension must be a whole number, and ${a.left} / ${a.right} is ${a.value}`,
  ),
  division_by_zero: message<object>('E0211', 'division by zero', () => 'this divides by zero'),
  too_much_work: message<{ steps: number }>(
    'E0212',
    'compile-time limit',
    (a) => `compiling takes more than ${a.steps} steps`,
  ),
  index_out_of_range: message<{ index: number; size: number }>(
    'E0213',
    'index out of range',
    (a) =>
      `index ${a.index} is outside of a list of ${a.size} ${a.size === 1 ? 'item' : 'items'}, which are counted from 0`,
  ),
  destructuring: message<{ names: number; found: string }>(
    'E0214',
    'wrong number of names',
    (a) => `${a.names} names are given for ${a.found}`,
  ),
  recursion: message<{ name: string; verb: 'contains' | 'calls' | 'needs' }>(
    'E0215',
    'recursion',
    (a) => `${a.name} ${a.verb} itself`,
  ),
  table_too_large: message<{ op: string; elements: number; most: number }>(
    'E0216',
    'compile-time table too large',
    (a) => `${a.op} needs a table of ${a.elements} elements at compile time, and a graph may have ${a.most}`,
  ),
  number_too_large: message<{ text: string; most: string }>(
    'E0217',
    'number too large',
    (a) => `${a.text} is beyond ${a.most} and cannot be kept exactly`,
  ),
  unknown_setting: message<Named>('E0220', 'unknown setting', (a) => `there is no flag or config value ${a.name}`),
  unknown_config: message<Named>('E0221', 'unknown config', (a) => `there is no config ${a.name}`),
  setting_form: message<{ given: string }>(
    'E0253',
    'setting without a name or a value',
    (a) => `${a.given} is no setting: a text "name=value" was expected, or its name and text`,
  ),
  call_form: message<{ call: string; argument: string; found: string; expected: string }>(
    'E0254',
    'argument of another form',
    (a) => `${a.call} was given ${a.found} as ${a.argument}, and ${a.expected} was expected`,
  ),
  unknown_option: message<{ call: string; name: string }>(
    'E0255',
    'unknown option of a call',
    (a) => `${a.call} has no option ${a.name}`,
  ),
  editor_setting: message<{ name: string; found: string; expected: string }>(
    'E0280',
    'unusable editor setting',
    (a) => `the editor's setting ${a.name} is ${a.found}, and ${a.expected} was expected`,
  ),
  config_cycle: message<{ cycle: string }>(
    'E0222',
    'configs extend each other',
    (a) => `configs extend each other: ${a.cycle}`,
  ),
  setting_type: message<{ name: string; expected: string; found: string }>(
    'E0223',
    'setting of another type',
    (a) => `${a.name} is ${a.expected} and cannot be set to ${a.found}`,
  ),
} as const;
