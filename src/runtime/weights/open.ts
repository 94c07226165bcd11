/** Opens a file of weights by what it holds: its name is not looked at. */
import { SafetensorsFile } from '../safetensors.ts';
import type { WeightsFile } from './file.ts';
import type { RandomAccess } from './source.ts';

/** Opens another file of the same directory, by a plain relative path. */
export type OpenBeside = (name: string) => Promise<RandomAccess>;

/** @throws RuntimeError R0101–R0112 (safetensors), R0123 for a format that is not read */
export function openWeightsFile(source: RandomAccess, _beside: OpenBeside): Promise<WeightsFile> {
  return SafetensorsFile.open(source);
}
