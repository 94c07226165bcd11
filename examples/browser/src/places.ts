/** Where the compiled model and ONNX Runtime's WebAssembly lie, relative to the page. */
export const MODEL = 'model';
export const ORT = {
  wasm: 'ort/ort-wasm-simd-threaded.wasm',
  threads: 1, // more want cross-origin isolation, which a plain web server does not give
} as const;
