/** Opens a checkpoint from a server: a .safetensors file, or an index of shards beside it. */
import { reasonOf, runtimeError } from '../errors.ts';
import { Checkpoint } from './checkpoint.ts';
import { urlSource } from './source.browser.ts';

/**
 * @param url absolute
 * @throws RuntimeError R0118 when there is nothing to open, R0101–R0117 when a file is not as it should be
 */
export async function openCheckpoint(url: string): Promise<Checkpoint> {
  if (!new URL(url).pathname.endsWith('.json')) return Checkpoint.ofFiles(url, [await urlSource(url)]);
  const answer = await fetch(url).catch((error: unknown) => {
    throw runtimeError('weights_not_opened', { file: url, reason: reasonOf(error) }, error);
  });
  if (!answer.ok)
    throw runtimeError('weights_not_opened', { file: url, reason: `the server answers ${answer.status}` });
  const locate = (shard: string): string => new URL(shard.split('/').map(encodeURIComponent).join('/'), url).href;
  return Checkpoint.ofIndex(url, await answer.text(), (shard) => urlSource(locate(shard)));
}
