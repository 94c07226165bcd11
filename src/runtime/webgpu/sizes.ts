/**
 * The sizes of an entry: every distinct text once, parsed at load and evaluated once per run. Steps refer to them by
 * index, so a run with new sizes costs as many evaluations as there are texts, however many steps there are.
 */
import { type Dim, evaluateDim, printDim, symbolsOf } from '../../shared/dim.ts';
import { parseDim } from '../../shared/dim-text.ts';
import type { Size } from '../../shared/webgpu.ts';
import { runtimeError } from '../errors.ts';

export class SizeTable {
  /** for messages */
  private readonly plan: string;
  private readonly indices = new Map<Size, number>();
  private readonly dims: Dim[] = [];

  constructor(plan: string) {
    this.plan = plan;
  }

  /** @throws RuntimeError R1012 when the text is no size */
  index(size: Size): number {
    const before = this.indices.get(size);
    if (before !== undefined) return before;
    const dim = parseDim(size);
    if (dim === undefined) throw runtimeError('plan_form', { file: this.plan, reason: `has the size ${size}` });
    this.indices.set(size, this.dims.length);
    return this.dims.push(dim) - 1;
  }

  symbols(): ReadonlySet<string> {
    return new Set(this.dims.flatMap(symbolsOf));
  }

  /** For messages. */
  textOf(index: number): string {
    return printDim(this.dims[index]!);
  }

  /** By index. */
  evaluate(symbols: ReadonlyMap<string, number>): Float64Array {
    return Float64Array.from(this.dims, (dim) => evaluateDim(dim, symbols));
  }
}
