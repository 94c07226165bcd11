/** Reads what `printDim` writes: `P + T`, `2*B*T - 1`. */
import { addDims, type Dim, mulDims, symbol } from './dim.ts';

const TERM = /\s*([+-])?\s*((?:\d+|[A-Za-z_]\w*)(?:\s*\*\s*(?:\d+|[A-Za-z_]\w*))*)/y;

/** Texts that were read before: the same few ports are measured at every run. */
const READ = new Map<string, Dim | undefined>();
const MOST_READ = 10_000;

/** The dim that is the whole text; undefined when the text is something else. */
export function parseDim(text: number | string): Dim | undefined {
  if (typeof text === 'number') return text;
  if (!READ.has(text)) {
    if (READ.size >= MOST_READ) READ.clear();
    const read = dimAt(text, 0);
    READ.set(text, read?.end === text.length ? read.dim : undefined);
  }
  return READ.get(text);
}

/** The dim that begins at a place of a text, and where it ends; undefined when none begins there. */
export function dimAt(text: string, start: number): { readonly dim: Dim; readonly end: number } | undefined {
  let dim: Dim = 0;
  let end = start;
  while (end < text.length) {
    TERM.lastIndex = end;
    const term = TERM.exec(text);
    if (!term || (end > start && term[1] === undefined)) break;
    const factors = term[2]!.split('*').map((factor): Dim => {
      const name = factor.trim();
      return /^\d/.test(name) ? Number(name) : symbol(name);
    });
    dim = addDims(dim, factors.reduce<Dim>(mulDims, term[1] === '-' ? -1 : 1));
    end = TERM.lastIndex;
  }
  return end === start ? undefined : { dim, end };
}
