/** Parameters of a model: what a `param` or `buffer` declaration becomes once its module's arguments are known. */
import type { DType } from '../../shared/dtype.ts';
import type { Initializer } from '../../shared/initializer.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Graph } from '../ir/graph.ts';

/** Why something is not part of the model: a flag switched it off, or a condition that no flag decides. */
export type Absence = 'flag' | 'condition';

export interface ParameterInfo {
  /** `weight` */
  readonly name: string;
  /** module path and name: `llama_model.model.layers.0.mlp.fc1.weight` */
  readonly path: string;
  /** the checkpoint key, then other keys under which released checkpoints store it */
  readonly keys: readonly [string, ...string[]];
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** a checkpoint key that is no parameter: not counted, not trained */
  readonly buffer: boolean;
  /** learned positions: a table of another grid is resampled when loaded, after `prefix` rows that are kept */
  readonly resample: { readonly prefix: number } | undefined;
  /** present only in a merged model: this parameter is computed from others when weights are written */
  merged: Graph | undefined;
  /** the adapter's parameters that `merged` reads */
  mergedFrom: readonly ParameterInfo[] | undefined;
  readonly absent: Absence | undefined;
  /** the adapter that brings it: `LoRA` */
  readonly adapter: string | undefined;
  readonly doc: string;
  /** the declaration, then each of its dimensions */
  readonly span: Span;
  readonly dimSpans: readonly Span[];
}

/** `a.b.0`: in the tree, and in the keys of a checkpoint (several where released ones differ). */
export interface Place {
  readonly path: string;
  readonly keys: readonly string[];
}
