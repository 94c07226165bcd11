/** Diagnostics as JSON, for editors and scripts (`mdl check --format json`). Fields are only ever added to a version. */
import type { Diagnostic, Label, Severity } from './diagnostic.ts';
import { lineColumn, type Span } from './span.ts';

/** `line` and `column` are 1-based and count code points, `offset` is 0-based in UTF-16 code units. */
export interface JsonPosition {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

export interface JsonRange {
  readonly start: JsonPosition;
  /** exclusive */
  readonly end: JsonPosition;
}

export interface JsonLabel {
  readonly file: string;
  readonly range: JsonRange;
  readonly message: string;
}

export interface JsonDiagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  readonly range: JsonRange;
  /** the primary label first if it has a message, then the secondary ones */
  readonly labels: readonly JsonLabel[];
  readonly notes: readonly string[];
  readonly suggestions: readonly (JsonLabel & { readonly replacement: string })[];
}

export interface JsonReport {
  readonly version: 1;
  readonly diagnostics: readonly JsonDiagnostic[];
}

function rangeOf({ source, start, end }: Span): JsonRange {
  const position = (offset: number): JsonPosition => ({ ...lineColumn(source, offset), offset });
  return { start: position(start), end: position(end) };
}

function labelOf({ span, message }: Label): JsonLabel {
  return { file: span.source.path, range: rangeOf(span), message };
}

/** Diagnostics as data, with ranges that editors read: lines and characters from 0. What `--json` prints. */
export function diagnosticsToJson(diagnostics: readonly Diagnostic[]): JsonReport {
  return {
    version: 1,
    diagnostics: diagnostics.map(({ code, severity, message, primary, secondary, notes, suggestions }) => ({
      code,
      severity,
      message,
      file: primary.span.source.path,
      range: rangeOf(primary.span),
      labels: [...(primary.message === '' ? [] : [primary]), ...secondary].map(labelOf),
      notes,
      suggestions: suggestions.map((s) => ({ ...labelOf(s), replacement: s.replacement })),
    })),
  };
}
