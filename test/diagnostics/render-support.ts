/** Diagnostics on two small sources, drawn. */
import type { Diagnostic } from '../../src/compiler/diagnostics/diagnostic.ts';
import { type RenderOptions, renderDiagnostic } from '../../src/compiler/diagnostics/render.ts';
import { createSource, type SourceFile, type Span } from '../../src/compiler/diagnostics/span.ts';

export const phi = createSource(
  'models/phi-2.mdl',
  [
    'module PhiMLP(d) {',
    '  forward(x: [B, T, d]) {',
    '\tlet h = norm(',
    '      x,',
    '      y)',
    '    dense(fc1(x), k, v)',
    '    z',
    '  }',
    '}',
    '',
  ].join('\n'),
);
export const std = createSource('std.mdl', `${'\n'.repeat(9)}    linear(x, weight, bias)\n`);

/** The span of the n-th (0-based) occurrence of a text. */
export function at(source: SourceFile, text: string, n = 0): Span {
  let start = source.text.indexOf(text);
  for (let i = 0; i < n; i++) start = source.text.indexOf(text, start + 1);
  if (start < 0) throw new Error(`no ${text} in ${source.path}`);
  return { source, start, end: start + text.length };
}

export function diagnostic(span: Span, message: string, more: Partial<Diagnostic> = {}): Diagnostic {
  return {
    code: 'E0302',
    severity: 'error',
    message: 'the shapes differ',
    primary: { span, message },
    secondary: [],
    notes: [],
    suggestions: [],
    ...more,
  };
}

export function draw(d: Diagnostic, options: RenderOptions = {}): string {
  return `\n${renderDiagnostic(d, { explain: false, ...options })}`;
}

/** One file, one label. */
export function drawText(text: string, label: string, options: RenderOptions = {}): string {
  return draw(diagnostic(at(createSource('a.mdl', text), label), 'here'), options);
}
