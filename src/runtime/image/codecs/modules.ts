/**
 * The decoders' WebAssembly outside pages: there with the program, compiled when the first image of its format is decoded.
 * In a page modules.browser.ts stands in for this file (`imports` in package.json).
 */
import type { WasmFormat } from './formats.ts';
import { WASM as JPEG } from './jpeg.generated.ts';
import { unpack } from './unpack.ts';
import { compileNow, type WasmModule } from './wasm.ts';
import { WASM as WEBP } from './webp.generated.ts';

const PACKED: { readonly [F in WasmFormat]: string } = { JPEG, WebP: WEBP };
const compiled = new Map<WasmFormat, WasmModule>();

export function moduleOf(format: WasmFormat): WasmModule {
  let module = compiled.get(format);
  if (!module) {
    module = compileNow(unpack(PACKED[format]));
    compiled.set(format, module);
  }
  return module;
}

/** Nothing to wait for here. */
export async function loadModules(_formats: readonly WasmFormat[]): Promise<void> {}
