/** Whether a model has a position for each token of a row. */
import { runtimeError } from '../../runtime/errors.ts';
import type { RecipeModel } from '../recipe.ts';

/** Before anything is read or trained. @throws RuntimeError R0570 for rows that are longer than the table of positions */
export function checkPositions(model: RecipeModel, length: number): void {
  const range = model.entry('loss')?.inputs.find(({ name }) => name === 'position_ids')?.range;
  if (!range || typeof range.high !== 'number' || length <= range.high) return;
  throw runtimeError('rows_past_positions', { length, model: model.name, positions: range.high });
}
