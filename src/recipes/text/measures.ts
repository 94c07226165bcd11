/** What the loss of a language model means: it is the mean of −ln p over the tokens that are predicted. */
import type { SettingValues } from '../../shared/recipe.ts';
import { BYTES } from '../settings.ts';

/** Perplexity e^loss; where each byte is a token, bits per byte loss / ln 2 too. */
export function measures(
  { loss }: Readonly<Record<string, number>>,
  { tokenizer }: SettingValues,
): Readonly<Record<string, number>> {
  if (loss === undefined) return {};
  return { perplexity: Math.exp(loss), ...(tokenizer === BYTES ? { bits_per_byte: loss / Math.LN2 } : {}) };
}
