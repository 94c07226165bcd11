/**
 * What a compiled vision-language folder takes in one process: `node bench/small-run.mjs FOLDER TOKENS` asks ONNX Runtime about a
 * picture of noise and prints one line of JSON. Memory is what Linux says in /proc/self/status.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { generate, onnxBackend, openModel, Session } from 'mdl-compiler/runtime';

const [folder, tokens] = [process.argv[2], Number(process.argv[3])];

/** MB, 10^6 bytes: now, at most since the last call, and without pages of files. */
const memory = () => {
  const status = readFileSync('/proc/self/status', 'utf8');
  const of = (name) => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) * 1024) / 1e6;
  writeFileSync('/proc/self/clear_refs', '5'); // the peak begins anew
  return { resident: of('VmRSS'), peak: of('VmHWM'), own: of('RssAnon') };
};

/** Bytes a second of a plain copy, read and written. */
function bandwidth() {
  const [from, to] = [new Float64Array(1 << 24).fill(1), new Float64Array(1 << 24)];
  const times = Array.from({ length: 5 }, () => {
    const began = performance.now();
    to.set(from);
    return performance.now() - began;
  });
  return (2 * from.byteLength) / (Math.min(...times) / 1000);
}

const source = await openModel(folder);
const session = await Session.open(source.manifest, { backend: onnxBackend(source) });
const rows = { start: memory() };
// the largest first: what loading takes beside an entry's weights is then never on top of the others
for (const entry of ['decode', 'encode_image', 'embed_tokens']) {
  await session.load(entry);
  rows[`${entry} loaded`] = memory();
}
const { shape } = source.manifest.entries.encode_image.inputs[0];
const picture = [1, ...shape.slice(1)];
const count = picture.reduce((product, dim) => product * dim, 1);
const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.013));
const began = performance.now();
const { image_features } = await session.run('encode_image', { pixel_values: { dtype: 'f32', shape: picture, data } });
const encoded = performance.now();
rows.encode_image = memory();
const [, positions, width] = image_features.shape;
const features = { dtype: 'f32', shape: [positions, width], data: image_features.data };
const times = [];
const ids = [];
const options = {
  max_new_tokens: tokens,
  on_token: ({ token }) => {
    times.push(performance.now());
    ids.push(token);
    if (times.length === 1) rows['first token'] = memory();
  },
};
await generate(session, { embeds: [features] }, options);
rows['last token'] = memory();
await session.dispose();
const steps = times.slice(1);
const secondsPerToken = (steps.at(-1) - times[0]) / 1000 / steps.length;
const peak = Math.max(...Object.values(rows).map((row) => row.peak));
console.log(
  JSON.stringify({
    rows,
    peak,
    encodeSeconds: (encoded - began) / 1000,
    firstSeconds: (times[0] - encoded) / 1000,
    secondsPerToken,
    bandwidth: bandwidth(),
    ids,
  }),
);
