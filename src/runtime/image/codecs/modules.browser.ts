/**
 * The decoders' WebAssembly in a page: fetched as chunks of this package and compiled off the main thread, when it is asked
 * for. A page that shows no JPEG loads none of it.
 */
import { reasonOf, runtimeError } from '../../errors.ts';
import type { WasmFormat } from './formats.ts';
import { unpack } from './unpack.ts';
import { compileLater, type WasmModule } from './wasm.ts';

const PACKED: { readonly [F in WasmFormat]: () => Promise<{ readonly WASM: string }> } = {
  JPEG: () => import('./jpeg.generated.ts'),
  WebP: () => import('./webp.generated.ts'),
};
const compiled = new Map<WasmFormat, WasmModule>();

/** @throws RuntimeError R0408 before it is loaded */
export function moduleOf(format: WasmFormat): WasmModule {
  const module = compiled.get(format);
  if (!module) throw runtimeError('decoder_not_loaded', { format });
  return module;
}

/** @throws RuntimeError R0409 when the page may not compile WebAssembly, or the chunk cannot be fetched */
export async function loadModules(formats: readonly WasmFormat[]): Promise<void> {
  await Promise.all(
    formats.map(async (format) => {
      if (compiled.has(format)) return;
      try {
        const { WASM } = await PACKED[format]();
        compiled.set(format, await compileLater(unpack(WASM)));
      } catch (error) {
        throw runtimeError('decoder_loading_failed', { format, reason: reasonOf(error) }, error);
      }
    }),
  );
}
