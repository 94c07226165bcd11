/**
 * Prompts of different lengths as one batch, padded on the LEFT with zero vectors.
 *
 *     embeddings  0 0 a b c     mask  0 0 1 1 1     positions  1 1 0 1 2
 *                 d e f g h           1 1 1 1 1                0 1 2 3 4
 *
 * As the authors' generation: positions are cumsum(mask) − 1, padded ones 1, so the last column is the last token of
 * every prompt.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { runtimeError } from '../errors.ts';

export interface PromptBatch {
  /** [B, T, d] */
  readonly inputs_embeds: HostTensor;
  /** per row, T entries of 0 or 1 */
  readonly mask: readonly (readonly number[])[];
}

/**
 * @param rows one tensor [T_i, d] (or [1, T_i, d]) per prompt
 * @throws RuntimeError R0302 when a prompt is empty or the widths differ
 */
export function leftPad(rows: readonly HostTensor[]): PromptBatch {
  if (rows.length === 0) throw runtimeError('prompt_form', { row: 0, reason: 'is missing' });
  const width = rows[0]!.shape.at(-1) ?? 0;
  const lengths = rows.map(({ dtype, shape, data }, row) => {
    const isMatrix = shape.length === 2 || (shape.length === 3 && shape[0] === 1);
    if (dtype !== 'f32' || !isMatrix)
      throw runtimeError('prompt_form', { row, reason: `is ${dtype} [${shape.join(', ')}] and not f32 [T, d]` });
    if (shape.at(-1) !== width)
      throw runtimeError('prompt_form', {
        row,
        reason: `has embeddings of width ${shape.at(-1)} and prompt 0 of ${width}`,
      });
    if (data.length === 0) throw runtimeError('prompt_form', { row, reason: 'is empty' });
    return shape.at(-2)!;
  });
  const longest = Math.max(...lengths);
  const padded = new Float32Array(rows.length * longest * width);
  const mask = rows.map(({ data }, row) => {
    const pads = longest - lengths[row]!;
    padded.set(data as Float32Array, (row * longest + pads) * width);
    return Array.from({ length: longest }, (_, i) => (i < pads ? 0 : 1));
  });
  return { inputs_embeds: { dtype: 'f32', shape: [rows.length, longest, width], data: padded }, mask };
}

/** cumsum(mask) − 1, and 1 where the mask is 0 */
export function positionsOf(mask: readonly number[]): number[] {
  let count = 0;
  return mask.map((on) => {
    count += on;
    return on === 0 ? 1 : count - 1;
  });
}
