/**
 * Runs in the page: what page.test.ts calls there, by name, as `page.compile(…)`. Results are plain JSON.
 *
 * `/compiler.js` is the compiler core with its packages, `/dist/` the package's own files; `onnxruntime-web` comes
 * from the import map of the page.
 */
import { compile, diagnosticsToJson, graphsOf, TARGETS } from '/compiler.js';
import {
  ask,
  decodeImage,
  encodeImage,
  loadImageDecoders,
  openSession,
  preprocessImage,
  Tokenizer,
} from '/dist/runtime.browser.js';

/** @param {Uint8Array} bytes */
async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function bytesOf(url) {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

globalThis.page = {
  /** Compiles files given as text: diagnostics, and the hash of each graph's bytes. */
  async compile({ path, files, config }) {
    const compilation = compile(path, { read: (name) => files[name] }, config ? { config } : {});
    const built = compilation.model && graphsOf(compilation.model);
    const artifact = built && TARGETS.onnx.compile(built, { opset: 17 });
    const graphs = {};
    for (const [name, bytes] of artifact?.files(null) ?? []) graphs[name] = await sha256(bytes);
    return { report: diagnosticsToJson(compilation.diagnostics()), graphs };
  },

  /** Opens a compiled model over URLs, looks at a picture, answers greedily. */
  async answer({ model, tokenizer, picture, prompt, tokens, size }) {
    const session = await openSession(model);
    const image = await bytesOf(picture);
    const codec = Tokenizer.from(await (await fetch(tokenizer)).text());
    const answer = await ask(session, codec, { prompt, images: [image] }, { max_new_tokens: tokens });
    const embeds = await encodeImage(session, preprocessImage(image, { size }));
    const { backend } = session.info();
    await session.dispose();
    return { tokens: answer.tokens, text: answer.text, backend, embeds: [...embeds.data] };
  },

  /** Decodes files that come as base64, before and after the decoders are loaded: the pixels' hash, or the error. */
  async decode({ files, background, load }) {
    if (load) await loadImageDecoders();
    return Promise.all(
      files.map(async (file) => {
        const bytes = Uint8Array.from(atob(file), (character) => character.charCodeAt(0));
        try {
          return await sha256(decodeImage(bytes, { background, exif_orientation: true }).data);
        } catch (error) {
          return error.code;
        }
      }),
    );
  },
};
