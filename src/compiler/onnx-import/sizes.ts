/**
 * The sizes that a body finds in what is passed to it. A size that only a sum tells, P of [B, P + T], is written by a name for the sum: with
 * `mask: bool[B, Length]` and T known, P is Length − T.
 */
import { type Dim, isSymbolic, type Shape, subDims, substituteDim, symbol, symbolsOf } from '../../shared/dim.ts';
import type { Graph, ValueId } from '../ir/graph.ts';

export interface Sizes {
  /** symbols of the file that the body may name */
  readonly known: ReadonlySet<string>;
  /** those that it names by others */
  readonly as: ReadonlyMap<string, Dim>;
}

/** A dim that a signature binds: a symbol alone. */
export function isVariable(dim: Dim): boolean {
  return (
    isSymbolic(dim) && dim.terms.length === 1 && dim.terms[0]!.coefficient === 1 && dim.terms[0]!.symbols.length === 1
  );
}

export class SizeNames {
  private readonly graph: Graph;
  /** names for sums, free in the whole file */
  private readonly names: readonly string[];

  constructor(graph: Graph) {
    this.graph = graph;
    const taken = new Set(graph.types.flatMap(({ shape }) => shape.flatMap(symbolsOf)));
    this.names = ['Length', 'Length2', 'Length3', 'Length4'].filter((name) => !taken.has(name));
  }

  /** Names that no module may have. */
  get reserved(): readonly string[] {
    return this.names;
  }

  of(inputs: readonly ValueId[]): Sizes {
    const dims = inputs.flatMap((value): Shape => this.graph.types[value]!.shape);
    const known = new Set(dims.filter(isVariable).flatMap(symbolsOf));
    const as = new Map<string, Dim>();
    for (const dim of dims) {
      if (!isSymbolic(dim)) continue;
      const open = [...new Set(symbolsOf(dim))].filter((name) => !known.has(name));
      const name = this.names[as.size];
      const alone = dim.terms.some(({ coefficient, symbols }) => coefficient === 1 && symbols.join() === open[0]);
      const elsewhere = dim.terms.filter(({ symbols }) => symbols.includes(open[0] ?? '')).length;
      if (open.length !== 1 || !alone || elsewhere !== 1 || name === undefined) continue;
      as.set(open[0]!, subDims(symbol(name), subDims(dim, symbol(open[0]!))));
      known.add(open[0]!);
    }
    return { known, as };
  }
}

/** The graph with other names for sizes, in types and in what nodes say. */
export function renamedSizes(graph: Graph, as: ReadonlyMap<string, Dim>): Graph {
  if (as.size === 0) return graph;
  const types = graph.types.map((type) => ({ ...type, shape: type.shape.map((dim) => substituteDim(dim, as)) }));
  return { ...graph, types };
}

/** Attributes with other names for sizes. */
export function renamedIn<T>(value: T, as: ReadonlyMap<string, Dim>): T {
  if (as.size === 0 || typeof value !== 'object' || value === null) return value;
  if (isSymbolic(value)) return substituteDim(value, as) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => renamedIn(item, as)) as T;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, renamedIn<unknown>(item, as)])) as T;
}
