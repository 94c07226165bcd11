/** What batches must be to be fed to the loss entry: names, dtypes and sizes are compared before anything is trained. */
import { runtimeError } from '../../runtime/errors.ts';
import type { DType } from '../../shared/dtype.ts';
import type { RecipeModel } from '../recipe.ts';

/** A tensor that data gives: its dtype, and its shape with undefined for a size that may be anything. */
export interface GivenInput {
  readonly dtype: DType;
  readonly shape: readonly (number | undefined)[];
}

export interface Given {
  /** the recipe's name */
  readonly recipe: string;
  /** for messages: `the data corpus.txt` */
  readonly what: string;
  readonly inputs: { readonly [name: string]: GivenInput };
  /** without these the data has no effect */
  readonly needed: readonly string[];
}

const shapeText = (dtype: DType, shape: readonly unknown[]): string =>
  `${dtype} [${shape.map((size) => String(size ?? 'any')).join(', ')}]`;

/**
 * The names of the loss entry's inputs, each of which the data gives in the dtype and sizes that it takes.
 * @throws RuntimeError R1142, R1143, R1144
 */
export function inputsOf(model: RecipeModel, { recipe, what, inputs, needed }: Given): readonly string[] {
  const ports = model.entry('loss')?.inputs ?? [];
  const names = ports.map(({ name }) => name);
  const missing = needed.find((name) => !names.includes(name));
  if (missing !== undefined)
    throw runtimeError('data_input_missing', { recipe, model: model.name, input: missing, found: names });
  const symbols = new Map<string, number>();
  for (const { name, dtype, shape } of ports) {
    const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    if (!given)
      throw runtimeError('data_input_unknown', { recipe, model: model.name, input: name, given: Object.keys(inputs) });
    const sizeFits = (size: number | undefined, axis: number): boolean => {
      const port = shape[axis]!;
      if (size === undefined) return true;
      if (typeof port === 'number') return port === size;
      if (!/^\w+$/.test(port)) return true; // `P + T`: the session judges it
      const before = symbols.get(port) ?? size;
      symbols.set(port, before);
      return before === size;
    };
    if (given.dtype !== dtype || given.shape.length !== shape.length || !given.shape.every(sizeFits)) {
      const [found, expected] = [shapeText(given.dtype, given.shape), shapeText(dtype, shape)];
      throw runtimeError('data_input_form', { what, input: name, found, expected });
    }
  }
  return names;
}
