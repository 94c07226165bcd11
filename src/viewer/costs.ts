/** What parts of an entry cost at chosen sizes of its dynamic dims. */
import { evaluateDim } from '../shared/dim.ts';
import type { ViewEntry, ViewModule } from '../shared/view.ts';

export type Sizes = ReadonlyMap<string, number>;

export interface Cost {
  readonly flops: number;
  /** bytes that its nodes write: an upper bound of what activations take */
  readonly activations: number;
  readonly nodes: number;
}

export const NOTHING: Cost = { flops: 0, activations: 0, nodes: 0 };

/** By path of module, each with all that is inside of it; '' is the entry. */
export function costsByPath({ nodes }: ViewEntry, sizes: Sizes): ReadonlyMap<string, Cost> {
  const costs = new Map<string, Cost>();
  for (const { kind, path, flops = 0, bytes } of nodes) {
    if (kind !== 'op') continue;
    const own = { flops: evaluateDim(flops, sizes), activations: evaluateDim(bytes, sizes) };
    for (const outer of outwards(path)) costs.set(outer, plus(costs.get(outer) ?? NOTHING, own));
  }
  return costs;
}

/** By op, the dearest first. */
export function costsByOp({ nodes }: ViewEntry, sizes: Sizes): readonly (readonly [string, Cost])[] {
  const costs = new Map<string, Cost>();
  for (const { kind, label, flops = 0, bytes } of nodes) {
    if (kind !== 'op') continue;
    const own = { flops: evaluateDim(flops, sizes), activations: evaluateDim(bytes, sizes) };
    costs.set(label, plus(costs.get(label) ?? NOTHING, own));
  }
  return [...costs].sort(([, a], [, b]) => b.flops - a.flops || b.activations - a.activations);
}

function plus(sum: Cost, own: { readonly flops: number; readonly activations: number }): Cost {
  return { flops: sum.flops + own.flops, activations: sum.activations + own.activations, nodes: sum.nodes + 1 };
}

/** `a.b.c` → `a.b.c`, `a.b`, `a`, ''. */
export function outwards(path: string): readonly string[] {
  const paths = [];
  for (let at = path; at !== ''; at = at.slice(0, Math.max(at.lastIndexOf('.'), 0))) paths.push(at);
  return [...paths, ''];
}

/** Sizes as they are at first. */
export const firstSizes = (entry: ViewEntry | undefined): Sizes =>
  new Map(entry?.dims.map(({ name, size }) => [name, size]) ?? []);

/** The largest parts: modules of the first level, opened while there are few. */
export function componentsOf(tree: ViewModule, least = 4): readonly ViewModule[] {
  let parts: readonly ViewModule[] = tree.children;
  while (parts.length > 0 && parts.length < least && parts.some(({ children }) => children.length > 0))
    parts = parts.flatMap((part) => (part.children.length > 0 ? part.children : [part]));
  return parts;
}
