/**
 * Graph IR → ONNX model.
 *
 * Each IR node is lowered by its rule; each module of the model can be found again in the result, because nodes are
 * named `<module path>/<operator>` and carry the place in the source as doc_string. Inputs, outputs and parameters
 * keep their names: clients and checkpoints know them.
 */
import type { CachePort } from '../../../shared/artifact.ts';
import { type Dim, printShape } from '../../../shared/dim.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import {
  type AnyNode,
  type Graph,
  type GraphParameter,
  type Node,
  type TensorType,
  typeOf,
  type ValueId,
} from '../../ir/graph.ts';
import type { OpAttributes, OpName } from '../../ops/attributes.ts';
import { mapResults } from '../../ops/declare.ts';
import { mapOperands } from '../../ops/operands.ts';
import { dequantised, dropUnread } from './dequantise.ts';
import { Emitter } from './emitter.ts';
import { checkLocation, type PackedLocation } from './external-data.ts';
import type { ExternalLocation, OnnxOpset } from './file.ts';
import { LOWERINGS } from './lowerings/index.ts';
import { unsignedParameter } from './nbits.ts';
import {
  BYTES_PER_ELEMENT,
  externalTensor,
  inlineTensor,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  valueInfo,
} from './proto.ts';
import { nothing } from './shapes.ts';
import { StoredCaches } from './stored-caches.ts';

/** A parameter's numbers: in a file beside the model, or inside the model (tests, tiny models). */
export type ParameterSource =
  | ({ readonly kind: 'external' } & ExternalLocation)
  | ({ readonly kind: 'packed' } & PackedLocation)
  | { readonly kind: 'inline'; readonly tensor: HostTensor };

export interface OnnxOptions {
  readonly opset: OnnxOpset;
  /** Called once for each parameter that the graph uses. */
  readonly parameters: (key: string) => ParameterSource;
  /** metadata_props of the model, in this order */
  readonly metadata?: Readonly<Record<string, string>>;
  /** the compiler's version */
  readonly version?: string;
  /** what dynamic sizes are called in the file, by their names in the graph */
  readonly dims?: ReadonlyMap<string, Dim>;
  /** the entry's caches */
  readonly cache?: readonly CachePort[];
}

export interface LoweredOnnx {
  readonly model: ModelProto;
  /** names of the ONNX nodes that were written for a node of the graph */
  readonly names: ReadonlyMap<AnyNode, readonly string[]>;
  /** the weights files that the model refers to, sorted */
  readonly locations: readonly string[];
}

/** The lowest IR version that each opset goes with. */
const IR_VERSION = { 17: 8, 23: 11 } as const satisfies Record<OnnxOpset, number>;

/**
 * The model of one graph. f32 is FLOAT, i64 INT64, bool BOOL; dynamic dims are dim_params (`B`, `P + T`).
 *
 * @throws Error when a parameter's numbers do not fit its type or lie outside the model's folder, when a
 * dynamic size is needed that no input determines, or when inputs and outputs share a name
 */
export function lowerToOnnx(graph: Graph, options: OnnxOptions): LoweredOnnx {
  const inputs = graph.inputs.map(({ name, value }) => ({ name, type: typeOf(graph, value) }));
  const outputs = graph.outputs.map(({ name, value }) => ({ name, type: typeOf(graph, value) }));
  const emit = new Emitter(options.opset, inputs);
  for (const { name } of [...inputs, ...outputs]) {
    if (emit.claim(name) === name) continue;
    throw new Error(`graph ${graph.name} has two inputs or outputs called ${JSON.stringify(name)}: rename one of them`);
  }

  const caches = new StoredCaches(emit, graph, options.cache);
  const names = new Map<ValueId, string>(graph.inputs.map(({ name, value }) => [value, name]));
  const nameOf = (value: ValueId): string => {
    const name = names.get(value);
    if (name === undefined) throw new Error(`graph ${graph.name} uses value %${value} before it is made`);
    return name;
  };

  const used = new Set([...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map(({ value }) => value)]);
  const locations = new Set<string>();
  for (const parameter of graph.parameters) {
    if (!used.has(parameter.value)) continue;
    const name = emit.claim(parameter.key);
    const source = options.parameters(parameter.key);
    if (source.kind === 'external') locations.add(source.location);
    if (source.kind === 'packed') {
      locations.add(source.location);
      checkLocation(source.location);
      const shape = typeOf(graph, parameter.value).shape as readonly number[];
      if (source.unsigned) unsignedParameter(emit, name, shape, source);
      names.set(parameter.value, source.unsigned ? name : dequantised(emit, name, shape, source));
      continue;
    }
    emit.initializers.push(parameterTensor(name, parameter, typeOf(graph, parameter.value), source));
    names.set(parameter.value, name);
  }
  for (const { value, tensor } of graph.constants) {
    if (used.has(value)) names.set(value, emit.wide(tensor));
  }

  const written = new Map<AnyNode, readonly string[]>();
  const siblings = new Map<string, OpAttributes[OpName][]>();
  const callOf = ({ op, inputs: operands }: AnyNode): string => `${op} ${operands.join(' ')}`;
  for (const node of graph.nodes) {
    const alike = siblings.get(callOf(node));
    if (alike) alike.push(node.attributes);
    else siblings.set(callOf(node), [node.attributes]);
  }
  for (const node of graph.nodes) {
    emit.from(node.origin);
    const before = emit.nodes.length;
    const appended = caches.append(node, nameOf);
    const results =
      appended === undefined
        ? lowerNode(emit, graph, node, siblings.get(callOf(node))!, (value) => caches.widened(value, nameOf(value)))
        : [appended];
    written.set(
      node,
      emit.nodes.slice(before).map(({ name }) => name ?? ''),
    );
    node.outputs.forEach((value, index) => {
      names.set(value, results[index]!);
    });
  }
  const leaving = graph.outputs.map(({ name, value }) => [caches.outputOf(name, value, nameOf(value)), name] as const);
  dropUnread(
    emit,
    leaving.map(([value]) => value),
  );
  const made = new Set(emit.nodes.flatMap((node) => node.output ?? []));
  const renamed = nameOutputs(emit, made, leaving);
  // the types of what flows between modules, for viewers and checkers
  const inner = new Map<string, TensorType>();
  for (const value of graph.nodes.flatMap((node) => node.outputs)) {
    const name = nameOf(value);
    if (made.has(name) && !renamed.has(name)) inner.set(name, typeOf(graph, value));
  }

  const model: ModelProto = {
    irVersion: IR_VERSION[options.opset],
    producerName: 'mdl',
    producerVersion: options.version ?? '',
    opsetImport: [{ domain: '', version: options.opset }, ...domainsOf(emit.nodes)],
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
    graph: {
      name: graph.name,
      node: emit.nodes,
      initializer: emit.initializers,
      input: inputs.map(({ name, type }) => valueInfo(name, type, options.dims, caches.ports.get(name))),
      output: outputs.map(({ name, type }) => valueInfo(name, type, options.dims, caches.ports.get(name))),
      valueInfo: [...inner].map(([name, type]) => valueInfo(name, type, options.dims)),
    },
  };
  return { model, names: written, locations: [...locations].sort() };
}

/** Those of operators that are not ONNX's own: all are of version 1. */
const domainsOf = (nodes: readonly NodeProto[]): { readonly domain: string; readonly version: number }[] =>
  [...new Set(nodes.flatMap(({ domain }) => (domain ? [domain] : [])))].map((domain) => ({ domain, version: 1 }));

function lowerNode<N extends OpName>(
  emit: Emitter,
  graph: Graph,
  node: Node<N>,
  siblings: readonly OpAttributes[OpName][],
  nameOf: (value: ValueId) => string,
): readonly string[] {
  const inputs = mapOperands(node.op, node.inputs, (value) => ({ name: nameOf(value), type: typeOf(graph, value) }));
  const outputs = mapResults(node.outputs, (value) => typeOf(graph, value));
  // ONNX Runtime refuses some operators on nothing, or reads memory that it did not write
  if (outputs.every(({ shape }) => shape.includes(0))) return outputs.map((type) => nothing(emit, type));
  const call = { inputs, attributes: node.attributes, outputs, siblings: siblings as readonly OpAttributes[N][] };
  return LOWERINGS[node.op](emit, call);
}

function parameterTensor(
  name: string,
  { key }: GraphParameter,
  type: TensorType,
  source: Exclude<ParameterSource, { readonly kind: 'packed' }>,
): TensorProto {
  const shape = type.shape.map((dim) => {
    if (typeof dim === 'number') return dim;
    throw new Error(`parameter ${JSON.stringify(key)} needs a static shape, and it is ${printShape(type.shape)}`);
  });
  const wanted = `${type.dtype}[${shape.join(', ')}]`;
  if (source.kind === 'inline') {
    const { dtype, shape: found } = source.tensor;
    if (`${dtype}[${found.join(', ')}]` === wanted) return inlineTensor(name, source.tensor);
    throw new Error(
      `parameter ${JSON.stringify(key)} is ${wanted} in the graph and its tensor is ${dtype}[${found.join(', ')}]`,
    );
  }
  checkLocation(source.location);
  const bytes = sizeOf(shape) * BYTES_PER_ELEMENT[type.dtype];
  if (source.length !== bytes) {
    throw new Error(
      `parameter ${JSON.stringify(key)} is ${wanted} with ${bytes} bytes and ${source.location} stores ${source.length} for it`,
    );
  }
  // no bytes to map from the file
  if (bytes === 0) return inlineTensor(name, { dtype: type.dtype, shape, data: new Uint8Array(0) });
  return externalTensor(name, type.dtype, shape, source);
}

/**
 * Gives the values that leave the graph their public names: the node that makes a value is told to write it
 * under that name. Values that no node makes (an input handed through), or that leave twice, are copied.
 * Returns the renamed values: old name → output.
 */
function nameOutputs(
  emit: Emitter,
  made: ReadonlySet<string>,
  outputs: readonly (readonly [value: string, output: string])[],
): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  const copies: (readonly [value: string, output: string])[] = [];
  for (const [value, output] of outputs) {
    if (made.has(value) && !renamed.has(value)) renamed.set(value, output);
    else copies.push([value, output]);
  }
  const rename = (name: string) => renamed.get(name) ?? name;
  for (const node of emit.nodes) {
    node.input = (node.input ?? []).map(rename);
    node.output = (node.output ?? []).map(rename);
  }
  emit.from({ path: '' });
  for (const [value, output] of copies) emit.copy(rename(value), output);
  return renamed;
}
