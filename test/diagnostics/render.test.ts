/**
 * How diagnostics are drawn. The drawings are meant to be read: they are the specification, which is why this file is
 * long. `npx vitest run test/diagnostics -u` rewrites them.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/compiler/diagnostics/diagnostic.ts';
import { type RenderOptions, renderDiagnostic, renderDiagnostics } from '../../src/compiler/diagnostics/render.ts';
import { createSource, type SourceFile, type Span } from '../../src/compiler/diagnostics/span.ts';

const phi = createSource(
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
const std = createSource('std.mdl', `${'\n'.repeat(9)}    linear(x, weight, bias)\n`);

/** The span of the n-th (0-based) occurrence of a text. */
function at(source: SourceFile, text: string, n = 0): Span {
  let start = source.text.indexOf(text);
  for (let i = 0; i < n; i++) start = source.text.indexOf(text, start + 1);
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

function draw(d: Diagnostic, options: RenderOptions = {}): string {
  return `\n${renderDiagnostic(d, { explain: false, ...options })}`;
}

/** One file, one label. */
function drawText(text: string, label: string, options: RenderOptions = {}): string {
  return draw(diagnostic(at(createSource('a.mdl', text), label), 'here'), options);
}

describe('rendering', () => {
  it('shows labels in two files, notes, help and where to read more', () => {
    const d = diagnostic(at(phi, 'dense(fc1(x), k, v)'), 'x is [B, T, 32] here', {
      message: "linear's weight takes 64 input features and the last axis of x is 32",
      secondary: [{ span: at(std, 'weight'), message: 'in_features is 64' }],
      notes: ['first line\nsecond line'],
      suggestions: [{ message: 'did you mean `fc2`?', span: at(phi, 'fc1'), replacement: 'fc2' }],
    });
    expect(draw(d, { explain: true })).toMatchInlineSnapshot(`
      "
      error[E0302]: linear's weight takes 64 input features and the last axis of x is 32
        --> models/phi-2.mdl:6:5
         |
       6 |     dense(fc1(x), k, v)
         |     ^^^^^^^^^^^^^^^^^^^ x is [B, T, 32] here
         ::: std.mdl:10:15
         |
      10 |     linear(x, weight, bias)
         |               ------ in_features is 64
         = note: first line
                 second line
         = help: did you mean \`fc2\`? (replace with \`fc2\`)
         = explain: mdl explain E0302"
    `);
  });

  it('puts the rightmost message beside its underline and the others below', () => {
    const d = diagnostic(at(phi, 'fc1(x)'), 'primary', {
      secondary: [
        { span: at(phi, 'k,'), message: 'middle' },
        { span: at(phi, 'dense'), message: 'left' },
        { span: at(phi, 'v)'), message: 'right' },
      ],
    });
    expect(draw(d)).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:6:11
        |
      6 |     dense(fc1(x), k, v)
        |     ----- ^^^^^^  -- -- right
        |     |     |       |
        |     |     |       middle
        |     |     primary
        |     left"
    `);
  });

  it('keeps both messages of nested and of equal spans', () => {
    const nested = diagnostic(at(phi, 'dense(fc1(x), k, v)'), 'outer', {
      secondary: [{ span: at(phi, 'fc1'), message: 'inner' }],
    });
    expect(draw(nested)).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:6:5
        |
      6 |     dense(fc1(x), k, v)
        |     ^^^^^^---^^^^^^^^^^
        |     |     |
        |     |     inner
        |     outer"
    `);
    const equal = diagnostic(at(phi, 'fc1'), 'one', { secondary: [{ span: at(phi, 'fc1'), message: 'two' }] });
    expect(draw(equal)).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:6:11
        |
      6 |     dense(fc1(x), k, v)
        |           ^^^ one
        |           |
        |           two"
    `);
  });

  it('leaves out the lines between distant labels', () => {
    const d = diagnostic(at(phi, 'z'), 'here', { secondary: [{ span: at(phi, 'PhiMLP'), message: 'there' }] });
    expect(draw(d)).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:7:5
        |
      1 | module PhiMLP(d) {
        |        ------ there
      ...
      7 |     z
        |     ^ here"
    `);
  });

  it('draws a bar beside a span over several lines', () => {
    expect(draw(diagnostic(at(phi, 'norm(\n      x,\n      y)'), 'this call'))).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:3:10
        |
      3 |       let h = norm(
        |  _____________^
      4 | |       x,
      5 | |       y)
        | |________^ this call"
    `);
  });

  it('begins the bar beside the first line when the span opens it, and shortens long spans', () => {
    const body = phi.text.slice(phi.text.indexOf('  forward'), phi.text.indexOf('}\n'));
    expect(draw(diagnostic(at(phi, body), 'this body'))).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:2:1
        |
      2 | /   forward(x: [B, T, d]) {
      3 | |     let h = norm(
      ... |
      8 | |   }
        | |__^ this body"
    `);
  });

  it('nests bars', () => {
    const outer = phi.text.slice(phi.text.indexOf('forward'), phi.text.indexOf(', k'));
    const d = diagnostic(at(phi, 'norm(\n      x,\n      y)'), 'this call', {
      secondary: [
        { span: at(phi, outer), message: 'in here' },
        { span: at(phi, 'let'), message: 'bound here' },
      ],
    });
    expect(draw(d)).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:3:10
        |
      2 | /    forward(x: [B, T, d]) {
      3 | |      let h = norm(
        | |      ---     ^
        | |      |       |
        | | _____|_______|
        | ||     bound here
      4 | ||       x,
      5 | ||       y)
        | ||________^ this call
      6 | |      dense(fc1(x), k, v)
        | |_________________- in here"
    `);
  });

  it('lets a span that ends with the line break stay on its line', () => {
    expect(drawText('a\nb\n', 'a\n')).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:1
        |
      1 | a
        | ^ here"
    `);
    expect(drawText('a\r\nb\r\n', 'a\r\n')).toBe(drawText('a\nb\n', 'a\n'));
  });

  it('counts tabs to the next stop and wide characters twice', () => {
    expect(drawText('a\tb\t日本語 = é😀 x', 'x')).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:14
        |
      1 | a   b   日本語 = é😀 x
        |                      ^ here"
    `);
    expect(drawText('e\u0301e\u0301 x', 'x')).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:6
        |
      1 | éé x
        |    ^ here"
    `);
  });

  it('escapes control, bidirectional and zero-width characters everywhere', () => {
    const source = createSource('a\u001b.mdl', 'let \u001b[31m x = \u202e1\u200b\u0000\ud800');
    const d = diagnostic(at(source, 'x'), 'a\u0007b\nc', { message: '\u001b]0;title', notes: ['\u009b2J'] });
    expect(draw(d)).toMatchInlineSnapshot(`
      "
      error[E0302]: \\u{1b}]0;title
       --> a\\u{1b}.mdl:1:11
        |
      1 | let \\u{1b}[31m x = \\u{202e}1\\u{200b}\\u{0}\\u{d800}
        |                ^ a\\u{7}b c
        = note: \\u{9b}2J"
    `);
  });

  it('shows an empty span at the end of a file below the last line with text', () => {
    const end = { source: phi, start: phi.text.length, end: phi.text.length };
    expect(draw(diagnostic(end, 'expected `}`'))).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
        --> models/phi-2.mdl:10:1
         |
       9 | }
      10 |
         | ^ expected \`}\`"
    `);
    const empty = { source: createSource('a.mdl', ''), start: 0, end: 0 };
    expect(draw(diagnostic(empty, 'nothing here'))).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:1
        |
      1 |
        | ^ nothing here"
    `);
    const unterminated = { source: createSource('a.mdl', 'let x ='), start: 7, end: 7 };
    expect(draw(diagnostic(unterminated, 'expected a value'))).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:8
        |
      1 | let x =
        |        ^ expected a value"
    `);
  });

  it('survives spans outside the text', () => {
    const source = createSource('a.mdl', 'ab');
    expect(draw(diagnostic({ source, start: -3, end: 99 }, 'here'))).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:1
        |
      1 | ab
        | ^^ here"
    `);
    expect(draw(diagnostic({ source, start: 99, end: 120 }, 'here'))).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:3
        |
      1 | ab
        |   ^ here"
    `);
  });

  it('cuts a long line to a window around the label', () => {
    const line = `${'a'.repeat(200)}BAD${'c'.repeat(200)}`;
    expect(drawText(line, 'BAD', { width: 60 })).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:201
        |
      1 | …aaaaaaaaaaaaaaaaaaaaaaaaBADccccccccccccccccccccccccccc…
        |                          ^^^ here"
    `);
    expect(drawText(line, 'a', { width: 60 })).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:1
        |
      1 | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…
        | ^ here"
    `);
    expect(drawText(`${'a'.repeat(200)}BAD`, 'BAD', { width: 60 })).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:201
        |
      1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaBAD
        |                                                      ^^^ here"
    `);
    expect(drawText(line, 'c'.repeat(200), { width: 60 })).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> a.mdl:1:204
        |
      1 | …cccccccccccccccccccccccccccccccccccccccccccccccccccccc…
        |  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ here"
    `);
  });

  it('never draws a source line wider than asked', () => {
    for (const filler of ['a', '\t', '日', '\u0001', 'e\u0301']) {
      for (const before of [0, 1, 37, 38, 39, 40, 41, 200]) {
        for (const after of [0, 1, 38, 39, 40, 200]) {
          const text = `${filler.repeat(before)}X${filler.repeat(after)}`;
          const [, , , , line = '', marks = ''] = drawText(text, 'X', { width: 48 }).split('\n');
          const columns = [...line].reduce((n, c) => n + (c === '日' ? 2 : c === '\u0301' ? 0 : 1), 0);
          expect(columns, text).toBeLessThanOrEqual(48);
          const mark = marks.indexOf('^');
          const column = [...line.slice(0, line.indexOf('X'))].reduce(
            (n, c) => n + (c === '日' ? 2 : c === '\u0301' ? 0 : 1),
            0,
          );
          expect(mark, text).toBe(column);
        }
      }
    }
  });

  it('draws any labels on any text: always a caret, never a raw control character', () => {
    const pieces = ['a', ' ', '\n', '\r\n', '\r', '\t', '日', '😀', 'e\u0301', '\u001b', '\ud800', '\u200d', '\u2028'];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 80 }).map((parts) => parts.join(''));
    const label = fc.record({
      start: fc.integer({ min: -1, max: 90 }),
      length: fc.nat(40),
      message: fc.constantFrom('', 'here'),
    });
    fc.assert(
      fc.property(text, label, fc.array(label, { maxLength: 4 }), (body, primary, others) => {
        const source = createSource('a.mdl', body);
        const place = ({ start, length }: { start: number; length: number }): Span => ({
          source,
          start,
          end: start + length,
        });
        const secondary = others.map((other) => ({ span: place(other), message: other.message }));
        const drawn = draw(diagnostic(place(primary), primary.message, { secondary }), { width: 60 });
        expect(drawn).toContain('^');
        expect(drawn.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}]/u);
      }),
      { numRuns: 1000, seed: 1 },
    );
  });

  it('says where a fix goes that no frame shows, and what an editor would do', () => {
    const empty = { source: std, start: 0, end: 0 };
    const d = diagnostic(at(phi, 'z'), '', {
      suggestions: [
        { message: 'import it', span: empty, replacement: 'import { z } from "std"\n' },
        { message: 'or drop it', span: at(phi, 'z'), replacement: '' },
      ],
    });
    expect(draw(d)).toMatchInlineSnapshot(`
      "
      error[E0302]: the shapes differ
       --> models/phi-2.mdl:7:5
        |
      7 |     z
        |     ^
        = help: import it (insert \`import { z } from "std"\` at std.mdl:1:1)
        = help: or drop it (remove it)"
    `);
  });

  it('colours only when asked', () => {
    const d = diagnostic(at(phi, 'z'), 'here');
    expect(draw(d)).not.toContain('\u001b');
    const coloured = draw(d, { colour: true });
    expect(coloured).toContain('\u001b[1;91merror[E0302]\u001b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it removes the escapes that were asked for
    expect(coloured.replace(/\u001b\[[\d;]*m/g, '')).toBe(draw(d));
  });

  it('closes with a count', () => {
    const warning = diagnostic(at(phi, 'z'), '', { severity: 'warning', code: 'W0001' });
    expect(renderDiagnostics([])).toBe('');
    expect(renderDiagnostics([diagnostic(at(phi, 'z'), ''), warning, warning])).toMatch(/\n\n1 error, 2 warnings\n$/);
  });
});
