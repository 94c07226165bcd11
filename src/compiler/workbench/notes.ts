/** What work says on its way, to whoever asked for it. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';

export interface Notes {
  /** one line or several, for a person */
  note(text: string): void;
  warn(diagnostics: readonly Diagnostic[]): void;
}

export const SILENT: Notes = { note: () => {}, warn: () => {} };
