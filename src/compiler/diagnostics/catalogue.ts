/**
 * Every message of the compiler, in one place: its code, its text, and what `mdl explain` says about it.
 *
 * Codes: E00xx reading and syntax, E01xx imports and names, E02xx compile-time values and configuration,
 * E03xx tensors and shapes, E04xx modules, parameters and adapters, E05xx stages, W… warnings. A code is never
 * reused. `example` is a complete file that provokes the code; a test compiles every one of them.
 */
import type { Diagnostic, Label, Suggestion } from './diagnostic.ts';
import { EXPLANATIONS } from './explanations.ts';
import type { Span } from './span.ts';

interface Message<A> {
  readonly code: string;
  readonly title: string;
  readonly text: (a: A) => string;
}

function message<A>(code: string, title: string, text: (a: A) => string): Message<A> {
  return { code, title, text };
}

type Named = { readonly name: string };
type Found = { readonly found: string };

export const MESSAGES = {
  // reading and syntax
  file_too_large: message<{ characters: number; most: number }>(
    'E0001',
    'file too large',
    (a) => `a source file may have ${a.most} characters and this one has ${a.characters}`,
  ),
  nesting_too_deep: message<{ most: number }>(
    'E0002',
    'nesting too deep',
    (a) => `brackets and operators nest deeper than ${a.most} levels`,
  ),
  unexpected_character: message<{ text: string }>(
    'E0003',
    'unexpected character',
    (a) => `${JSON.stringify(a.text)} is no part of the language`,
  ),
  unterminated_string: message<object>(
    'E0004',
    'unterminated string',
    () => 'this string has no closing quote on its line',
  ),
  syntax: message<{ found: string; rule: string; expected: string }>(
    'E0005',
    'syntax error',
    (a) => `${a.found} does not fit in ${a.rule}, where ${a.expected} was expected`,
  ),
  reserved_word: message<{ word: string }>(
    'E0007',
    'reserved word',
    (a) => `'${a.word}' is a reserved word and cannot be a name`,
  ),
  file_not_found: message<{ path: string }>(
    'E0006',
    'file not found',
    (a) => `there is no file ${JSON.stringify(a.path)}`,
  ),
  line_begins_with_minus: message<object>(
    'E0008',
    'line that begins with a minus',
    () => 'this line begins with `-` and goes on with the expression above it',
  ),

  // imports and names
  import_outside: message<{ path: string }>(
    'E0101',
    'import outside the project',
    (a) => `${JSON.stringify(a.path)} leads outside the project`,
  ),
  import_form: message<{ path: string }>(
    'E0102',
    'unknown import',
    (a) => `${JSON.stringify(a.path)} is neither "std" nor a relative path that ends in .mdl`,
  ),
  import_cycle: message<{ cycle: string }>(
    'E0103',
    'import cycle',
    (a) => `files import each other in a circle: ${a.cycle}`,
  ),
  import_missing: message<{ name: string; file: string }>(
    'E0104',
    'missing import',
    (a) => `${a.file} declares no ${a.name}`,
  ),
  unknown_name: message<Named>('E0105', 'unknown name', (a) => `${a.name} is not declared here`),
  duplicate_name: message<Named>('E0106', 'duplicate name', (a) => `${a.name} is declared twice`),
  not_usable_here: message<{ name: string; what: string; use: string }>(
    'E0107',
    'name of another kind',
    (a) => `${a.name} is ${a.what} and cannot be ${a.use}`,
  ),
  unused_import: message<Named>('W0101', 'unused import', (a) => `${a.name} is imported and never used`),
  no_entries: message<Named>(
    'W0102',
    'model without an entry',
    (a) => `${a.name} has no entry, so nothing of it is compiled`,
  ),
  nothing_to_merge: message<Named>(
    'W0103',
    'no adapter to merge',
    (a) => `adapters are to be merged, and ${a.name} has none under these settings`,
  ),
  keeps_nothing: message<{ pattern: string; stage: string }>(
    'W0104',
    'pattern without effect',
    (a) => `no_decay ${a.pattern} keeps nothing from decay: ${a.stage} trains none of what it matches`,
  ),
  no_model: message<object>('E0108', 'no model', () => 'this file declares no model'),
  several_models: message<object>(
    'E0109',
    'several models',
    () => 'a file compiles one model and this one declares another',
  ),
  flag_or_field: message<{ name: string; record: string }>(
    'E0111',
    'flag or field',
    (a) => `${a.name} is a flag and a field of the config record ${a.record}, and could mean either here`,
  ),
  unused_value: message<object>('E0110', 'unused value', () => 'this value is computed and thrown away'),

  // compile-time values and configuration
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

  // recipes
  unknown_recipe: message<Named>('E0240', 'unknown recipe', (a) => `there is no recipe ${a.name}`),
  unknown_recipe_setting: message<Named & { recipe: string }>(
    'E0241',
    'unknown setting of a recipe',
    (a) => `the recipe ${a.recipe} has no setting ${a.name}`,
  ),
  several_recipes: message<object>('E0242', 'several recipes', () => 'a model has one recipe'),
  other_recipe: message<{ name: string; given: string }>(
    'E0243',
    'another recipe than the file says',
    (a) => `the model has the recipe ${a.name} and is asked for ${a.given}`,
  ),

  // layouts
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

  // tensors and shapes
  tensor_at_compile_time: message<Named>(
    'E0301',
    'tensor outside forward',
    (a) => `${a.name} makes a tensor, and tensors exist only inside forward, fn and entry bodies`,
  ),
  shape_clash: message<{ text: string }>('E0302', 'shapes do not fit', (a) => a.text),
  argument_shape: message<{ callee: string; name: string; expected: string; found: string; detail: string }>(
    'E0303',
    'argument of another shape',
    (a) => `${a.callee} takes ${a.name} as ${a.expected} and gets ${a.found}${a.detail}`,
  ),
  result_shape: message<{ callee: string; expected: string; found: string }>(
    'E0304',
    'result of another shape',
    (a) => `${a.callee} promises ${a.expected} and returns ${a.found}`,
  ),
  dtype_clash: message<{ operator: string; left: string; right: string }>(
    'E0305',
    'element types do not fit',
    (a) => `${a.operator} gets ${a.left} and ${a.right}`,
  ),
  pattern_syntax: message<{ problem: string }>('E0306', 'rearrange pattern', (a) => a.problem),
  pattern_clash: message<{ problem: string }>('E0307', 'rearrange pattern does not fit', (a) => a.problem),
  condition_is_tensor: message<object>(
    'E0308',
    'condition on a tensor',
    () => 'a condition must be known at compile time, and this one is a tensor',
  ),
  no_result: message<Named>('E0309', 'no result', (a) => `the body of ${a.name} ends without a value`),
  identity_changes_shape: message<{ name: string; from: string; to: string }>(
    'E0310',
    'identity changes the shape',
    (a) => `${a.name} may be switched off only if it keeps the shape, and it turns ${a.from} into ${a.to}`,
  ),
  dim_unbound: message<Named>(
    'E0311',
    'dimension without a value',
    (a) => `the dimension ${a.name} follows from no argument`,
  ),
  cached_outside: message<object>(
    'E0312',
    'cached value without a length axis',
    () => 'cached(…) takes a tensor of [batch, heads, length, head_dim]',
  ),

  // modules, parameters, adapters
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

  // stages
  unknown_clause: message<Named>('E0501', 'unknown clause of a stage', (a) => `a stage has no clause ${a.name}`),
  trains_nothing: message<Named>('E0502', 'stage trains nothing', (a) => `the stage ${a.name} trains nothing`),
} as const;

export type MessageName = keyof typeof MESSAGES;
type ArgumentsOf<K extends MessageName> = (typeof MESSAGES)[K] extends Message<infer A> ? A : never;

export interface DiagnosticExtras {
  /** text at the primary place */
  readonly label?: string;
  readonly secondary?: readonly Label[];
  readonly notes?: readonly string[];
  readonly suggestions?: readonly Suggestion[];
  readonly context?: string | undefined;
}

/** Makes the diagnostic `name` at a place. */
export function diagnose<K extends MessageName>(
  name: K,
  args: ArgumentsOf<K>,
  at: Span,
  extras: DiagnosticExtras = {},
): Diagnostic {
  const entry = MESSAGES[name] as unknown as Message<ArgumentsOf<K>>;
  return {
    code: entry.code,
    severity: entry.code.startsWith('W') ? 'warning' : 'error',
    message: entry.text(args),
    primary: { span: at, message: extras.label ?? '' },
    secondary: extras.secondary ?? [],
    notes: extras.notes ?? [],
    suggestions: extras.suggestions ?? [],
    ...(extras.context === undefined ? {} : { context: extras.context }),
  };
}

export interface CatalogueEntry {
  readonly code: string;
  readonly title: string;
  readonly explanation: string;
  /** a complete file that provokes the code, where one file can */
  readonly example: string | undefined;
}

/** The catalogue by code: what `mdl explain` and docs/diagnostics.md print. */
export const CATALOGUE: Readonly<Record<string, CatalogueEntry>> = Object.fromEntries(
  (Object.keys(MESSAGES) as MessageName[]).map((name) => {
    const { code, title } = MESSAGES[name];
    return [
      code,
      {
        code,
        title,
        explanation: EXPLANATIONS[name].text,
        example: (EXPLANATIONS[name] as { example?: string }).example,
      },
    ];
  }),
);
