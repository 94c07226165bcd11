/**
 * Entries that are functions of a WebAssembly module (compiler/backends/wasm): an optimiser's update, computed where its
 * tensors lie. What a run keeps is a view of the module's memory; fed to the next run, it is not copied.
 */
import type { KernelCall } from '../shared/artifact.ts';
import type { HostTensor } from '../shared/tensor.ts';
import type { HostProgram } from './backend.host.ts';
import type { EntryPorts, Tensors } from './backend.ts';
import { LentTensor } from './lent.ts';

const PAGE = 65_536;
/** pages that 32-bit addresses reach */
const MOST_PAGES = 65_536;
/** bytes that a vector has */
const VECTOR = 16;

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
type Kernel = (...numbers: readonly number[]) => void;
type Imports = { readonly host: { readonly memory: WasmMemory; readonly tanh: (x: number) => number } };

/** Node's types and the DOM's declare it differently, and this code is checked with neither. */
declare const WebAssembly: {
  readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => WasmMemory;
  instantiate(
    bytes: Uint8Array,
    imports: Imports,
  ): Promise<{ readonly instance: { readonly exports: { readonly [name: string]: Kernel } } }>;
};

/** Where an input lies, and the output that takes its place. */
interface Place {
  readonly input: string;
  readonly output: string | undefined;
  readonly shape: readonly number[];
  readonly view: Float32Array;
  /** an output here that a caller may still have */
  holder: LentTensor | undefined;
}

interface Launch {
  readonly kernel: Kernel;
  /** addresses, then bytes */
  readonly fixed: readonly number[];
  readonly scalars: readonly string[];
}

const bytesOf = (elements: number): number => VECTOR * Math.ceil((4 * elements) / VECTOR);

/**
 * @param calls checked against the entry's ports (`parseManifest`)
 * @returns undefined where the tensors do not fit into its memory, or the engine does not take the module (no SIMD, a
 * Content-Security-Policy): the entry's graph computes the same
 */
export async function kernelProgram(
  module: Uint8Array,
  calls: readonly KernelCall[],
  { inputs }: EntryPorts,
): Promise<HostProgram | undefined> {
  const bytes = calls.reduce((sum, { tensors, elements }) => sum + tensors.length * bytesOf(elements), 0);
  const pages = Math.max(1, Math.ceil(bytes / PAGE));
  if (pages > MOST_PAGES) return undefined;
  let memory: WasmMemory;
  let kernels: { readonly [name: string]: Kernel };
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const host = { memory, tanh: Math.tanh };
    kernels = (await WebAssembly.instantiate(module, { host })).instance.exports;
  } catch {
    return undefined;
  }
  const shapeOf = new Map(inputs.map(({ name, shape }) => [name, shape as readonly number[]]));
  const places: Place[] = [];
  let end = 0;
  const launches = calls.map(({ kernel, tensors, scalars, elements }): Launch => {
    const addresses = tensors.map(({ input, output }) => {
      const address = end;
      end += bytesOf(elements);
      const view = new Float32Array(memory.buffer, address, elements);
      places.push({ input, output, shape: shapeOf.get(input)!, view, holder: undefined });
      return address;
    });
    const found = kernels[kernel];
    if (found?.length !== addresses.length + 1 + scalars.length)
      throw new Error(`the module has no function ${kernel} of ${addresses.length + 1 + scalars.length} numbers`);
    return { kernel: found, fixed: [...addresses, bytesOf(elements)], scalars };
  });
  return {
    async run(feeds, fetch, keep) {
      place(places, feeds, memory);
      for (const { kernel, fixed, scalars } of launches)
        kernel(...fixed, ...scalars.map((name) => Number(feeds[name]!.data[0])));
      return resultsOf(places, fetch, keep);
    },
    async dispose() {
      for (const { holder } of places) holder?.moveOut();
    },
  };
}

/** Brings the feeds to their places. What lies there and is fed is used up; what a caller still has goes elsewhere. */
function place(places: readonly Place[], feeds: Tensors, memory: WasmMemory): void {
  const given = places.map(({ input, view }) => {
    const data = feeds[input]!.data as Float32Array;
    const here = data.buffer === memory.buffer && data.byteOffset === view.byteOffset;
    // another place's numbers, which what is copied there may overwrite
    return { here, data: !here && data.buffer === memory.buffer ? data.slice() : data };
  });
  for (const [index, one] of places.entries()) {
    const { here, data } = given[index]!;
    if (here) {
      if (one.output !== undefined) one.holder?.release();
    } else {
      one.holder?.moveOut();
      one.view.set(data);
    }
    one.holder = undefined;
  }
}

function resultsOf(
  places: readonly Place[],
  fetch: readonly string[] | undefined,
  keep: readonly string[] | 'all' = [],
): Record<string, HostTensor> {
  const results: Record<string, HostTensor> = {};
  for (const one of places) {
    const { output, shape, view } = one;
    if (output === undefined || (fetch && !fetch.includes(output))) continue;
    if (keep !== 'all' && !keep.includes(output)) {
      results[output] = { dtype: 'f32', shape, data: view.slice() };
      continue;
    }
    one.holder = new LentTensor(output, shape, view);
    results[output] = one.holder;
  }
  return results;
}
