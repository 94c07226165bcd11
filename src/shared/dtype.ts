/**
 * Element types of tensors in the IR.
 *
 * `f32` is every real number, `i64` every integer (token ids, positions), `bool` every mask. Targets
 * choose the storage: ONNX writes `i64` as INT64 because the clients of its layout feed int64; the
 * reference interpreter holds all three in Float64Array.
 */
export const DTYPES = ['f32', 'i64', 'bool'] as const;
export type DType = (typeof DTYPES)[number];

export function isDType(text: string): text is DType {
  return (DTYPES as readonly string[]).includes(text);
}
