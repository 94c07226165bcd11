/** An entry's body runs once, on symbols: its statements become the nodes of a graph. */
import type { CachePort } from '../../shared/artifact.ts';
import { symbol } from '../../shared/dim.ts';
import { nearest } from '../../shared/nearest.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import { GraphBuilder } from '../ir/builder.ts';
import type { Graph, TensorType } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import { checkPortNames, declareInput } from './entry-ports.ts';
import type { Evaluator } from './evaluator.ts';
import type { ModuleInstance, ParameterInfo } from './instance.ts';
import type { Recorder } from './record.ts';
import { Reported } from './reported.ts';
import { printType, SignatureDims } from './signature.ts';
import type { BufferUpdate, CacheTrace, Trace, TrainingTrace } from './trace.ts';
import { describe, list, type TensorValue, type Value } from './values.ts';

export interface EntryGraph {
  readonly graph: Graph;
  /** parameters the graph uses, by canonical key */
  readonly parameters: ReadonlyMap<string, ParameterInfo>;
  readonly cache: readonly CachePort[];
  /** buffers that the graph updates, by canonical key: empty outside of training */
  readonly updates: ReadonlyMap<string, BufferUpdate>;
  /** a body asks whether it trains: the graph of training is another */
  readonly asksTraining: boolean;
  /** type of the latest output of each module that ran, by path */
  readonly moduleOutputs: ReadonlyMap<string, TensorType>;
}

export interface TraceOptions {
  /** a graph of training; absent: one of inference */
  readonly training?: TrainingOptions | undefined;
  /** listens to the trace; the graph has inputs for what it records as effects, and is none to run */
  readonly record?: Recorder | undefined;
}

export interface TrainingOptions {
  /** dropout drops; it is the identity otherwise */
  readonly dropout: boolean;
  /** modules that run as in inference: no dropout, and running statistics that are read and not updated */
  readonly evaluates?: ((path: string) => boolean) | undefined;
}

/** @throws Reported when the entry has a mistake, which is in the bag then */
export function traceEntry(
  e: Evaluator,
  root: ModuleInstance,
  entry: ast.EntryMember,
  taps: readonly string[],
  options: TraceOptions,
): EntryGraph {
  const trace = startTrace(entry, options);
  e.trace = trace;
  try {
    const outer = e.modules.frameOf(root);
    const frame = outer.fresh();
    const dims = new SignatureDims(e, outer);
    checkPortNames(e, entry);
    for (const parameter of entry.signature.parameters) declareInput(e, trace.builder, dims, frame, parameter);
    dims.bindInto(frame);
    const results = e.tracer.entry(entry, frame, (result) => resultsOf(e, entry, result));
    declareOutputs(e, trace.builder, dims, entry, results);
    const cache = trace.cache?.ports ?? [];
    for (const port of cache) trace.builder.output(port.present, port.value);
    declareTaps(e, trace, taps, entry);
    return {
      graph: trace.builder.build(),
      parameters: trace.parameters,
      cache: cache.map(({ past, present, axis }): CachePort => ({ past, present, axis })),
      updates: trace.training?.updates ?? new Map(),
      asksTraining: trace.asked.training,
      moduleOutputs: moduleOutputs(e, trace),
    };
  } finally {
    e.trace = undefined;
  }
}

function startTrace({ name, cache: declared }: ast.EntryMember, { training: wanted, record }: TraceOptions): Trace {
  const cache: CacheTrace | undefined = declared && {
    length: symbol(declared.length.text),
    past: declared.past.value,
    present: declared.present.value,
    indices: new Map(),
    ports: [],
  };
  const training: TrainingTrace | undefined = wanted && {
    drops: wanted.dropout,
    evaluates: wanted.evaluates ?? (() => false),
    updates: new Map(),
    seed: undefined,
    calls: new Map(),
  };
  return {
    builder: new GraphBuilder(name.text),
    path: '',
    cache,
    taps: new Map(),
    parameters: new Map(),
    backward: false,
    asked: { training: false },
    training,
    record,
  };
}

const lastOf = ({ body }: ast.EntryMember): Span => body.statements.at(-1)?.span ?? body.span;

/** What the body gives, as a tensor for each output that the signature names: a number becomes one, too. */
function resultsOf(e: Evaluator, entry: ast.EntryMember, result: Value | undefined): TensorValue[] {
  if (!result) e.fail(diagnose('no_result', { name: entry.name.text }, entry.name.span));
  if (result.kind === 'error') throw new Reported();
  const declared = entry.signature.result ?? e.fail(unnamed(entry, entry.name.span));
  const values = declared.length === 1 ? [result] : result.kind === 'list' ? result.items : [];
  const span = lastOf(entry);
  if (values.length !== declared.length) {
    const [expected, found] = [`${declared.length} outputs`, describe(list(values))];
    e.fail(diagnose('result_shape', { callee: entry.name.text, expected, found }, span));
  }
  return declared.map(({ name, type }, index) => {
    if (!name) e.fail(unnamed(entry, type.span, index));
    return { kind: 'tensor', id: e.emission.tensorOf(values[index]!, span, undefined, name.text), span };
  });
}

/** Results become the outputs that the signature names, of the types that it promises. */
function declareOutputs(
  e: Evaluator,
  builder: GraphBuilder,
  dims: SignatureDims,
  entry: ast.EntryMember,
  results: readonly TensorValue[],
): void {
  for (const [index, { id, span }] of results.entries()) {
    const { name, type } = entry.signature.result![index]!;
    if (dims.unify(type, builder.typeOf(id), span)) {
      const found = printType(builder.typeOf(id));
      const callee = `${name!.text} of ${entry.name.text}`;
      e.fail(
        diagnose('result_shape', { callee, expected: dims.print(type), found }, span, {
          label: `this is ${found}`,
          secondary: [{ span: type.span, message: 'promised here' }],
        }),
      );
    }
    builder.output(name!.text, id);
  }
}

/** The error of an entry that leaves a name out. @param output which of its outputs; absent: it names none */
function unnamed({ name }: ast.EntryMember, span: Span, output?: number) {
  const [text, example] =
    output === undefined
      ? [`the entry ${name.text} does not name its outputs`, 'write `-> (name: [B, T, d])` after its parameters']
      : [`an output of the entry ${name.text} has no name`, 'write `(name: [B, T, d])`'];
  return diagnose('entry_signature', { text }, span, { notes: [example] });
}

/** Taps that are no outputs become some. A module is known by its path and by its checkpoint keys. */
function declareTaps(e: Evaluator, { builder, taps }: Trace, asked: readonly string[], entry: ast.EntryMember): void {
  if (asked.length === 0) return;
  const byKey = new Map<string, string>();
  for (const instance of e.modules.instances.values()) for (const key of instance.keys) byKey.set(key, instance.path);
  const outputs = new Set(entry.signature.result?.map(({ name }) => name?.text));
  for (const tap of new Set(asked)) {
    if (outputs.has(tap)) continue;
    const id = taps?.get(tap) ?? taps?.get(byKey.get(tap) ?? '');
    if (id !== undefined) {
      builder.output(tap, id);
      continue;
    }
    const near = nearest(tap, [...(taps?.keys() ?? [])]);
    e.report(diagnose('no_tap', { name: tap }, entry.name.span, { notes: near ? [`did you mean \`${near}\`?`] : [] }));
  }
}

function moduleOutputs(e: Evaluator, { builder, taps }: Trace): Map<string, TensorType> {
  const found = new Map<string, TensorType>();
  for (const [path, id] of taps ?? []) if (e.modules.instances.has(path)) found.set(path, builder.typeOf(id));
  return found;
}
