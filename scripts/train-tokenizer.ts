/**
 * Writes models/tokenizer-nano.json: the 512-entry vocabulary of the nano model, trained on the sentences of the
 * emoji data set, on prompts, and on the names of all emoji.
 *
 *     npx tsx scripts/train-tokenizer.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { emojiTexts } from '../src/recipes/vision-language/data/index.ts';
import { trainBpe } from '../src/runtime/tokenizer/train.ts';

const VOCAB_SIZE = 512;
const root = new URL('../', import.meta.url);

interface Emoji {
  readonly short_names: readonly string[];
}

const PROMPTS = [
  '###Human: <Img><ImageHere></Img> Take a look at this image and describe what you notice.###Assistant: ',
  '###Human: <Img><ImageHere></Img> Could you describe the contents of this image for me?###Assistant: ',
  '[INST] <Img><ImageHere></Img> [caption] Describe this image. [/INST]',
  '[INST] <Img><ImageHere></Img> [vqa] What is in this picture? [/INST]',
  'Instruct: <Img><ImageHere></Img> What do you see? /n Output: ',
  'This is a picture of an emoji. The image shows a face with a smile.\n',
];

/** Sentences of the emoji data set (what the nano model is trained to read and write), then every emoji's name once. */
export function corpus(): string[] {
  const emoji = JSON.parse(
    readFileSync(new URL('node_modules/emoji-datasource-twitter/emoji.json', root), 'utf8'),
  ) as Emoji[];
  const names = emoji.flatMap(({ short_names }) => short_names.map((short) => ` ${short.replaceAll('_', ' ')}\n`));
  return [...emojiTexts(4000), ...PROMPTS.flatMap((prompt) => Array<string>(20).fill(prompt)), ...names];
}

export const OUTPUT = fileURLToPath(new URL('models/tokenizer-nano.json', root));

export function tokenizerText(): string {
  return `${JSON.stringify(trainBpe(corpus(), VOCAB_SIZE), null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(OUTPUT, tokenizerText());
