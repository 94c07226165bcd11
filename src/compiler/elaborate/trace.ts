/** The graph being traced: its builder, where in the model we are, and what may be tapped. */
import type { Dim } from '../../shared/dim.ts';
import type { GraphBuilder } from '../ir/builder.ts';
import type { ValueId } from '../ir/graph.ts';
import type { ParameterInfo } from './instance.ts';

export interface CacheTrace {
  /** the symbol of the past length */
  readonly length: Dim;
  readonly past: string;
  readonly present: string;
  /** module path → index N of `past_key_values.N.…` */
  readonly indices: Map<string, number>;
  readonly ports: { readonly past: string; readonly present: string; readonly axis: number; readonly value: ValueId }[];
}

/** Present while a training graph is traced: what `dropout` needs. */
export interface TrainingTrace {
  /** the i64 scalar input `dropout_seed`; declared by the first dropout that drops something */
  seed: ValueId | undefined;
  /** calls of dropout so far, by module path: each place has masks of its own */
  readonly calls: Map<string, number>;
}

export interface Trace {
  readonly builder: GraphBuilder;
  /** path of the module whose body is being traced */
  path: string;
  readonly cache: CacheTrace | undefined;
  /** module path, or path of a `let`, → its latest value; undefined in a scratch trace */
  readonly taps: Map<string, ValueId> | undefined;
  /** parameters used so far, by key */
  readonly parameters: Map<string, ParameterInfo>;
  /** absent outside of training graphs, where dropout is the identity */
  readonly training?: TrainingTrace | undefined;
}
