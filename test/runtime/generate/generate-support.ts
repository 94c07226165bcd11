/** Models of a few tokens. */
import { generate } from '../../../src/runtime/generate/generate.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { fakeModel, type NextLogits } from './fake-model.ts';

export const tokensOf = async (next: NextLogits, vocabulary: number, ids: number[][], options: GenerateOptions) =>
  (await generate(fakeModel(vocabulary, next).session, { input_ids: ids }, options)).rows.map(({ tokens }) => tokens);
