/** An `Output` that remembers what a command said, for commands that are called in the test's own process. */

import type { Output } from '../../src/compiler/cli/output.ts';
import type { Diagnostic } from '../../src/compiler/diagnostics/diagnostic.ts';

export interface RecordingOutput extends Output {
  readonly results: { readonly text: string; readonly data: unknown }[];
  readonly notes: string[];
  readonly warnings: Diagnostic[];
}

export function recordingOutput(): RecordingOutput {
  const results: RecordingOutput['results'] = [];
  const notes: string[] = [];
  const warnings: Diagnostic[] = [];
  return {
    results,
    notes,
    warnings,
    quiet: false,
    json: false,
    colour: false,
    result: (text, data) => void results.push({ text, data }),
    piece: () => {},
    note: (text) => void notes.push(text),
    warn: (diagnostics) => void warnings.push(...diagnostics),
    progress: () => ({ update: () => {}, stop: () => {} }),
  };
}
