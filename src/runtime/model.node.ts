/** A compiled model in a directory. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ModelSource } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';
import { parseManifest } from './manifest.ts';

/**
 * Opens the directory that the compiler wrote (or the manifest in it) and checks that the weights are all there.
 * @throws RuntimeError R0202 (manifest), R0203 (nothing there), R0204 (weights)
 */
export async function openModel(path: string): Promise<ModelSource & { locate(file: string): string }> {
  const manifestFile = path.endsWith('.json') ? path : join(path, 'manifest.json');
  const text = await readFile(manifestFile, 'utf8').catch((error: unknown) => {
    throw runtimeError('model_not_found', { file: path, reason: reasonOf(error) }, error);
  });
  const manifest = parseManifest(text, manifestFile);
  const directory = dirname(manifestFile);
  for (const { file, bytes } of manifest.weights ? (manifest.targets.onnx?.weights ?? []) : []) {
    const size = await stat(join(directory, file)).then(
      (info) => info.size,
      () => undefined,
    );
    if (size !== bytes) {
      throw runtimeError('weights_file_size', {
        file: join(directory, file),
        found: size === undefined ? 'not been found' : `${size} bytes`,
        expected: bytes,
      });
    }
  }
  return {
    location: directory,
    manifest,
    locate: (file) => join(directory, file),
    read: (file) => readFile(join(directory, file)),
  };
}
