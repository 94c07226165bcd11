/** The examples in Node, run as their first lines say, on a package that was just built. */
import { beforeAll, expect, it } from 'vitest';
import { unavailable as noDeno } from '../hosts/deno.ts';
import { unavailable } from '../support/adapter.ts';
import { type Built, buildPackage } from './built.ts';

const PICTURE = 'node_modules/emoji-datasource-twitter/img/twitter/64/1f436.png';
let built: Built;
beforeAll(async () => {
  built = buildPackage();
  const weights = "--weights models/nano-pretrained.safetensors --allow-missing '**.lora_*'";
  for (const [target, out] of [
    ['onnx', 'nano'],
    ['webgpu', 'nano-webgpu'],
  ]) {
    const settings = `--config nano ${weights} --target ${target} --out ${out}`;
    const made = await built.run(`node dist/mdl.js compile models/tinygpt-v.mdl ${settings}`);
    expect(made.code, made.stderr).toBe(0);
  }
});

it('captions a picture and answers a question on ONNX Runtime', async () => {
  const caption = await built.run(`node examples/node/answer.mjs nano ${PICTURE}`);
  expect(caption).toMatchObject({ code: 0, stdout: 'a picture of a dog\n' });
  const answer = await built.run(`node examples/node/answer.mjs nano ${PICTURE} "what is this?"`);
  expect(answer).toMatchObject({ code: 0, stdout: 'dog\n' });
});

it('trains a model of its own from code', { timeout: 300_000 }, async () => {
  const done = await built.run('node examples/node/train.mjs examples/gpt.mdl docs/recipes.md 2 bytes');
  expect(done, done.stderr).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^step 1 {2}loss 5\.\d{4}\nstep 2 {2}loss 5\.\d{4}\n$/),
  });
});

it('ablates a flag of a model from code', { timeout: 300_000 }, async () => {
  const done = await built.run(
    'node examples/node/ablate.mjs examples/gpt.mdl docs/recipes.md tie_embeddings train_all 1 bytes',
  );
  expect(done, done.stderr).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^full {2}loss 5\.\d{4} {2}difference –\nno-tie_embeddings {2}loss 5\.\d{4} {2}difference -?0\.\d{4}\n$/,
    ),
  });
});

// kernels compile slowly on a software adapter: a caption here, an answer there
it.skipIf(unavailable)('captions with the generated module on WebGPU', { timeout: 120_000 }, async () => {
  const caption = await built.run(`node examples/node/webgpu.mjs nano-webgpu ${PICTURE}`);
  expect(caption).toMatchObject({ code: 0, stdout: 'a picture of a dog\n', stderr: '' });
});

it.skipIf(noDeno)(`answers with it in Deno${noDeno ? ` (${noDeno})` : ''}`, { timeout: 120_000 }, async () => {
  const deno = 'node_modules/.bin/deno run --allow-all --unstable-webgpu';
  const answer = await built.run(`${deno} examples/node/webgpu.mjs nano-webgpu ${PICTURE} "what is this?"`);
  expect(answer).toMatchObject({ code: 0, stdout: 'dog\n' });
});
