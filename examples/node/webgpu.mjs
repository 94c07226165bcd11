// TinyGPT-V nano on WebGPU in Node: node examples/node/webgpu.mjs MODEL PICTURE.png ["question"], MODEL as `mdl compile --target
// webgpu` writes it, with the same module as a page. Deno runs it too: deno run -A --unstable-webgpu examples/node/webgpu.mjs …
// It wants an adapter; answer.mjs runs on ONNX Runtime, and needs none.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { imageSettings, preparePrompt, preprocessImage, streamText, Tokenizer } from 'mdl-compiler/runtime';

const [folder, picture, question] = process.argv.slice(2);
const { createTinyGPTV, plan } = await import(pathToFileURL(resolve(folder, 'tinygpt-v.js')));
const model = await createTinyGPTV({ powerPreference: 'high-performance' }, `${folder}/weights.safetensors`);
const tokenizer = Tokenizer.from(await readFile(`${folder}/tokenizer.json`, 'utf8'));
const { config } = plan.model;
// as the model was trained: its background, its statistics, photographs upright
const pixels = preprocessImage(await readFile(picture), { size: config.vit.image_size, ...imageSettings(config) });
const prompt = question ? `<Img><ImageHere></Img> ${question}` : '<ImageHere>'; // the picture alone: a caption
const embeds = await preparePrompt(model.session, tokenizer, prompt, [pixels]);
const decode = (tokens) => tokenizer.decode(tokens);
const pieces = streamText(model.session, { embeds: [embeds] }, { stop_text: ['\n'], decode });
for await (const piece of pieces) process.stdout.write(piece);
process.stdout.write('\n');
await model.dispose();
