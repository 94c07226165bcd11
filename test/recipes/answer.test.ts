/** Answers of the recipe vision-language: files that are no pictures, settings of a question that do not fit. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { visionLanguage } from '../../src/recipes/vision-language/recipe.node.ts';
import type { Session } from '../../src/runtime/session.ts';
import { Tokenizer } from '../../src/runtime/tokenizer/tokenizer.ts';
import type { ConfigValue } from '../../src/shared/artifact.ts';

const tokenizer = Tokenizer.from(readFileSync(new URL('../../models/tokenizer-nano.json', import.meta.url), 'utf8'));
/** Nothing is run before the files and the settings are read. */
const session = {
  manifest: {
    model: { name: 'M', config: {}, recipe: { name: 'vision-language', settings: { image_size: 56 } } },
    entries: {},
  },
} as unknown as Session;
const asked = (bytes: Uint8Array, settings: { readonly [name: string]: ConfigValue } = {}) =>
  visionLanguage.answer!(session, tokenizer, { prompt: 'hi', files: [{ name: 'notes.png', bytes }], settings }, {});

test('a file that is no picture is named', async () => {
  await expect(asked(new TextEncoder().encode('notes'))).rejects.toMatchObject({
    code: 'R1127',
    message: expect.stringMatching(/^the file notes\.png cannot be used: /),
  });
});

test('settings of a question are checked', async () => {
  await expect(asked(new Uint8Array(), { max_pixels: 0 })).rejects.toMatchObject({ code: 'R1121' });
  await expect(asked(new Uint8Array(), { max_pixel: 9 })).rejects.toMatchObject({ code: 'R1120' });
});
