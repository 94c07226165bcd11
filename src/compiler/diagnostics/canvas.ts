/** A row of styled terminal cells that is drawn in any order and printed once, with or without colours. */
import { displayWidth } from './text.ts';

export type Style = 'plain' | 'error' | 'warning' | 'secondary' | 'gutter' | 'strong' | 'help';

/** Select graphic rendition parameters: bold with a bright colour, so that both light and dark terminals show them. */
const ANSI: { readonly [S in Exclude<Style, 'plain'>]: string } = {
  error: '1;91',
  warning: '1;93',
  secondary: '1;94',
  gutter: '1;94',
  strong: '1',
  help: '1;96',
};

export function paint(text: string, style: Style, colour: boolean): string {
  return !colour || style === 'plain' || text === '' ? text : `\u001b[${ANSI[style]}m${text}\u001b[0m`;
}

interface Cell {
  /** empty for the second column of a wide character */
  readonly text: string;
  readonly style: Style;
}

export class Row {
  readonly #cells: Cell[] = [];

  /** Writes from a column on, over whatever is there. */
  write(column: number, text: string, style: Style): void {
    let at = column;
    for (const character of text) {
      const width = displayWidth(character);
      const before = this.#cells[at - 1];
      if (width === 0) {
        // a combining mark belongs to the cell before it
        if (before) this.#cells[at - 1] = { ...before, text: before.text + character };
        continue;
      }
      this.#cells[at++] = { text: character, style };
      if (width === 2) this.#cells[at++] = { text: '', style };
    }
  }

  /** Like `write` with one character repeated over [from, to), but only where nothing is drawn yet. */
  fill(from: number, to: number, character: string, style: Style): void {
    for (let column = from; column < to; column++) this.#cells[column] ??= { text: character, style };
  }

  /** The row without trailing blanks. */
  print(colour: boolean): string {
    let printed = '';
    let run = '';
    let runStyle: Style = 'plain';
    for (let column = 0; column < this.#cells.length; column++) {
      const { text, style } = this.#cells[column] ?? { text: ' ', style: 'plain' };
      if (style !== runStyle) {
        printed += paint(run, runStyle, colour);
        run = '';
        runStyle = style;
      }
      run += text;
    }
    return (printed + paint(run, runStyle, colour)).trimEnd();
  }
}
