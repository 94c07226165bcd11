/** Integers in float64: exact up to 2⁵³, where int64 goes on to 2⁶³. */

/** @throws Error where an integer result may not be the one that int64 gives */
export function exact(result: Float64Array): Float64Array {
  const past = result.find((value) => !Number.isSafeInteger(value));
  if (past !== undefined)
    throw new Error(`an integer is ${past}, past 2^53, and this backend computes in float64: run on the backend onnx`);
  return result;
}
