/** What commands print: results on stdout, everything else on stderr, JSON where asked for. */

import { RuntimeError } from '../../runtime/index.ts';
import { TorchProblem } from '../backends/pytorch/problem.ts';
import { IntegerError } from '../backends/wgsl/plan/integer-error.ts';
import { LimitError } from '../backends/wgsl/plan/limit-error.ts';
import { type Diagnostic, DiagnosticError } from '../diagnostics/diagnostic.ts';
import { diagnosticsToJson } from '../diagnostics/json.ts';
import { renderDiagnostics } from '../diagnostics/render.ts';
import { QuantiseProblem } from '../quantise/problem.ts';
import { CliError, cliError, reasonOf } from '../workbench/errors.ts';
import { createProgress, type Progress } from './progress.ts';

export interface Output {
  readonly quiet: boolean;
  readonly json: boolean;
  readonly colour: boolean;
  /** the result of the command */
  result(text: string, data: unknown): void;
  /** a part of the result's text, as soon as it is known; nothing with JSON */
  piece(text: string): void;
  /** what happens on the way; silent when quiet or JSON */
  note(text: string): void;
  warn(diagnostics: readonly Diagnostic[]): void;
  /** a progress bar for long work */
  progress(label: string, total: number): Progress;
}

export function outputOf(options: {
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly color?: boolean;
}): Output {
  const quiet = options.quiet === true;
  const json = options.json === true;
  const colour = options.color !== false && process.stderr.isTTY === true && !process.env.NO_COLOR;
  return {
    quiet,
    json,
    colour,
    result: (text, data) => {
      process.stdout.write(json ? `${JSON.stringify(data)}\n` : text.endsWith('\n') ? text : `${text}\n`);
    },
    piece: (text) => {
      if (!json) process.stdout.write(text);
    },
    note: (text) => {
      if (!quiet && !json) process.stderr.write(`${text}\n`);
    },
    warn: (diagnostics) => {
      if (!quiet && !json && diagnostics.length > 0) process.stderr.write(renderDiagnostics(diagnostics, { colour }));
    },
    progress: (label, total) => createProgress(label, total, !quiet && !json && process.stderr.isTTY === true),
  };
}

/** What a backend refuses, as an error of the command line. */
function asCliError(thrown: unknown): unknown {
  if (thrown instanceof TorchProblem) return cliError(thrown.kind, thrown.details as never, thrown.notes, thrown);
  if (thrown instanceof LimitError) return cliError('too_many_buffers', thrown.details, [], thrown);
  if (thrown instanceof QuantiseProblem) return cliError(thrown.kind, thrown.details as never, [], thrown);
  return thrown instanceof IntegerError ? cliError('integer_range', thrown.details, [], thrown) : thrown;
}

/** Prints an error and makes the process exit with 1. */
export function fail(output: Output, thrown: unknown): void {
  process.exitCode = 1;
  const error = asCliError(thrown);
  if (error instanceof DiagnosticError) {
    if (output.json) process.stdout.write(`${JSON.stringify(diagnosticsToJson(error.diagnostics))}\n`);
    else process.stderr.write(renderDiagnostics(error.diagnostics, { colour: output.colour }));
    return;
  }
  if (error instanceof CliError || error instanceof RuntimeError) {
    const notes = error instanceof CliError ? error.notes : [];
    if (output.json)
      process.stdout.write(
        `${JSON.stringify({ version: 1, error: { code: error.code, message: error.message, notes } })}\n`,
      );
    else {
      const lines = [
        `error[${error.code}]: ${error.message}`,
        ...notes.map((note) => `  ${note}`),
        `  = explain: mdl explain ${error.code}`,
      ];
      process.stderr.write(`${lines.join('\n')}\n`);
    }
    return;
  }
  // a defect of ours: say so, with the trace that a report needs
  process.stderr.write(
    `internal error: ${reasonOf(error)}\nThis is a defect of mdl; please report it with the trace below.\n`,
  );
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 70;
}

/** Each line once: stages say the same of the weights that they start from. */
export function withoutRepeats(output: Output): Output {
  const said = new Set<string>();
  return {
    ...output,
    note: (text) => {
      if (!said.has(text)) output.note(text);
      said.add(text);
    },
  };
}
