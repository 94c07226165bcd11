/**
 * The part of WebAssembly's JavaScript interface that the image decoders use. Both are C libraries with flat exports:
 * bytes go into their memory, a function returns pointers, pixels are read out.
 */

/** A compiled decoder; each image gets an instance of its own, so that none leaves anything behind, errors included. */
export interface WasmModule {
  readonly brand: 'WebAssembly.Module';
}

export type WasmFunction = (...numbers: readonly number[]) => number;

export interface WasmExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly [name: string]: WasmFunction | { readonly buffer: ArrayBuffer };
}

type HostFunctions = { readonly [module: string]: { readonly [name: string]: (...numbers: number[]) => number } };

/** Node's types and the DOM's declare it differently, and this code is checked with neither. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: HostFunctions) => { readonly exports: WasmExports };
  compile(bytes: Uint8Array): Promise<WasmModule>;
};

export function compileNow(bytes: Uint8Array): WasmModule {
  return new WebAssembly.Module(bytes);
}

/** Off the main thread; pages may not compile much on it. */
export function compileLater(bytes: Uint8Array): Promise<WasmModule> {
  return WebAssembly.compile(bytes);
}

/** The C library's way to give up: `longjmp` to where it was entered, or the end of the process. */
export class GaveUp extends Error {}

const giveUp = (): never => {
  throw new GaveUp();
};
const zero = (): number => 0;

/** They have no files, no environment and no output: what libjpeg would print is dropped. */
const HOST: HostFunctions = {
  env: { setjmp: zero, longjmp: giveUp },
  wasi_snapshot_preview1: {
    proc_exit: giveUp,
    environ_sizes_get: zero,
    environ_get: zero,
    fd_close: zero,
    fd_seek: zero,
    fd_write: zero,
  },
};

/** An instance with its memory. @throws GaveUp when a call gives up, or memory runs out */
export class Codec {
  private readonly exports: WasmExports;

  constructor(module: WasmModule) {
    this.exports = new WebAssembly.Instance(module, HOST).exports;
  }

  call(name: string, ...numbers: readonly number[]): number {
    return (this.exports[name] as WasmFunction)(...numbers) >>> 0;
  }

  allocate(bytes: number): number {
    const pointer = this.call('malloc', bytes);
    if (pointer === 0) throw new GaveUp();
    return pointer;
  }

  /** Copies bytes in. */
  place(bytes: Uint8Array): number {
    const pointer = this.allocate(bytes.length);
    this.bytes(pointer, bytes.length).set(bytes);
    return pointer;
  }

  /** A view, until the next call: memory that grows is another buffer. */
  bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, pointer, length);
  }

  words(pointer: number, length: number): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, pointer, length);
  }
}
