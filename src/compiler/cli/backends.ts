/** What can run a model on the command line: the names of `--backend`. */
import { TARGET_NAMES, type TargetName } from '../targets/names.ts';

export const BACKENDS = TARGET_NAMES;
export type BackendName = TargetName;

/** The value of `--backend`, which the command line has checked. */
export function backendName(text: string): BackendName {
  return BACKENDS.find((name) => name === text) ?? 'onnx';
}
