/** Reads an adapter in PEFT's format from a folder on a web server. */
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, type AdapterBytes } from './adapters.ts';
import { reasonOf, runtimeError } from './errors.ts';

/**
 * @param url of the folder, absolute or relative to the page
 * @throws RuntimeError R0219 when the server does not give a file
 */
export async function openAdapter(url: string): Promise<AdapterBytes> {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const read = async (file: string): Promise<Uint8Array> => {
    const fail = (reason: string, cause?: unknown): Error =>
      runtimeError('adapter_not_read', { adapter: url, reason: `${file}: ${reason}` }, cause);
    const answer = await fetch(new URL(`${url.replace(/\/$/, '')}/${file}`, page)).catch((error: unknown) => {
      throw fail(reasonOf(error), error);
    });
    if (!answer.ok) throw fail(`the server answers ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  return { config: await read(ADAPTER_CONFIG), weights: await read(ADAPTER_WEIGHTS) };
}
