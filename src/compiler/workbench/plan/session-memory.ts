/**
 * The memory of ONNX Runtime's sessions over a compiled folder, before any is opened: each entry is a session with weights of its own.
 *
 *     total = process + Σ over entries (weights + caches + inputs and outputs)
 *
 * What a session holds of a parameter:
 *
 *     f32                              4 bytes a number
 *     MatMulNBits, int4                its codes, and f32 of its scales
 *     MatMulNBits, int8 in halves      its codes, and f32 of its scales twice
 *     DequantizeLinear                 the same as int4, and f32 of the largest matrix while it is used
 *     a table of int8                  nothing but the rows that were looked up: the rest stays in the file
 *
 * What an entry computes in between (ONNX Runtime's arena) is not told.
 */

import { widthOf } from '../../../shared/cache-storage.ts';
import { evaluateDim } from '../../../shared/dim.ts';
import { parseDim } from '../../../shared/dim-text.ts';
import { partsOf, type Quantisation } from '../../../shared/quantisation.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import { storedUnsigned } from '../../backends/onnx/index.ts';
import type { FinishedGraph, Graphs } from '../../graphs.ts';
import { typeOf } from '../../ir/graph.ts';
import { entryManifest } from '../../ports.ts';
import { columns } from '../columns.ts';
import { formatBytes } from '../units.ts';
import type { Dims } from './report.ts';

/** Node with the runtime, before a session: measured (docs/small.md). */
const PROCESS = 57e6;
const ITEM_BYTES = { f32: 4, i64: 8, bool: 1 };

export interface EntrySessionMemory {
  readonly entry: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly weights: number;
  /** what goes in and what comes out, twice: the caches of steps before wait for the garbage collector */
  readonly caches: number;
  readonly ports: number;
}

export interface SessionMemory {
  readonly process: number;
  readonly entries: readonly EntrySessionMemory[];
  readonly total: number;
}

/** @param contrib as `mdl compile --contrib-ops` */
export function sessionMemory(
  { entries, quantised }: Graphs,
  { contrib, dimsOf }: { readonly contrib: boolean; dimsOf(entry: FinishedGraph): Dims },
): SessionMemory {
  const graphs = entries.map(({ guarded }) => guarded.graph);
  const stored = contrib ? storedUnsigned(graphs, quantised) : new Map<string, 'whole' | 'halves'>();
  const rows = entries.map((entry): EntrySessionMemory => {
    const dims = dimsOf(entry);
    const { graph } = entry.guarded;
    const tables = tablesOf(entry);
    let [weights, largest] = [0, 0];
    for (const { key, value } of graph.parameters) {
      const { dtype, shape } = typeOf(graph, value);
      const count = sizeOf(shape as readonly number[]);
      const as = quantised.get(key);
      if (as === undefined) weights += count * ITEM_BYTES[dtype];
      else if (!tables.has(key) || as.bits === 4) {
        weights += heldOf(as, count, stored.get(key));
        if (!stored.has(key)) largest = Math.max(largest, 4 * count);
      }
    }
    const { inputs, outputs, cache } = entryManifest(entry);
    const cached = new Map(cache.flatMap(({ past, present, stored }) => [past, present].map((name) => [name, stored])));
    const bytesOf = (kept: boolean): number =>
      [...inputs, ...outputs]
        .filter(({ name }) => cached.has(name) === kept)
        .reduce((sum, { name, dtype, shape }) => {
          const stored = cached.get(name);
          return sum + (stored ? widthOf(stored) : ITEM_BYTES[dtype]) * elements(shape, dims);
        }, 0);
    return {
      entry: entry.name,
      dims: Object.fromEntries(dims),
      weights: weights + largest,
      caches: 2 * bytesOf(true),
      ports: bytesOf(false),
    };
  });
  const own = rows.reduce((sum, { weights, caches, ports }) => sum + weights + caches + ports, 0);
  return { process: PROCESS, entries: rows, total: PROCESS + own };
}

function heldOf(as: Quantisation, count: number, stored: 'whole' | 'halves' | undefined): number {
  const { codes, scales, zeros } = partsOf(as, count);
  return codes + 2 * scales * (stored === 'halves' ? 2 : 1) + (as.method === 'hqq' ? 2 : 1) * zeros;
}

/** Parameters that nothing but look-ups reads. */
function tablesOf({ guarded: { graph } }: FinishedGraph): ReadonlySet<string> {
  const keyOf = new Map(graph.parameters.map(({ key, value }) => [value, key]));
  const tables = new Set(keyOf.values());
  for (const { op, inputs } of graph.nodes)
    for (const [at, value] of inputs.entries())
      if (!(op === 'gather' && at === 0) && keyOf.has(value)) tables.delete(keyOf.get(value)!);
  return tables;
}

const elements = (shape: readonly (number | string)[], dims: Dims): number =>
  shape.reduce<number>((product, dim) => product * evaluateDim(parseDim(dim)!, dims), 1);

export function sessionMemoryText({ process, entries, total }: SessionMemory): string {
  const head = ['entry', 'sizes', 'weights', 'caches', 'inputs and outputs'];
  const rows = entries.map(({ entry, dims, weights, caches, ports }) => [
    entry,
    Object.entries(dims)
      .map(([name, size]) => `${name} = ${size}`)
      .join(', '),
    ...[weights, caches, ports].map(formatBytes),
  ]);
  return [
    ...columns(head, rows, 2),
    '',
    `process  ${formatBytes(process)}, Node with the runtime`,
    `total    ${formatBytes(total)}, with all entries loaded and run; what an entry computes in between is not told`,
  ].join('\n');
}
