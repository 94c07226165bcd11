/** What each kernel of an entry computes, what it writes and why: fusion's decisions for people. */
import { printShape } from '../../../../shared/dim.ts';
import { typeOf } from '../../../ir/graph.ts';
import { type Border, borderText } from '../fusion/borders.ts';
import type { Fused } from '../fusion/fuse.ts';
import type { GraphFacts } from '../text/evaluator.ts';
import type { Descriptions } from './describe.ts';

export interface KernelReport {
  /** the ops that the user wrote: `add → layer_norm` */
  readonly label: string;
  readonly computes: readonly {
    readonly op: string;
    /** path of the module */
    readonly path: string;
    /** file:line:column; undefined for what the compiler made up */
    readonly source: string | undefined;
  }[];
  readonly writes: readonly {
    /** the layer and the op that make it */
    readonly name: string;
    readonly shape: string;
    readonly border: Border;
    /** the same in words */
    readonly why: string;
  }[];
}

export function kernelReports(
  { kernels, borders }: Fused,
  describe: Descriptions,
  facts: GraphFacts,
): readonly KernelReport[] {
  return kernels.map((kernel) => {
    const computes = describe.nodesOf(kernel).map(({ op, origin }) => {
      return { op: origin.op ?? op, path: origin.path, source: origin.source };
    });
    const same = (a: (typeof computes)[number], b: (typeof computes)[number] | undefined): boolean =>
      a.op === b?.op && a.path === b.path && a.source === b.source;
    return {
      label: describe.labelOf(kernel),
      computes: computes.filter((node, at) => !same(node, computes[at - 1])),
      writes: kernel.outputs.map(({ value, into }) => {
        const border = borders.of(into) ?? borders.of(value) ?? 'output';
        const shape = printShape(typeOf(facts.graph, value).shape);
        return { name: describe.nameOf(value) ?? 'copy', shape, border, why: borderText(border) };
      }),
    };
  });
}
