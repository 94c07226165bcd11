/**
 * Every graph passes here as it is made: by a builder, a pass, a stage of training, a backend. In tests it is verified
 * (test/support/setup.ts), so that a pass which breaks a rule fails where it does and not in a kernel; users do
 * not wait for it.
 */
import type { Graph } from './graph.ts';
import type { Dialect } from './infer.ts';
import { verifyGraph } from './verify.ts';

let verifies = false;

/** From now on graphs that break a rule are errors where they are made. */
export function verifyEveryGraph(): void {
  verifies = true;
}

/**
 * The graph itself.
 * @throws Error when graphs are verified and this one breaks a rule
 */
export function made(graph: Graph, dialect?: Dialect): Graph {
  if (verifies) verifyGraph(graph, dialect);
  return graph;
}
