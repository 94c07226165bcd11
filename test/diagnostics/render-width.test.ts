/** Lines that are wider than the terminal, any labels on any text, fixes, colours and counts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderDiagnostics } from '../../src/compiler/diagnostics/render.ts';
import { createSource, type Span } from '../../src/compiler/diagnostics/span.ts';
import { at, diagnostic, draw, drawText, phi, std } from './render-support.ts';

describe('rendering within a width', () => {
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
