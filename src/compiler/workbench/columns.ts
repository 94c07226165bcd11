/**
 * A table for terminals, its head first: columns as wide as their longest cell.
 * @param left how many of the first columns are text; the others are numbers, which end together
 */
export function columns(head: readonly string[], rows: readonly (readonly string[])[], left: number): string[] {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at < left ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line);
}
