/** Reads an adapter in PEFT's format from a folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, type AdapterBytes } from './adapters.ts';
import { reasonOf, runtimeError } from './errors.ts';

/** @throws RuntimeError R0219 when a file is missing */
export async function openAdapter(folder: string): Promise<AdapterBytes> {
  const read = (file: string): Promise<Uint8Array> =>
    readFile(join(folder, file)).catch((error: unknown) => {
      throw runtimeError('adapter_not_read', { adapter: folder, reason: `${file}: ${reasonOf(error)}` }, error);
    });
  return { config: await read(ADAPTER_CONFIG), weights: await read(ADAPTER_WEIGHTS) };
}
