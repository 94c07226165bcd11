// TinyGPT-V nano in Node: node examples/node/answer.mjs MODEL PICTURE.png ["question"], MODEL as `mdl compile` writes it
import { readFile } from 'node:fs/promises';
import {
  decodeOnWhite,
  generateStream,
  normaliseImage,
  openSession,
  preparePrompt,
  resizeBicubic,
  Tokenizer,
} from 'mdl-compiler/runtime';

const [model, picture, question] = process.argv.slice(2);
const session = await openSession(model, { backend: 'onnx' });
const tokenizer = Tokenizer.from(await readFile(`${model}/tokenizer.json`, 'utf8'));
const size = session.manifest.model.config.vit.image_size;
const pixels = normaliseImage(resizeBicubic(decodeOnWhite(await readFile(picture)), size, size));
const prompt = question ? `<Img><ImageHere></Img> ${question}` : '<ImageHere>'; // the picture alone: a caption
const embeds = await preparePrompt(session, tokenizer, prompt, [pixels]);
const decode = (tokens) => tokenizer.decode(tokens);
const tokens = [];
for await (const { token } of generateStream(session, { embeds: [embeds] }, { stop_text: ['\n'], decode })) {
  const before = decode(tokens);
  tokens.push(token);
  process.stdout.write(decode(tokens).slice(before.length));
}
process.stdout.write('\n');
await session.dispose();
