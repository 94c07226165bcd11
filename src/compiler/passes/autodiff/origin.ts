/**
 * Backward nodes are known by their origin: the path of the forward node they belong to and a suffix, so that
 * reports of NaN and profiles name the module and the .mdl line.
 */
import type { AnyNode, Origin } from '../../ir/graph.ts';

const GRADIENT = '(gradient)';
const RECOMPUTED = '(recomputed)';

function marked({ path, source }: Origin, mark: string): Origin {
  const named = { path: path === '' ? mark : `${path} ${mark}` };
  return source === undefined ? named : { ...named, source };
}

/** `llama_model.model.layers.3.mlp.fc1 (gradient)` */
export const gradientOrigin = (origin: Origin): Origin => marked(origin, GRADIENT);

/** `llama_model.model.layers.3.mlp.fc1 (recomputed)` */
export const recomputedOrigin = (origin: Origin): Origin => marked(origin, RECOMPUTED);

/** Whether the node is part of the backward computation, what it computes again included. */
export function isBackward({ origin: { path } }: AnyNode): boolean {
  return path.endsWith(GRADIENT) || path.endsWith(RECOMPUTED);
}
