/** Tensors from a file, as inputs of an entry. */
import { fileSource, SafetensorsFile } from '../../runtime/index.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { cliError, reasonOf } from './errors.ts';

/** @throws CliError C0104 when there is no such file, RuntimeError R01xx when it is no safetensors file */
export async function readInputs(path: string): Promise<Record<string, HostTensor>> {
  const source = await fileSource(path).catch((error: unknown) => {
    const { cause } = error as { cause?: unknown };
    throw cliError('file_not_read', { what: 'the inputs', file: path, reason: reasonOf(cause ?? error) }, [], error);
  });
  try {
    const file = await SafetensorsFile.open(source);
    const tensors = Object.create(null) as Record<string, HostTensor>;
    for (const name of file.tensors.keys()) tensors[name] = await file.read(name);
    return tensors;
  } finally {
    await source.close();
  }
}
