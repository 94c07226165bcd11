/** The formats that are decoded by WebAssembly; PNG is decoded by this program itself. */
export const WASM_FORMATS = ['JPEG', 'WebP'] as const;
export type WasmFormat = (typeof WASM_FORMATS)[number];
