/** Messages about files that are given for inputs, and about names of classes: R053. Part of the catalogue in errors.ts. */
import { message } from './message.ts';

const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

type GivenRow = { readonly file: string; readonly input: string };

export const INPUT_MESSAGES = {
  given_file_form: message(
    'R0530',
    ({ file, kind, input, found, expected }: GivenRow & { kind: string; found: string; expected: string }) =>
      `${file} is a ${kind}, which is ${found}, and the input ${input} is ${expected}: give a tensor, or an input that takes a ${kind}`,
  ),
  given_file_empty: message(
    'R0531',
    ({ file, input }: GivenRow) => `${file} has no tokens for the input ${input}: give a text that is not empty`,
  ),
  class_not_named: message(
    'R0532',
    ({ data, label, names, near }: { data: string; label: string; names: readonly string[]; near?: string }) =>
      `the data ${data} has the class ${label}, and class_names of the model's recipe has only ${names.join(', ')}${suggestion(near)}: rename the class, or add it there`,
  ),
} as const;
