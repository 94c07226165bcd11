import { describe, expect, it } from 'vitest';
import { createSource } from '../../src/compiler/diagnostics/span.ts';
import { at, diagnostic, draw, drawText, phi, std } from './render-support.ts';

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
});
