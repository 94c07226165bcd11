/** How many columns of the vocabulary a cross entropy computes at a time, where a stage or an option says it. */
import type { AfterPass, Graph } from '../ir/graph.ts';
import { type ChunkedLoss, chunkedLoss } from '../passes/chunked-loss.ts';
import { runPipeline } from '../passes/pipeline.ts';
import { StageError } from './stage-error.ts';

/**
 * The graph of a loss entry with its cross entropies in chunks.
 * @param columns of a chunk; undefined: all at once
 * @throws StageError where no loss can be computed so
 */
export function withChunks(graph: Graph, columns: number | undefined): ChunkedLoss {
  if (columns === undefined) return { graph, segments: [], kept: [] };
  const chunked = chunkedLoss(graph, columns);
  const reason = graph.nodes.some(({ op }) => op === 'cross_entropy')
    ? chunked.kept[0] && `its logits have to be computed as a whole: ${chunked.kept[0]}`
    : 'its loss has no cross_entropy';
  if (reason) throw new StageError(`it has loss_chunk ${columns}, and ${reason}; leave loss_chunk out`);
  return chunked;
}

/** A graph that judges: where measures read the logits, they are there as a whole. */
export function judgedInChunks(graph: Graph, columns: number | undefined, after?: AfterPass): Graph {
  const chunked = columns === undefined ? undefined : chunkedLoss(graph, columns);
  if (!chunked || chunked.segments.length === 0) return graph;
  after?.('loss-chunks', chunked.graph);
  return runPipeline(chunked.graph, { after });
}
