/** The graph being traced: its builder, where in the model we are, and what may be tapped. */
import type { CachePort } from '../../shared/artifact.ts';
import type { Dim } from '../../shared/dim.ts';
import type { Span } from '../diagnostics/span.ts';
import type { GraphBuilder } from '../ir/builder.ts';
import type { ValueId } from '../ir/graph.ts';
import type { ParameterInfo } from './instance.ts';
import type { Recorder } from './record.ts';

export interface CacheTrace {
  /** the symbol of the past length */
  readonly length: Dim;
  readonly past: string;
  readonly present: string;
  /** module path → index N of `past_key_values.N.…` */
  readonly indices: Map<string, number>;
  readonly ports: TracedCachePort[];
}

export interface TracedCachePort extends CachePort {
  /** past and new rows */
  readonly value: ValueId;
  /** how many rows are new */
  readonly added: Dim;
  readonly span: Span;
}

/** Present while a training graph is traced: what `dropout`, `is_training()` and `update` need. */
export interface TrainingTrace {
  /** dropout drops */
  readonly drops: boolean;
  /** modules that run as they do outside of training */
  evaluates(path: string): boolean;
  /** buffers that have been updated so far, by key: their latest values */
  readonly updates: Map<string, BufferUpdate>;
  /** the i64 scalar input `dropout_seed`; declared by the first dropout that drops something */
  seed: ValueId | undefined;
  /** calls of dropout so far, by module path: each place has masks of its own */
  readonly calls: Map<string, number>;
}

export interface BufferUpdate {
  readonly parameter: ParameterInfo;
  readonly value: ValueId;
  /** what later reads of the buffer see: the value, through which no gradient goes */
  readonly read: ValueId;
}

export interface Trace {
  readonly builder: GraphBuilder;
  /** path of the module whose body is being traced */
  path: string;
  readonly cache: CacheTrace | undefined;
  /** module path, or path of a `let`, → its latest value; undefined in a scratch trace */
  readonly taps: Map<string, ValueId> | undefined;
  /** a `backward` clause is being traced: random numbers may be drawn */
  backward: boolean;
  /** parameters used so far, by key */
  readonly parameters: Map<string, ParameterInfo>;
  /** whether a body asked if it trains: the graph is another in training */
  readonly asked: { training: boolean };
  /** absent outside of training graphs, where dropout is the identity and buffers stay as they are */
  readonly training?: TrainingTrace | undefined;
  /** listens to what is traced; absent in a scratch trace */
  readonly record?: Recorder | undefined;
}

/** Whether the body being traced is one that trains. */
export function trainsHere({ training, path }: Trace): boolean {
  return training !== undefined && !training.evaluates(path);
}
