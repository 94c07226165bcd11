/** Every error of the runtime with its message and its long form, for `mdl explain`, the docs and tests. */
import { MESSAGES, type RuntimeErrorCode } from './errors.ts';
import { EXPLANATIONS } from './explanations.ts';

export const CATALOGUE = Object.fromEntries(
  (Object.keys(MESSAGES) as RuntimeErrorCode[]).map((code) => [
    code,
    { message: MESSAGES[code], explanation: EXPLANATIONS[code] },
  ]),
) as { readonly [C in RuntimeErrorCode]: { readonly message: (typeof MESSAGES)[C]; readonly explanation: string } };
