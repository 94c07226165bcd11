/** Tables of text with commas (RFC 4180): fields in quotes may have commas, line ends and doubled quotes in them. */

export interface CsvRow {
  /** where it begins, from 1 */
  readonly line: number;
  readonly fields: readonly string[];
}

/** Rows in order; lines without any character are left out. */
export function* csvRows(text: string): Generator<CsvRow> {
  let [at, line] = [0, 1];
  while (at < text.length) {
    const first = line;
    const fields: string[] = [];
    for (let more = true; more; ) {
      let field = '';
      if (text[at] === '"') {
        const quoted = /"((?:[^"]|"")*)("|$)/y;
        quoted.lastIndex = at;
        const [all, inner] = quoted.exec(text)!;
        field = inner!.replaceAll('""', '"');
        line += field.split('\n').length - 1;
        at += all.length;
      }
      const rest = /[^,\r\n]*/y;
      rest.lastIndex = at;
      field += rest.exec(text)![0];
      at = rest.lastIndex;
      fields.push(field);
      more = text[at] === ',';
      if (more) at++;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    line++;
    if (fields.length > 1 || fields[0] !== '') yield { line: first, fields };
  }
}
