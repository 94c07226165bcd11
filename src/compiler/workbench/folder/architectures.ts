/**
 * Which file of models/ each `model_type` of transformers is, and what becomes of each key of its config.json: a value of the model's config, a
 * flag, or a value that the file is written for. Keys that no numbers depend on are listed with the reason; any other key is refused.
 */
import { DECODERS } from './decoders.ts';
import { DECODERS_APART } from './decoders-apart.ts';
import { ENCODERS } from './encoders.ts';
import type { Architecture } from './fields.ts';
import { VISION_LANGUAGE_MODELS } from './vision-language.ts';

/** By `model_type`. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  ...DECODERS,
  ...DECODERS_APART,
  ...ENCODERS,
  ...VISION_LANGUAGE_MODELS,
};
