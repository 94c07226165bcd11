/** The model's recipe: its settings are evaluated and checked against what the recipe declares. */
import type { ConfigValue } from '../../shared/artifact.ts';
import { nearest } from '../../shared/nearest.ts';
import type { RecipeDeclaration, Setting } from '../../shared/recipe.ts';
import type { GivenRoles } from '../../shared/roles.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { createSource, type Span } from '../diagnostics/span.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { plain } from './constants.ts';
import type { Evaluator } from './evaluator.ts';
import type { Value } from './values.ts';

/** What a model says of its recipe. */
export interface ModelRecipe {
  readonly declaration: RecipeDeclaration;
  /** those that are given; `none` gives none */
  readonly settings: { readonly [name: string]: ConfigValue };
  /** config values that settings are read from, by setting: `image_size` → `vit.image_size` */
  readonly places: { readonly [name: string]: string };
  /** the entries that the file gives roles to */
  readonly roles: GivenRoles;
  /** the outputs that the file names with them, by role */
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * The recipe that the file names, or the one that is asked for where the file names none. Problems go into the bag.
 * @param asked as `--recipe` gives it
 */
export function recipeOf(
  e: Evaluator,
  known: readonly RecipeDeclaration[],
  asked: string | undefined,
): ModelRecipe | undefined {
  const clause = e.program.recipe;
  const option = asked === undefined ? undefined : commandLine(asked);
  const declaration = clause ? find(e, known, clause.recipe.value, clause.recipe.span) : undefined;
  if (clause && asked !== undefined && asked !== clause.recipe.value) {
    const secondary = [{ span: option!, message: 'asked for here' }];
    e.report(diagnose('other_recipe', { name: clause.recipe.value, given: asked }, clause.recipe.span, { secondary }));
  }
  if (!clause) {
    const other = asked === undefined ? undefined : find(e, known, asked, option!);
    return other && { declaration: other, settings: {}, places: {}, roles: {}, outputs: {} };
  }
  return declaration && evaluate(e, declaration, clause);
}

function commandLine(asked: string): Span {
  const source = createSource('command line', `--recipe ${asked}`);
  return { source, start: '--recipe '.length, end: '--recipe '.length + asked.length };
}

function find(
  e: Evaluator,
  known: readonly RecipeDeclaration[],
  name: string,
  span: Span,
): RecipeDeclaration | undefined {
  const found = known.find((recipe) => recipe.name === name);
  if (found) return found;
  const names = known.map((recipe) => recipe.name);
  const near = nearest(name, names);
  const notes = [near ? `did you mean \`${near}\`?` : `the recipes are ${names.join(', ')}`];
  e.report(diagnose('unknown_recipe', { name }, span, { notes }));
  return undefined;
}

function evaluate(e: Evaluator, declaration: RecipeDeclaration, clause: ast.RecipeDeclaration): ModelRecipe {
  const frame = e.rootFrame();
  const settings: { [name: string]: ConfigValue } = {};
  const places: { [name: string]: string } = {};
  const roles: { [role: string]: string } = {};
  const outputs: { [role: string]: string } = {};
  for (const { name, value } of clause.settings) {
    if (Object.hasOwn(declaration.roles ?? {}, name.text)) {
      const { entry, output } = entryNamed(e, value);
      if (entry !== undefined) roles[name.text] = entry;
      if (output !== undefined) outputs[name.text] = output;
      continue;
    }
    if (!Object.hasOwn(declaration.settings, name.text)) {
      e.report(unknownSetting(declaration, name));
      continue;
    }
    const setting = declaration.settings[name.text]!;
    const given = e.attempt(() => fitting(e, setting, name, e.expression(value, frame), value));
    if (given !== undefined && given !== null) settings[name.text] = given;
    const place = placeOf(e, value);
    if (place !== undefined) places[name.text] = place;
  }
  return { declaration, settings, places, roles, outputs };
}

/** An entry, and the output of it where one is named. */
export interface NamedEntry {
  readonly entry: string | undefined;
  readonly output: string | undefined;
}

/** The entry that a role is given to; undefined for one that was reported when names were resolved. */
export function entryNamed(e: Evaluator, value: ast.Expression): NamedEntry {
  const [name, output] = value.kind === 'member' ? [value.object, value.member.text] : [value, undefined];
  const binding = name.kind === 'name' ? e.bindings.bindingOf(name) : undefined;
  return { entry: binding?.kind === 'entry' ? binding.name : undefined, output };
}

function unknownSetting(
  { name: recipe, settings, roles = {} }: RecipeDeclaration,
  { text: name, span }: ast.Name,
): Diagnostic {
  const known = [...Object.keys(settings), ...Object.keys(roles)];
  const suggestions = fix(didYouMean(name, known, span));
  const notes = suggestions.length > 0 ? [] : [`its settings are ${known.join(', ')}`];
  return diagnose('unknown_recipe_setting', { recipe, name }, span, { notes, suggestions });
}

/** The value as data; null for `none`. */
function fitting(e: Evaluator, setting: Setting, name: ast.Name, value: Value, at: ast.Expression): ConfigValue {
  if (value.kind === 'none') return null;
  const given = plain(e, value, at);
  if (setting.fits(given)) return given;
  const found = typeof given === 'number' ? String(given) : JSON.stringify(given);
  return e.fail(diagnose('wrong_type', { what: name.text, expected: setting.expected, found }, at.span));
}

/** `vit.image_size`, where an expression is a config value and nothing else. */
function placeOf(e: Evaluator, value: ast.Expression): string | undefined {
  if (value.kind === 'name') return e.settings?.config.fields.has(value.text) ? value.text : undefined;
  if (value.kind !== 'member') return undefined;
  const record = placeOf(e, value.object);
  return record === undefined ? undefined : `${record}.${value.member.text}`;
}

/** What to say of a clause of a stage that only a recipe has. */
export function clauseNote(
  recipe: ModelRecipe | undefined,
  known: readonly RecipeDeclaration[],
  name: string,
): string[] {
  if (recipe) return [];
  const having = known.filter(({ clauses }) => Object.hasOwn(clauses, name));
  return having.map(
    (one) => `it is a clause of the recipe ${one.name}: the file names its recipe as \`recipe "${one.name}" { … }\``,
  );
}
