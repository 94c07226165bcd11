/** What can run a model on the command line: the names of `--backend`. */
import { OPENED_TARGETS, type OpenedTargetName } from '../targets/names.ts';

export const BACKENDS = OPENED_TARGETS;
export type BackendName = OpenedTargetName;

/** The value of `--backend`, which the command line has checked. */
export function backendName(text: string): BackendName {
  return BACKENDS.find((name) => name === text) ?? 'onnx';
}
