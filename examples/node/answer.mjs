// TinyGPT-V nano in Node: node examples/node/answer.mjs MODEL PICTURE.png ["question"], MODEL as `mdl compile` writes it
import { readFile } from 'node:fs/promises';
import {
  imageSettings,
  openSession,
  preparePrompt,
  preprocessImage,
  streamText,
  Tokenizer,
} from 'mdl-compiler/runtime';

const [model, picture, question] = process.argv.slice(2);
const session = await openSession(model, { backend: 'onnx' });
const tokenizer = Tokenizer.from(await readFile(`${model}/tokenizer.json`, 'utf8'));
const { config } = session.manifest.model;
// as the model was trained: its background, its statistics, photographs upright
const pixels = preprocessImage(await readFile(picture), { size: config.vit.image_size, ...imageSettings(config) });
const prompt = question ? `<Img><ImageHere></Img> ${question}` : '<ImageHere>'; // the picture alone: a caption
const embeds = await preparePrompt(session, tokenizer, prompt, [pixels]);
const decode = (tokens) => tokenizer.decode(tokens);
const pieces = streamText(session, { embeds: [embeds] }, { stop_text: ['\n'], decode });
for await (const piece of pieces) process.stdout.write(piece);
process.stdout.write('\n');
await session.dispose();
