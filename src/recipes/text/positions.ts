/** Whether a model has a position for each token of a row. */
import { runtimeError } from '../../runtime/errors.ts';
import type { RecipeModel } from '../recipe.ts';

/** Before anything is read or trained. @throws RuntimeError R1144 for rows that are longer than the table of positions */
export function checkPositions(model: RecipeModel, length: number, data: string): void {
  const input = 'position_ids';
  const range = model.entry('loss')?.inputs.find(({ name }) => name === input)?.range;
  if (!range || typeof range.high !== 'number' || length <= range.high) return;
  const found = `rows of --length ${length}`;
  const expected = `${range.high} positions, --length ${range.high} at most`;
  throw runtimeError('data_input_form', { what: `a batch of ${data}`, input, found, expected });
}
