// TinyGPT-V nano on WebGPU in Node: node examples/node/webgpu.mjs MODEL PICTURE.png ["question"], MODEL as `mdl compile --target
// webgpu` writes it, with the same module as a page. Deno runs it too: deno run -A --unstable-webgpu examples/node/webgpu.mjs …
// It wants an adapter; answer.mjs runs on ONNX Runtime, and needs none.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decodeOnWhite, normaliseImage, preparePrompt, resizeBicubic, Tokenizer } from 'mdl-compiler/runtime';

const [folder, picture, question] = process.argv.slice(2);
const { createTinyGPTV, plan } = await import(pathToFileURL(resolve(folder, 'tinygpt-v.js')));
const model = await createTinyGPTV({ powerPreference: 'high-performance' }, `${folder}/weights.safetensors`);
const tokenizer = Tokenizer.from(await readFile(`${folder}/tokenizer.json`, 'utf8'));
const size = plan.model.config.vit.image_size;
const pixels = normaliseImage(resizeBicubic(decodeOnWhite(await readFile(picture)), size, size));
const prompt = question ? `<Img><ImageHere></Img> ${question}` : '<ImageHere>'; // the picture alone: a caption
const embeds = await preparePrompt(model.session, tokenizer, prompt, [pixels]);
const decode = (tokens) => tokenizer.decode(tokens);
const tokens = [];
for await (const { token } of model.generateStream({ embeds: [embeds] }, { stop_text: ['\n'], decode })) {
  const before = decode(tokens);
  tokens.push(token);
  process.stdout.write(decode(tokens).slice(before.length));
}
process.stdout.write('\n');
await model.dispose();
