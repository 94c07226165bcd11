/** What diagnostics are as data: places, the bag that collects them, suggestions, JSON. */
import { describe, expect, it } from 'vitest';
import { type Diagnostic, DiagnosticBag, DiagnosticError } from '../../src/compiler/diagnostics/diagnostic.ts';
import { diagnosticsToJson } from '../../src/compiler/diagnostics/json.ts';
import { createSource, lineColumn, type SourceFile, type Span } from '../../src/compiler/diagnostics/span.ts';
import { didYouMean } from '../../src/compiler/diagnostics/suggest.ts';

const phi = createSource('models/phi-2.mdl', 'module PhiMLP(d) {\n  forward(x) { z(fc1(x)) }\n}\n');
const std = createSource('std.mdl', 'linear(x, weight)\n');

/** The span of the first occurrence of a text. */
function at(source: SourceFile, text: string): Span {
  const start = source.text.indexOf(text);
  if (start < 0) throw new Error(`no ${text} in ${source.path}`);
  return { source, start, end: start + text.length };
}

function diagnostic(span: Span, message: string, more: Partial<Diagnostic> = {}): Diagnostic {
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

describe('positions', () => {
  it('counts columns in code points and lines at any terminator', () => {
    const source = createSource('a.mdl', 'a\r\n😀b\rc\n');
    expect(lineColumn(source, 0)).toEqual({ line: 1, column: 1 });
    expect(lineColumn(source, source.text.indexOf('b'))).toEqual({ line: 2, column: 2 });
    expect(lineColumn(source, source.text.indexOf('c'))).toEqual({ line: 3, column: 1 });
    expect(lineColumn(source, source.text.length)).toEqual({ line: 4, column: 1 });
    expect(lineColumn(source, 99)).toEqual({ line: 4, column: 1 });
  });
});

describe('the bag', () => {
  it('reports the same thing in many instances once', () => {
    const bag = new DiagnosticBag();
    for (let i = 0; i < 32; i++) bag.add(diagnostic(at(phi, 'z'), '', { context: `model.layers.${i}` }));
    bag.add(diagnostic(at(phi, 'z'), '', { context: 'model.layers.4' }));
    expect(bag.size).toBe(1);
    expect(bag.sorted()[0]?.notes).toEqual([
      'and in 31 more places: model.layers.1, model.layers.2, model.layers.3, …',
    ]);
  });

  it('sorts by file and position and keeps the order of equal places', () => {
    const bag = new DiagnosticBag();
    bag.add(diagnostic(at(std, 'linear'), ''));
    bag.add(diagnostic(at(phi, 'z'), '', { code: 'E0002' }));
    bag.add(diagnostic(at(phi, 'z'), '', { code: 'E0001' }));
    bag.add(diagnostic(at(phi, 'module'), ''));
    expect(bag.sorted().map((d) => [d.primary.span.source.path, d.primary.span.start, d.code])).toEqual([
      ['models/phi-2.mdl', 0, 'E0302'],
      ['models/phi-2.mdl', at(phi, 'z').start, 'E0002'],
      ['models/phi-2.mdl', at(phi, 'z').start, 'E0001'],
      ['std.mdl', at(std, 'linear').start, 'E0302'],
    ]);
  });

  it('keeps at most 100, errors before warnings, and says how many are left out', () => {
    const source = createSource('a.mdl', 'x'.repeat(200));
    const bag = new DiagnosticBag();
    const add = (severity: 'error' | 'warning', start: number): void =>
      bag.add(diagnostic({ source, start, end: start + 1 }, '', { severity }));
    for (let i = 0; i < 130; i++) add('warning', i);
    expect(bag.hasErrors).toBe(false);
    expect(() => bag.throwIfErrors()).not.toThrow();
    add('error', 150);
    const kept = bag.sorted();
    expect(kept).toHaveLength(100);
    expect(kept.at(-1)).toMatchObject({ severity: 'error', notes: ['31 more diagnostics are not shown'] });
    expect(() => bag.throwIfErrors()).toThrow(DiagnosticError);
    expect(() => bag.throwIfErrors()).toThrow('E0302: the shapes differ (and 99 more)');
  });
});

describe('suggestions', () => {
  it('makes a fix of it', () => {
    const span = at(phi, 'fc1');
    expect(didYouMean('fc1', ['fc2'], span)).toEqual({ message: 'did you mean `fc2`?', span, replacement: 'fc2' });
    expect(didYouMean('fc1', ['attention'], span)).toBeUndefined();
  });
});

describe('json', () => {
  it('gives places as lines, columns and offsets', () => {
    const source = createSource('a.mdl', 'a\n😀 b');
    const span = at(source, 'b');
    const d = diagnostic(span, 'here', {
      notes: ['n'],
      secondary: [{ span: at(source, 'a'), message: 'there' }],
      suggestions: [{ message: 'did you mean `c`?', span, replacement: 'c' }],
    });
    const range = { start: { line: 2, column: 3, offset: 5 }, end: { line: 2, column: 4, offset: 6 } };
    const first = { start: { line: 1, column: 1, offset: 0 }, end: { line: 1, column: 2, offset: 1 } };
    expect(diagnosticsToJson([d])).toEqual({
      version: 1,
      diagnostics: [
        {
          code: 'E0302',
          severity: 'error',
          message: 'the shapes differ',
          file: 'a.mdl',
          range,
          labels: [
            { file: 'a.mdl', range, message: 'here' },
            { file: 'a.mdl', range: first, message: 'there' },
          ],
          notes: ['n'],
          suggestions: [{ file: 'a.mdl', range, message: 'did you mean `c`?', replacement: 'c' }],
        },
      ],
    });
  });
});
