/** `--print-after PASS`: the graphs as they are after a pass, of the compiler or of a target. */
import type { AfterPass } from '../ir/graph.ts';
import { printGraph } from '../ir/print.ts';
import { cliError } from '../workbench/errors.ts';

export interface PrintedGraph {
  readonly graph: string;
  readonly ir: string;
}

export interface PassPrinter {
  readonly after: AfterPass;
  /** In the order in which they were made: one that the pass meets twice is there twice. @throws CliError C0400 when it met none */
  graphs(): readonly PrintedGraph[];
}

/** @throws CliError C0109 for a name that is none of `passes` */
export function printerAfter(pass: string, passes: readonly string[]): PassPrinter {
  if (!passes.includes(pass)) throw cliError('unknown_pass', { pass, passes: passes.join(', ') });
  const graphs: PrintedGraph[] = [];
  return {
    after: (name, graph) => {
      if (name === pass) graphs.push({ graph: graph.name, ir: printGraph(graph) });
    },
    graphs() {
      if (graphs.length === 0) throw cliError('pass_without_graph', { pass });
      return graphs;
    },
  };
}
