/**
 * The passes every graph goes through before a target sees it, in order, and why in this order.
 *
 *   backward  before all: what nothing but differentiation reads is no reason to keep or to merge a value
 *   fold      early: it turns computed scales and shifts into constants, which simplify looks for
 *   simplify  before cse: expressions that are written differently and mean the same become the same
 *   cse       merges what is equal by now, constants that fold made included
 *   dce       last: the others leave values that nothing uses
 *
 * One round is enough: no rule of simplify makes a node constant that was not, and cse makes no identity.
 * Each pass is linear in the number of nodes.
 */
import type { AfterPass, Graph } from '../ir/graph.ts';
import { cse } from './cse.ts';
import { dce } from './dce.ts';
import { fold } from './fold.ts';
import { simplify } from './simplify.ts';
import { writtenGradients } from './written-gradients.ts';

export interface Pass {
  /** as `mdl ir --print-after <name>` takes it */
  readonly name: string;
  run(graph: Graph): Graph;
}

/** What every graph goes through before a target, in this order. */
export const PIPELINE: readonly Pass[] = [
  { name: 'backward', run: writtenGradients },
  { name: 'fold', run: fold },
  { name: 'simplify', run: simplify },
  { name: 'cse', run: cse },
  { name: 'dce', run: dce },
];

export interface PipelineOptions {
  readonly after?: AfterPass | undefined;
  /** names of passes to leave out */
  readonly without?: readonly string[];
}

/** Runs the pipeline; the results of the graph stay, and so do its inputs and outputs. */
export function runPipeline(graph: Graph, { after, without = [] }: PipelineOptions = {}): Graph {
  return PIPELINE.filter(({ name }) => !without.includes(name)).reduce((current, { name, run }) => {
    const next = run(current);
    after?.(name, next);
    return next;
  }, graph);
}
