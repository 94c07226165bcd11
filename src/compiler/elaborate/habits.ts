/** What people bring from PyTorch to a call or to a tensor, and what MDL has instead. Unknown names: `check/habits.ts`. */
import type * as ast from '../syntax/ast.ts';

const SIZES = 'sizes are the names in the declared type: in a body with `x: [B, T, 8]`, B and T are known';

/** Methods and properties of a tensor that are no built-in functions. */
const OF_TENSORS: ReadonlyMap<string, string> = new Map([
  ...['shape', 'size', 'ndim', 'dim', 'numel'].map((name) => [name, SIZES] as const),
  ['view', 'write `reshape(x, [B, 32])`: the sizes are a list, of which one may be -1'],
  ['flatten', 'write `reshape(x, [B, -1])`, or `flatten_rows(x)` for all axes but the last'],
  ['contiguous', 'tensors have no layout in memory here: leave it out'],
  ['detach', 'write `stop_gradient(x)`'],
  ['T', 'write `transpose(x, -2, -1)`'],
  ['mT', 'write `transpose(x, -2, -1)`'],
  ['chunk', 'write `split(x, [4, 4], axis = -1)`: the sizes are a list'],
  ['masked_fill', 'write `masked_fill(x, mask, 0.0)`, with `import { masked_fill } from "std"`'],
  ...['to', 'cuda', 'cpu', 'numpy', 'item'].map(
    (name) =>
      [name, 'a model says nothing of devices; `float(x)`, `int(x)` and `bool(x)` make other elements'] as const,
  ),
]);

/** Of a member that a tensor does not have. @param builtin whether a function has that name */
export function memberNotes(name: string, builtin: boolean): string[] {
  if (builtin) return [`functions are no methods: write \`${name}(x)\` or \`x |> ${name}\``];
  const note = OF_TENSORS.get(name);
  return note === undefined ? [] : [note];
}

interface Renamed {
  /** parameters that it is here, the first that the callee has */
  readonly instead: readonly string[];
  readonly note?: string;
}

const ARGUMENTS: ReadonlyMap<string, Renamed> = new Map<string, Renamed>([
  ['dim', { instead: ['axes', 'axis'] }],
  ['dims', { instead: ['axes', 'order', 'axis'] }],
  ['keepdim', { instead: ['keepdims'] }],
  ['min', { instead: ['low'], note: 'with one bound alone write `maximum(x, 0.0)`; `clamp(x, 0.0, 6.0)` has both' }],
  ['max', { instead: ['high'], note: 'with one bound alone write `minimum(x, 6.0)`; `clamp(x, 0.0, 6.0)` has both' }],
]);

/** The parameter that PyTorch calls so, of those that the callee has. */
export function argumentHabit(
  name: string,
  known: readonly string[],
): { readonly parameter: string; readonly notes: string[] } | undefined {
  const habit = ARGUMENTS.get(name);
  const parameter = habit?.instead.find((candidate) => known.includes(candidate));
  if (!habit || parameter === undefined) return undefined;
  return { parameter, notes: [habit.note ?? `it is called ${parameter} here`] };
}

/** Of arguments past the last parameter, where that is a list: `permute(x, [2, 0, 1])` of `permute(x, 2, 0, 1)`. */
export function listNotes(callee: string, known: readonly string[], actuals: readonly ast.Argument[]): string[] {
  const last = known.at(-1);
  if (last === undefined || !LISTS.has(last) || actuals.some(({ name }) => name)) return [];
  const text = actuals.map(({ span }) => span.source.text.slice(span.start, span.end));
  const [before, items] = [text.slice(0, known.length - 1), text.slice(known.length - 1)];
  return [`${last} is a list: write \`${callee}(${[...before, `[${items.join(', ')}]`].join(', ')})\``];
}

const LISTS: ReadonlySet<string> = new Set(['order', 'shape', 'repeats']);

export const NEW_AXIS = '`unsqueeze(x, 1)` puts an axis of size 1 there';
export const ONE_SIZE = 'an axis has one size: make several axes one by `reshape`, and give their product';
