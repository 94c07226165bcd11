/** Where the keys of a JSON text stand, by dotted path, so that a message about a value underlines its own key. */

interface Place {
  readonly start: number;
  readonly end: number;
}

/** A string, a bracket, a colon or a comma; numbers, words and blanks need no look. */
const PIECES = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;

/** Keys within lists are left out; of a key given twice the last counts, as for `JSON.parse`. */
export function keysOfJson(text: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  /** of each open bracket: the path of what it holds, or undefined in a list */
  const open: (string | undefined)[] = [];
  let string: { readonly text: string; readonly at: number } | undefined;
  let path: string | undefined = '';
  for (const { 0: piece, index } of text.matchAll(PIECES)) {
    if (piece === ':' && string && open.length > 0) {
      const around = open.at(-1);
      const name = keyOf(string.text);
      path = around === undefined ? undefined : around === '' ? name : `${around}.${name}`;
      if (path !== undefined) places.set(path, { start: string.at, end: string.at + string.text.length });
    } else if (piece === '{') open.push(path);
    else if (piece === '[') {
      open.push(undefined);
      path = undefined;
    } else if (piece === '}' || piece === ']') {
      open.pop();
      path = open.at(-1);
    }
    string = piece.startsWith('"') ? { text: piece, at: index } : undefined;
  }
  return places;
}

function keyOf(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}
