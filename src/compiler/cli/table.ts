/** Lists and tables of what comes out of files, for a terminal. */

/** Lines of a kind that are shown; --json has all. */
const MOST_LINES = 40;

export function cut(lines: readonly string[]): readonly string[] {
  const rest = lines.length - MOST_LINES;
  return rest <= 0 ? lines : [...lines.slice(0, MOST_LINES), `  … and ${rest} more (--json has all)`];
}

/** Rows as columns, the first two to the left, numbers to the right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Keys come from strangers: control characters would steer a terminal. */
export function oneLine(text: string, most = 80): string {
  const plain = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
  return plain.length > most ? `${plain.slice(0, most)}…` : plain;
}
