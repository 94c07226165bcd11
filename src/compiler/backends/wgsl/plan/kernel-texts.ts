/**
 * Texts of kernels, kept from one compilation to the next in this process: a text depends on its kernel's input alone, so after
 * a change of a flag only kernels that are others are written.
 */
import type { EmittedForms } from '../text/emit.ts';

export interface KernelTexts {
  /** by the key of the inputs */
  readonly forms: Map<string, EmittedForms>;
  /** what a kernel may share its dispatch by */
  readonly shareKeys: Map<string, string>;
  /** of what inputs share: keys are comparable where these are the same */
  readonly names: Map<string, string>;
}

/** Dispatches: some dozens of large models. */
const MOST = 4096;

export const emptyTexts = (): KernelTexts => ({ forms: new Map(), shareKeys: new Map(), names: new Map() });

let written = emptyTexts();

/** All that has been written in this process, or nothing where that was too much to keep. */
export function writtenTexts(): KernelTexts {
  if (written.forms.size + written.shareKeys.size > MOST) written = emptyTexts();
  return written;
}
