/** Opens a file of weights by what it holds: its name is not looked at. Readers are loaded when a file wants them. */
import { runtimeError } from '../errors.ts';
import { SafetensorsFile } from '../safetensors.ts';
import type { WeightsFile } from './file.ts';
import { recognise } from './foreign.ts';
import { type RandomAccess, SIGNATURE_BYTES } from './source.ts';

/** Opens another file of the same directory, by the relative path that a file names. */
export type OpenBeside = (name: string) => Promise<RandomAccess>;

/** @throws RuntimeError R0101–R0112 (safetensors), R118x (other formats), R0123 for a format that is not read */
export async function openWeightsFile(source: RandomAccess, beside: OpenBeside): Promise<WeightsFile> {
  const start = await source.read(0, Math.min(source.size, SIGNATURE_BYTES));
  const foreign = isSafetensors(start) ? undefined : recognise(start);
  switch (foreign?.format) {
    case 'zip':
      return openZip(source);
    case 'pickle': {
      const { openTorchLegacy } = await import('./readers/torch-legacy.ts');
      return openTorchLegacy(source);
    }
    case 'gguf': {
      const { openGguf } = await import('./readers/gguf.ts');
      return openGguf(source);
    }
    case 'npy': {
      const { openNpy } = await import('./readers/npy.ts');
      return openNpy(source);
    }
    case 'onnx': {
      const { openOnnx } = await import('./readers/onnx.ts');
      return openOnnx(source, beside);
    }
    case undefined:
      return SafetensorsFile.open(source);
  }
}

/** A header begins with a brace, behind a length that fits in 32 bits: 123 tensors of a GGUF file are a brace too. */
function isSafetensors(start: Uint8Array): boolean {
  return start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0);
}

/** What a zip archive holds is told by the names of its members. */
async function openZip(source: RandomAccess): Promise<WeightsFile> {
  const { readZip } = await import('./readers/zip.ts');
  const members = await readZip(source);
  const pickles = [...members.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickles.length === 1) {
    const { openTorchZip } = await import('./readers/torch.ts');
    return openTorchZip(source, members, pickles[0]!);
  }
  if (pickles.length === 0 && [...members.keys()].some((name) => name.endsWith('.npy'))) {
    const { openNpz } = await import('./readers/npy.ts');
    return openNpz(source, members);
  }
  throw runtimeError('foreign_weights', { file: source.name, what: 'a zip archive', fix: 'unpack it first' });
}
