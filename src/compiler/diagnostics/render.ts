/**
 * Diagnostics as people read them in a terminal:
 *
 *     error[E0302]: linear's weight takes 64 input features and the last axis of x is 32
 *       --> models/phi-2.mdl:42:5
 *        |
 *     42 |     dense(fc1(x))
 *        |     ^^^^^^^^^^^^^ x is [B, T, 32] here
 *        = note: …
 *        = help: did you mean `dense`? (replace with `dense`)
 *        = explain: mdl explain E0302
 *
 * Source text is never printed raw: control characters are escaped (text.ts), long lines are cut around the labels.
 */
import { paint, Row, type Style } from './canvas.ts';
import type { Diagnostic, Suggestion } from './diagnostic.ts';
import { type FrameLabel, frameRows, lastLine } from './frame.ts';
import { formatPosition, lineOf, type SourceFile } from './span.ts';
import { escapeText } from './text.ts';

export interface RenderOptions {
  /** ANSI colours; off unless asked for */
  readonly colour?: boolean;
  /** columns that source lines may take, line numbers included; 120 unless told */
  readonly width?: number;
  /** point to `mdl explain CODE`; on unless told */
  readonly explain?: boolean;
}

interface FileLabels {
  readonly source: SourceFile;
  readonly labels: FrameLabel[];
}

/** The primary label's file first, the others in the order of their labels. */
function byFile(diagnostic: Diagnostic): readonly FileLabels[] {
  const files = new Map<string, FileLabels>();
  const labels = [
    { ...diagnostic.primary, primary: true },
    ...diagnostic.secondary.map((label) => ({ ...label, primary: false })),
  ];
  for (const label of labels) {
    const { source } = label.span;
    const file = files.get(source.path);
    if (file) file.labels.push(label);
    else files.set(source.path, { source, labels: [label] });
  }
  return [...files.values()];
}

/** What an editor would do: `replace with …`, `insert …`, `remove it`, and where if the frames do not show it. */
function fixOf({ span, replacement }: Suggestion, files: readonly FileLabels[]): string {
  const shown = files.some(({ source, labels }) => {
    if (source.path !== span.source.path) return false;
    const line = lineOf(source, span.start);
    return labels.some((l) => lineOf(source, l.span.start) <= line && lineOf(source, l.span.end) >= line);
  });
  const where = shown ? '' : ` at ${formatPosition(span.source, span.start)}`;
  if (replacement === '') return `remove it${where}`;
  return `${span.start === span.end ? 'insert' : 'replace with'} \`${escapeText(replacement.trim())}\`${where}`;
}

/** `= note: text`, further lines of the text below its first. */
function footer(gutter: number, kind: string, text: string, style: Style): readonly Row[] {
  const column = gutter + 1;
  return text.split(/\r\n|\r|\n/).map((line, i) => {
    const row = new Row();
    if (i === 0) {
      row.write(column, '=', 'gutter');
      row.write(column + 2, `${kind}:`, style);
    }
    row.write(column + kind.length + 4, escapeText(line), 'plain');
    return row;
  });
}

function place(arrow: string, column: number, source: SourceFile, offset: number): Row {
  const row = new Row();
  row.write(column, arrow, 'gutter');
  row.write(column + arrow.length + 1, escapeText(formatPosition(source, offset)), 'plain');
  return row;
}

/** One diagnostic, without a final line break. */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderOptions = {}): string {
  const { colour = false, width = 120, explain = true } = options;
  const { code, severity, notes, suggestions } = diagnostic;
  const files = byFile(diagnostic);
  const gutter = String(Math.max(...files.map((file) => lastLine(file.labels)))).length;

  const rows: Row[] = [];
  files.forEach(({ source, labels }, i) => {
    const arrow = i === 0 ? '-->' : ':::';
    rows.push(place(arrow, i === 0 ? gutter : gutter + 1, source, labels[0]!.span.start));
    const blank = new Row();
    blank.write(gutter + 1, '|', 'gutter');
    rows.push(blank, ...frameRows(source, labels, { severity, gutter, width }));
  });
  for (const note of notes) rows.push(...footer(gutter, 'note', note, 'strong'));
  for (const suggestion of suggestions) {
    rows.push(...footer(gutter, 'help', `${suggestion.message} (${fixOf(suggestion, files)})`, 'help'));
  }
  if (explain && code !== '') rows.push(...footer(gutter, 'explain', `mdl explain ${code}`, 'strong'));

  const head = paint(code === '' ? severity : `${severity}[${code}]`, severity, colour);
  const message = paint(`: ${escapeText(diagnostic.message)}`, 'strong', colour);
  return [head + message, ...rows.map((row) => row.print(colour))].join('\n');
}

/** All of them, a blank line between two, and a closing count; the empty string if there are none. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions = {}): string {
  if (diagnostics.length === 0) return '';
  const rendered = diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, options));
  return `${[...rendered, summarise(diagnostics)].join('\n\n')}\n`;
}

/** `2 errors, 1 warning` */
export function summarise(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter((d) => d.severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const count = (n: number, noun: string): string[] => (n === 0 ? [] : [`${n} ${noun}${n === 1 ? '' : 's'}`]);
  return [...count(errors, 'error'), ...count(warnings, 'warning')].join(', ');
}
