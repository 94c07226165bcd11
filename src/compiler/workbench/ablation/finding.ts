/** What of errors is a finding about a variant, and not the end of an ablation. */
import { RuntimeError } from '../../../runtime/errors.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { CliError, reasonOf } from '../errors.ts';

/**
 * Files and data are the same for every variant: when they fail, so does the run. R01 weights files, R09 data. A
 * checkpoint that only a variant does not fit (C0101) is a finding about the variant: the full model was tried before.
 */
export function findingOf(error: unknown): string | undefined {
  return isOfVariant(error) ? describe(error) : undefined;
}

function isOfVariant(error: unknown): boolean {
  if (error instanceof DiagnosticError) return true;
  if (error instanceof CliError) return error.code === 'C0202' || error.code === 'C0101';
  // R1194: a metric that the loss has not is a mistake of who asked for it
  if (error instanceof RuntimeError) return !/^R0[19]|^R1194/.test(error.code);
  // the operating system's: a full disk, no more files
  return !(error instanceof Error && 'syscall' in error);
}

function describe(error: unknown): string {
  if (!(error instanceof DiagnosticError)) return reasonOf(error);
  const [first] = error.diagnostics;
  return first === undefined ? 'the model has errors' : `${first.code}: ${first.message}`;
}
