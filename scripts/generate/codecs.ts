/**
 * The WebAssembly of the JPEG and WebP decoders as text in modules: compressed, in base64, so that every bundler and every
 * host has them without fetching a file. Compressed by fflate, whose bytes do not depend on the version of Node.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'fflate';
import { banner, type Generator } from './files.ts';

const FOLDER = 'src/runtime/image/codecs';
const CODECS = [
  { name: 'jpeg', from: 'node_modules/@cwasm/jpeg-turbo/jpeg-turbo.wasm' },
  { name: 'webp', from: 'node_modules/@cwasm/webp/webp.wasm' },
];

export const codecs: Generator = {
  name: 'codecs',
  inputs: CODECS.map(({ from }) => from),
  async generate(root) {
    return CODECS.map(({ name, from }) => {
      const packed = Buffer.from(deflateSync(readFileSync(join(root, from)), { level: 9 })).toString('base64');
      const text = `${banner(from)}export const WASM =\n  '${packed}';\n`;
      return { path: `${FOLDER}/${name}.generated.ts`, text };
    });
  },
};
