/** Instances: what a module declaration becomes once its arguments are known. They form the model's tree. */
import type { DType } from '../../shared/dtype.ts';
import type { Initializer } from '../../shared/initializer.ts';
import type { FileScope } from '../check/program.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Graph } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import type { Value } from './values.ts';

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

export interface ModuleInstance {
  readonly declaration: ast.ModuleDeclaration;
  readonly file: FileScope;
  readonly path: string;
  readonly keys: readonly string[];
  /** arguments and `let` members */
  readonly values: Map<string, Value>;
  /** params and submodules, in order of declaration */
  readonly members: Map<string, Value>;
  readonly absent: Absence | undefined;
  /** where it was created: the member's expression */
  readonly span: Span;
  /** set by `adapt` */
  adapter: ModuleInstance | undefined;
  /** an adapter's: what it wraps */
  readonly base: ModuleInstance | undefined;
}

/** All submodule instances of a member value, with their names: one, or a list's. */
export function submodulesOf(
  instance: ModuleInstance,
): { readonly name: string; readonly instance: ModuleInstance; readonly off: boolean }[] {
  const found: { name: string; instance: ModuleInstance; off: boolean }[] = [];
  const visit = (name: string, value: Value): void => {
    if (value.kind === 'instance') found.push({ name, instance: value.instance, off: value.off });
    else if (value.kind === 'list') for (const [index, item] of value.items.entries()) visit(`${name}.${index}`, item);
  };
  for (const [name, value] of instance.members) visit(name, value);
  return found;
}

export function parametersOf(instance: ModuleInstance): ParameterInfo[] {
  const own = [...instance.members.values()].flatMap((value) => (value.kind === 'parameter' ? [value.parameter] : []));
  return own;
}
