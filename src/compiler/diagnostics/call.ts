/** What programs without types pass to the compiler's functions by mistake, told before anything is read. */
import { isObject, kindOf } from '../../shared/kind-of.ts';
import { nearest } from '../../shared/nearest.ts';
import { diagnose } from './catalogue.ts';
import { type Diagnostic, DiagnosticError } from './diagnostic.ts';
import { createSource, type Span } from './span.ts';

/** What an argument has to be. */
export interface Form {
  readonly expected: string;
  fits(value: unknown): boolean;
}

/** Of each option that a call takes. */
export type Forms<T> = { readonly [K in keyof T]-?: Form };

const isText = (value: unknown): value is string => typeof value === 'string';

export const TEXT: Form = { expected: 'a string', fits: isText };
export const TEXTS: Form = {
  expected: 'a list of strings',
  fits: (value) => Array.isArray(value) && value.every(isText),
};
export const LIST: Form = { expected: 'a list', fits: Array.isArray };
export const OBJECT: Form = { expected: 'an object', fits: isObject };
export const SWITCH: Form = { expected: 'true or false', fits: (value) => typeof value === 'boolean' };
export const FUNCTION: Form = { expected: 'a function', fits: (value) => typeof value === 'function' };

export const oneOf = (...values: readonly (string | number)[]): Form => ({
  expected: values.join(' or '),
  fits: (value) => (values as readonly unknown[]).includes(value),
});

const nowhere = (call: string): Span => ({ source: createSource(call, ''), start: 0, end: 0 });

/** Numbers and short texts as they are, anything else by its kind. */
const found = (value: unknown): string =>
  typeof value === 'number' || (isText(value) && value.length <= 40) ? JSON.stringify(value) : kindOf(value);

/** E0254 unless a value has the form. @param at absent: no place in a program */
export function wrongForm(
  call: string,
  argument: string,
  value: unknown,
  form: Form,
  at?: Span,
): Diagnostic | undefined {
  if (form.fits(value)) return undefined;
  return diagnose('call_form', { call, argument, found: found(value), expected: form.expected }, at ?? nowhere(call));
}

/** The first option that has another form (E0254) or another name (E0255); undefined ones are absent. */
export function wrongOptions<T extends object>(call: string, options: T, forms: Forms<T>): Diagnostic | undefined {
  const wrong = wrongForm(call, 'its options', options, OBJECT);
  if (wrong) return wrong;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(forms, name)) {
      const known = Object.keys(forms);
      const near = nearest(name, known);
      const notes = [near ? `did you mean \`${near}\`?` : `the options are ${known.join(', ') || '(none)'}`];
      return diagnose('unknown_option', { call, name }, nowhere(call), { notes });
    }
    const other = wrongForm(call, `the option ${name}`, value, forms[name as keyof T]);
    if (other) return other;
  }
  return undefined;
}

/** @throws DiagnosticError for the first that is wrong */
export function refuse(wrong: Diagnostic | undefined): void {
  if (wrong) throw new DiagnosticError([wrong]);
}
