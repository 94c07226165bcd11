/**
 * Source text as terminal cells: how many columns each character takes, what stands in for characters that would
 * move the cursor or hide themselves, and the part of a very long line that is shown.
 */

/** Columns between tab stops in rendered source. */
const TAB_WIDTH = 4;
/** UTF-16 code units from which on only the neighbourhood of a label is laid out. */
const LONG_LINE = 16_384;
/** Columns of context kept before a label when the front of a long line is cut. */
const LEAD = 24;

/** Ranges of code points that terminals draw two columns wide (East Asian wide and fullwidth, emoji). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x23e9, 0x23ec],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x26aa, 0x26ab],
  [0x2705, 0x2705],
  [0x270a, 0x270b],
  [0x2728, 0x2728],
  [0x274c, 0x274c],
  [0x2753, 0x2757],
  [0x2795, 0x2797],
  [0x2b1b, 0x2b1c],
  [0x2b50, 0x2b55],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x1fa70, 0x1faff],
  [0x20000, 0x3fffd],
];

/**
 * Control, format (zero width, bidirectional overrides: they can make a line read as other code than it is) and
 * unpaired surrogate characters, line separators included.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const COMBINING = /^[\p{Mn}\p{Me}]$/u;

/** The visible stand-in of an unsafe character (`\u{1b}`), any other as it is. */
function visible(character: string): string {
  return UNSAFE.test(character) ? `\\u{${character.codePointAt(0)!.toString(16)}}` : character;
}

/** One line of text for a terminal: control characters escaped, line breaks and tabs as spaces. */
export function escapeText(text: string): string {
  return [...text.replace(/\r\n|[\n\r\t]/g, ' ')].map(visible).join('');
}

function characterWidth(character: string): 0 | 1 | 2 {
  if (COMBINING.test(character)) return 0;
  const code = character.codePointAt(0)!;
  return code >= 0x1100 && WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

export function displayWidth(text: string): number {
  return [...text].reduce((width, character) => width + characterWidth(character), 0);
}

/** One code point of a line as drawn: `width` columns from `column`. */
interface Glyph {
  /** offset in the line, UTF-16 */
  readonly offset: number;
  readonly column: number;
  readonly text: string;
  readonly width: number;
}

/** A line as it is drawn, possibly cut at either end. */
export interface LineView {
  readonly text: string;
  /** 0-based display column of an offset in the line; offsets that are cut away give the column of the `…`. */
  columnOf(offset: number): number;
}

function glyphsOf(line: string): readonly Glyph[] {
  const glyphs: Glyph[] = [];
  let offset = 0;
  let column = 0;
  for (const character of line) {
    const text = character === '\t' ? ' '.repeat(TAB_WIDTH - (column % TAB_WIDTH)) : visible(character);
    const width = displayWidth(text);
    glyphs.push({ offset, column, text, width });
    offset += character.length;
    column += width;
  }
  glyphs.push({ offset, column, text: '', width: 0 }); // the end of the line is a place too
  return glyphs;
}

/**
 * Lays a line out in at most `limit` columns. A longer one is cut to a window that shows [start, end) (offsets in the
 * line), or as much of its beginning as fits, with `…` where text is missing.
 */
export function layoutLine(line: string, start: number, end: number, limit: number): LineView {
  if (line.length > LONG_LINE) {
    // far more than a window shows on either side, and no more work than that
    const origin = Math.max(0, start - LONG_LINE / 4);
    const view = layoutLine(
      line.slice(origin, origin + LONG_LINE),
      start - origin,
      Math.min(end - origin, LONG_LINE),
      limit,
    );
    return { text: view.text, columnOf: (offset) => view.columnOf(offset - origin) };
  }
  const glyphs = glyphsOf(line);
  const total = glyphs.at(-1)!.column;
  const at = (offset: number): Glyph => glyphs.findLast((glyph) => glyph.offset <= offset) ?? glyphs[0]!;
  if (total <= limit) {
    return { text: glyphs.map((glyph) => glyph.text).join(''), columnOf: (offset) => at(offset).column };
  }

  const [first, last] = [at(start).column, at(end).column];
  const lead = Math.max(0, Math.min(LEAD, limit - 2 - (last - first)));
  // keep the window full: no further right than the end of the line needs
  const from = Math.max(0, Math.min(first - lead, total - limit + 1));
  const cutFront = from > 0 ? 1 : 0;
  const room = limit - cutFront;
  const cutBack = total - from > room ? 1 : 0;
  const to = from + room - cutBack;
  const shown = glyphs.filter((glyph) => glyph.column >= from && glyph.column + glyph.width <= to);
  const origin = shown[0]?.column ?? from;
  const body = shown.map((glyph) => glyph.text).join('');
  const shownEnd = cutFront + displayWidth(body);
  return {
    text: `${cutFront ? '…' : ''}${body}${cutBack ? '…' : ''}`,
    columnOf: (offset) => Math.max(0, Math.min(at(offset).column - origin + cutFront, shownEnd)),
  };
}
