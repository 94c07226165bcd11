/** A compiled model on a web server. */
import type { ModelSource } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';
import { parseManifest } from './manifest.ts';

/**
 * Opens the model at a URL: of the directory that the compiler wrote, or of the manifest in it.
 * @throws RuntimeError R0202 (manifest), R0203 (nothing there)
 */
export async function openModel(url: string): Promise<ModelSource & { locate(file: string): string }> {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const manifestUrl = new URL(url.endsWith('.json') ? url : `${url.replace(/\/$/, '')}/manifest.json`, page);
  const get = async (target: URL): Promise<Response> => {
    const answer = await fetch(target).catch((error: unknown) => {
      throw runtimeError('model_not_found', { file: url, reason: reasonOf(error) }, error);
    });
    if (!answer.ok)
      throw runtimeError('model_not_found', { file: url, reason: `${target.href} answers ${answer.status}` });
    return answer;
  };
  const manifest = parseManifest(await (await get(manifestUrl)).text(), manifestUrl.href);
  const locate = (file: string): string => new URL(file.split('/').map(encodeURIComponent).join('/'), manifestUrl).href;
  return {
    location: new URL('.', manifestUrl).href,
    manifest,
    locate,
    read: async (file) => new Uint8Array(await (await get(new URL(locate(file)))).arrayBuffer()),
  };
}
