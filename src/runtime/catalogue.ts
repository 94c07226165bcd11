/** Every error of the runtime with its message and its long form, for `mdl explain`, the docs and tests. */
import { MESSAGES, type RuntimeErrorCode, type RuntimeErrorName } from './errors.ts';
import { EXPLANATIONS } from './explanations.ts';

type MessageOf<C extends RuntimeErrorCode> = Extract<(typeof MESSAGES)[RuntimeErrorName], { readonly code: C }>['text'];

/** Message and long form of every error of the runtime, by code. */
export const CATALOGUE = Object.fromEntries(
  Object.values(MESSAGES).map(({ code, text }) => [code, { message: text, explanation: EXPLANATIONS[code] }]),
) as { readonly [C in RuntimeErrorCode]: { readonly message: MessageOf<C>; readonly explanation: string } };
