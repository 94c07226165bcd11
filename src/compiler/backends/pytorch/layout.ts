/** Lines of Python: indentation, and calls that are too long for one line. */
export const INDENT = '    ';
const LINE = 112;

export const indented = (lines: readonly string[], by = INDENT): string[] =>
  lines.map((line) => (line === '' ? '' : by + line));

/** A line with a comment behind it, where both fit. */
export function withNote(line: string, note: string): string[] {
  const lines = wrapped(line);
  const last = lines.at(-1)!;
  return note === '' || last.length + note.length + 4 > LINE ? lines : [...lines.slice(0, -1), `${last}  # ${note}`];
}

/** `f(a, b)` with an argument a line, where it does not fit into one. Texts with strings stay as they are. */
export function wrapped(line: string): string[] {
  if (line.length <= LINE - 8 || !line.endsWith(')') || /["'#]/.test(line)) return [line];
  let depth = 0;
  let open = line.length - 1;
  for (; open >= 0; open--) {
    if (')]'.includes(line[open]!)) depth++;
    if ('(['.includes(line[open]!) && --depth === 0) break;
  }
  const inner = line.slice(open + 1, -1);
  const cuts: number[] = [];
  for (let at = 0, level = 0; at < inner.length; at++) {
    if ('(['.includes(inner[at]!)) level++;
    else if (')]'.includes(inner[at]!)) level--;
    else if (inner[at] === ',' && level === 0) cuts.push(at);
  }
  if (inner === '' || cuts.length === 0) return [line];
  const bounds = [-1, ...cuts, inner.length];
  const args = bounds.slice(1).map((end, index) => inner.slice(bounds[index]! + 1, end).trim());
  return [line.slice(0, open + 1), ...args.filter((arg) => arg !== '').map((arg) => `${INDENT}${arg},`), ')'];
}
