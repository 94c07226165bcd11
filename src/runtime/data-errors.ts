/** Messages about the data of recipes for any model: files, rows, and the inputs that batches are for. Part of the catalogue in errors.ts. */
import { message } from './message.ts';

const list = (names: readonly string[]): string => names.join(', ') || 'none';

export const DATA_MESSAGES = {
  data_row: message(
    'R1140',
    ({ place, reason, expected }: { place: string; reason: string; expected: string }) =>
      `${place} ${reason}, and ${expected} is expected: correct it or give --on-bad-row skip`,
  ),
  data_path: message(
    'R1141',
    ({ path, reason, expected }: { path: string; reason: string; expected: string }) =>
      `the data ${path} cannot be used (${reason}): give ${expected}`,
  ),
  data_input_unknown: message(
    'R1142',
    ({ recipe, model, input, given }: { recipe: string; model: string; input: string; given: readonly string[] }) =>
      `the loss of ${model} takes ${input}, which data of the recipe ${recipe} does not have: it gives ${list(given)}`,
  ),
  data_input_missing: message(
    'R1143',
    ({ recipe, model, input, found }: { recipe: string; model: string; input: string; found: readonly string[] }) =>
      `the recipe ${recipe} trains by the input ${input} of the loss, and ${model} takes ${list(found)}: add it, or call one so`,
  ),
  data_input_form: message(
    'R1144',
    ({ what, input, found, expected }: { what: string; input: string; found: string; expected: string }) =>
      `${what} has ${found} for the input ${input} of the loss, which takes ${expected}: change data, settings or model`,
  ),
  data_nothing: message(
    'R1145',
    ({ name, split, reason }: { name: string; split: string; reason: string }) =>
      `the data ${name} gives no rows for ${split} (${reason}): add data or change the settings`,
  ),
  data_picture: message(
    'R1146',
    ({ file, reason }: { file: string; reason: string }) =>
      `the picture ${file} cannot be used: ${reason}; replace it, or give --on-bad-row skip`,
  ),
  data_classes: message(
    'R1147',
    ({ name, found, model, expected }: { name: string; found: number; model: string; expected: number }) =>
      `${name} has ${found} classes and the logits of ${model} have ${expected}: give the model as many classes as the data, or more`,
  ),
  data_module: message(
    'R1148',
    ({ file, reason }: { file: string; reason: string }) =>
      `the data module ${file} ${reason}: export as default a data source, { name, batch(step) } or { name, rows, row(index) }, or a function that makes one from the request`,
  ),
} as const;
