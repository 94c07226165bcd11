/**
 * What a recipe declares about itself, as data: the settings of a model's `recipe "NAME" { … }`, the clauses it adds to a
 * stage, and how files are called. The compiler checks a file against it and knows nothing else of a recipe.
 */
import type { ConfigValue } from './artifact.ts';
import type { Roles } from './roles.ts';

/** One setting. A value that does not fit is refused where it stands, with `expected`. */
export interface Setting<T extends ConfigValue = ConfigValue> {
  /** one sentence, with units */
  readonly doc: string;
  /** `an int above 0` */
  readonly expected: string;
  fits(value: ConfigValue): value is T;
  /** used when the setting is not given; absent: the recipe asks for it where it needs it */
  readonly fallback?: T;
}

export type SettingTable = { readonly [name: string]: Setting };

/** Values by name; an absent one was not given. */
export type SettingValues = { readonly [name: string]: ConfigValue | undefined };

/** Checked values of a table: those with a fallback are always there. */
export type ValuesOf<S extends SettingTable> = {
  readonly [N in keyof S]: S[N] extends Setting<infer T>
    ? S[N] extends { readonly fallback: ConfigValue }
      ? T
      : T | undefined
    : never;
};

export interface RecipeDeclaration {
  /** as `recipe "NAME"` and `--recipe NAME` give it */
  readonly name: string;
  /** one sentence: which models and data it is for */
  readonly doc: string;
  /** of the model */
  readonly settings: SettingTable;
  /**
   * Clauses of a stage, beside those of the language. One with the name of a setting holds in its place during the stage.
   */
  readonly clauses: SettingTable;
  /** What it wants entries for. A setting with the name of a role names the entry that plays it. */
  readonly roles?: Roles;
  /**
   * Settings that tensors have their sizes from. A clause of this name sets the config value that the setting is read from,
   * and the model is made again with it for the stage.
   */
  readonly shapes?: readonly string[];
  /** Settings that weights carry when they were trained under others than the file's, by their key in the metadata. */
  readonly carried?: { readonly [setting: string]: string };
  /** Files beside the tokenizer that a compiled folder needs too, where they are there. */
  readonly beside?: readonly string[];
  /** ONNX files by role; `<entry>.onnx` for other entries */
  readonly fileNames?: { readonly [role: string]: string };
}

type Extra<T extends ConfigValue> = { readonly fallback?: T };

/** An integer from `low` to `high`. */
export function intSetting(doc: string, low: number, high: number = Number.MAX_SAFE_INTEGER): Setting<number> {
  const expected = high === Number.MAX_SAFE_INTEGER ? `an int of at least ${low}` : `an int from ${low} to ${high}`;
  const fits = (value: ConfigValue): value is number =>
    Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high;
  return { doc, expected, fits };
}

/** A number from `low` to `high`. */
export function numberSetting(doc: string, low: number, high: number): Setting<number> {
  const fits = (value: ConfigValue): value is number => typeof value === 'number' && value >= low && value <= high;
  return { doc, expected: `a number from ${low} to ${high}`, fits };
}

/** A string that is not empty. */
export function textSetting(doc: string): Setting<string> {
  return {
    doc,
    expected: 'a string that is not empty',
    fits: (value): value is string => typeof value === 'string' && value !== '',
  };
}

export function boolSetting(doc: string): Setting<boolean> {
  return { doc, expected: 'true or false', fits: (value): value is boolean => typeof value === 'boolean' };
}

/** One of a few strings. */
export function choiceSetting<T extends string>(doc: string, names: readonly T[]): Setting<T> {
  return {
    doc,
    expected: `one of ${names.map((name) => JSON.stringify(name)).join(', ')}`,
    fits: (value): value is T => (names as readonly ConfigValue[]).includes(value),
  };
}

/** As many numbers as `count`, each of which passes `each`. */
export function numbersSetting(
  doc: string,
  count: number,
  expected: string,
  each: (value: number) => boolean = Number.isFinite,
): Setting<readonly number[]> {
  const fits = (value: ConfigValue): value is readonly number[] =>
    Array.isArray(value) && value.length === count && value.every((one) => typeof one === 'number' && each(one));
  return { doc, expected, fits };
}

/** A list of strings, none empty and none twice. */
export function textsSetting(doc: string): Setting<readonly string[]> {
  const fits = (value: ConfigValue): value is readonly string[] =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === 'string' && one !== '') &&
    new Set(value).size === value.length;
  return { doc, expected: 'a list of strings, none empty and none twice', fits };
}

/** A setting with a value for where it is not given. */
export function withFallback<T extends ConfigValue>(setting: Setting<T>, fallback: T): Setting<T> & Required<Extra<T>> {
  return { ...setting, fallback };
}
