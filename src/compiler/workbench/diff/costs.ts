/** What two models cost: bytes of weights, and by entry FLOPs and the bytes that nodes write, by module. */
import { evaluateDim } from '../../../shared/dim.ts';
import type { ModelView, ViewEntry, ViewModule } from '../../../shared/view.ts';
import { type Changed, differences } from './changed.ts';

export interface EntryCosts {
  readonly name: string;
  /** of the dynamic dims, at which costs are compared */
  readonly sizes: Readonly<Record<string, number>>;
  /** by module, where they differ; the last is `total` */
  readonly flops: readonly Changed<number>[];
  /** bytes that the nodes write, views left out: an upper bound of what activations take */
  readonly activations: readonly Changed<number>[];
}

export interface Costs {
  /** bytes of parameters and buffers by module, where they differ; the last is `total` */
  readonly weights: readonly Changed<number>[];
  readonly entries: readonly EntryCosts[];
}

/** Of what belongs to no module inside. */
export const ITSELF = '(itself)';

/** @param depth levels of modules that are told apart */
export function compareCosts(a: ModelView, b: ModelView, depth: number): Costs {
  const entries = a.entries.flatMap((before) => {
    const after = b.entries.find(({ name }) => name === before.name);
    return after ? entryCosts(before, after, depth) : [];
  });
  return { weights: withTotal(bytesOf(a.tree, depth), bytesOf(b.tree, depth)), entries };
}

function entryCosts(before: ViewEntry, after: ViewEntry, depth: number): EntryCosts | [] {
  // exporters say less of sizes: an entry is shown with those of the side that has larger ones
  const sizes = new Map<string, number>();
  for (const { name, size } of [...before.dims, ...after.dims]) sizes.set(name, Math.max(size, sizes.get(name) ?? 0));
  const by = (entry: ViewEntry, cost: 'flops' | 'bytes'): Map<string, number> => {
    const sums = new Map<string, number>();
    for (const { kind, path, ...costs } of entry.nodes)
      if (kind === 'op') add(sums, moduleAt(path, depth), evaluateDim(costs[cost] ?? 0, sizes));
    return sums;
  };
  const flops = withTotal(by(before, 'flops'), by(after, 'flops'));
  const activations = withTotal(by(before, 'bytes'), by(after, 'bytes'));
  if (flops.length === 0 && activations.length === 0) return [];
  return { name: before.name, sizes: Object.fromEntries(sizes), flops, activations };
}

/** Bytes by module, what is shared where it stands first. */
function bytesOf(tree: ViewModule, depth: number): Map<string, number> {
  return ownBy(tree, depth, ({ bytes }) => bytes);
}

/** A number that modules have with all that is inside of them, by module at a depth. */
export function ownBy(tree: ViewModule, depth: number, of: (module: ViewModule) => number): Map<string, number> {
  const sums = new Map<string, number>();
  const visit = (module: ViewModule): void => {
    const inside = module.children.reduce((sum, child) => sum + of(child), 0);
    if (of(module) > inside) add(sums, moduleAt(module.path, depth), of(module) - inside);
    module.children.forEach(visit);
  };
  visit(tree);
  return sums;
}

const moduleAt = (path: string, depth: number): string => path.split('.').slice(0, depth).join('.') || ITSELF;

const add = (sums: Map<string, number>, name: string, value: number): void => {
  sums.set(name, (sums.get(name) ?? 0) + value);
};

function withTotal(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): readonly Changed<number>[] {
  const changed = differences(dropZeros(a), dropZeros(b));
  const total = (sums: ReadonlyMap<string, number>): number =>
    [...sums.values()].reduce((sum, value) => sum + value, 0);
  return changed.length === 0 ? [] : [...changed, { name: 'total', before: total(a), after: total(b) }];
}

const dropZeros = (sums: ReadonlyMap<string, number>): ReadonlyMap<string, number> =>
  new Map([...sums].filter(([, value]) => value !== 0));
