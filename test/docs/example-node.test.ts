/** The example in Node, run as its first line says, on a package that was just built. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Built, buildPackage } from './built.ts';

const PICTURE = 'node_modules/emoji-datasource-twitter/img/twitter/64/1f436.png';
let built: Built;
beforeAll(async () => {
  built = buildPackage();
  const weights = "--weights models/nano-pretrained.safetensors --allow-missing '**.lora_*'";
  const made = await built.run(`node dist/mdl.js compile models/tinygpt-v.mdl --config nano ${weights} --out nano`);
  expect(made.code).toBe(0);
});
afterAll(() => built?.remove());

it('captions a picture and answers a question', async () => {
  const caption = await built.run(`node examples/node/answer.mjs nano ${PICTURE}`);
  expect(caption).toMatchObject({ code: 0, stdout: 'a picture of a dog\n' });
  const answer = await built.run(`node examples/node/answer.mjs nano ${PICTURE} "what is this?"`);
  expect(answer).toMatchObject({ code: 0, stdout: 'dog\n' });
});
