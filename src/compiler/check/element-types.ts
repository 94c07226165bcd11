/** What a tensor's elements may be, and what other languages call it. */
import type { DType } from '../../shared/dtype.ts';

export const ELEMENT_TYPES = ['int', 'float', 'bool'] as const;
export type ElementType = (typeof ELEMENT_TYPES)[number];

const DTYPES: { readonly [E in ElementType]: DType } = { int: 'i64', float: 'f32', bool: 'bool' };

const FOREIGN: readonly (readonly [RegExp, ElementType])[] = [
  [/^(u?int|[iu])(8|16|32|64)$|^(integer|long)$/i, 'int'],
  [/^(bfloat|float|bf|f)(16|32|64)$|^(half|double)$/i, 'float'],
  [/^boolean$/i, 'bool'],
];

/** `i64`, `int32`, `long` → int; `f32`, `float16`, `double` → float: what was meant, not what is stored. */
export function elementMeant(name: string): ElementType | undefined {
  return FOREIGN.find(([pattern]) => pattern.test(name))?.[1];
}

/** The dtype of a declared element; of one that is an error already what was meant, so that it is one error. */
export function dtypeOf(element: string | undefined): DType {
  const known = ELEMENT_TYPES.find((type) => type === element) ?? elementMeant(element ?? '');
  return DTYPES[known ?? 'float'];
}
