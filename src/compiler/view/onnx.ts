/**
 * An ONNX model as a view, of this compiler or of another. Modules are what stands before the last `/` of the names of nodes, as
 * exporters write their scopes; names decide where a node is drawn, and nothing else.
 */
import { addDims, type Dim, mulDims, printShape, productOf, type Shape, symbol, symbolsOf } from '../../shared/dim.ts';
import { parseDim } from '../../shared/dim-text.ts';
import type { ModelView, ViewEntry, ViewModule, ViewNode } from '../../shared/view.ts';
import { decodeModel, type ModelProto } from '../backends/onnx/index.ts';

type Graph = NonNullable<ModelProto['graph']>;
type Node = NonNullable<Graph['node']>[number];
type ValueInfo = NonNullable<Graph['valueInfo']>[number];
type Tensor = NonNullable<Graph['initializer']>[number];

interface Type {
  readonly dtype: string;
  readonly shape: Shape;
  readonly bytes: number;
}

/** TensorProto.DataType → its name and the bytes of an element; 4-bit types are two to a byte. */
const DTYPES: Readonly<Record<number, readonly [name: string, bytes: number]>> = {
  1: ['f32', 4],
  2: ['u8', 1],
  3: ['i8', 1],
  4: ['u16', 2],
  5: ['i16', 2],
  6: ['i32', 4],
  7: ['i64', 8],
  9: ['bool', 1],
  10: ['f16', 2],
  11: ['f64', 8],
  12: ['u32', 4],
  13: ['u64', 8],
  16: ['bf16', 2],
  21: ['u4', 0.5],
  22: ['i4', 0.5],
};

/** Ops that rename elements and write none. */
const VIEWS = new Set(['Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Shape', 'Constant']);
/** Ops that compute one thing for each element that they write. */
const POINTWISE = new Set(
  `Abs Add And Ceil Clip Cos Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish LeakyRelu Less LessOrEqual Log
  Max Min Mod Mul Neg Not Or Pow PRelu Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Sqrt Sub Tan Tanh Where Xor`.split(
    /\s+/,
  ),
);
/** Operations for an element of the output. */
const PER_ELEMENT: Readonly<Record<string, number>> = {
  Softmax: 5,
  LogSoftmax: 5,
  LayerNormalization: 8,
  BatchNormalization: 2,
  RMSNormalization: 5,
  RotaryEmbedding: 3,
};

export interface OnnxView {
  readonly entry: ViewEntry;
  readonly tensors: ReadonlyMap<string, Type>;
  /** ops whose operations are not counted */
  readonly uncounted: readonly string[];
  /** version of ONNX's own operators */
  readonly opset: number;
}

/** @throws Error where the bytes are no ONNX model */
export function onnxEntry(bytes: Uint8Array, name: string): OnnxView {
  const { graph, opsetImport } = decodeModel(bytes);
  if (!graph?.node?.length) throw new Error('it has no graph');
  const tensors = new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? '', tensorType(tensor)]));
  const types = new Map(tensors);
  for (const info of [...(graph.input ?? []), ...(graph.valueInfo ?? []), ...(graph.output ?? [])]) {
    const type = infoType(info);
    if (type) types.set(info.name ?? '', type);
  }
  const nodes: ViewNode[] = [];
  const made = new Map<string, number>();
  const port = (kind: 'input' | 'output', { name: label = '' }: ValueInfo, from: readonly number[]): void => {
    nodes.push({
      kind,
      label: label ?? '',
      path: '',
      type: text(types.get(label ?? '')),
      detail: [],
      from,
      flops: 0,
      bytes: 0,
    });
  };
  const inputs = (graph.input ?? []).filter((info) => !tensors.has(info.name ?? ''));
  for (const info of inputs) {
    made.set(info.name ?? '', nodes.length);
    port('input', info, []);
  }
  const uncounted = new Set<string>();
  for (const node of graph.node) {
    const flops = flopsOf(node, types);
    if (flops === undefined) uncounted.add(node.opType ?? '');
    const outputs = (node.output ?? []).filter((output) => output !== '');
    const index = nodes.length;
    nodes.push({
      kind: 'op',
      label: node.opType ?? '',
      path: pathOf(node.name ?? ''),
      type: text(types.get(outputs[0] ?? '')),
      detail: (node.input ?? [])
        .filter((input) => tensors.has(input))
        .map((input) => `${input} ${text(tensors.get(input))}`),
      from: [...new Set((node.input ?? []).flatMap((input) => made.get(input) ?? []))],
      ...(flops === undefined ? {} : { flops }),
      bytes: VIEWS.has(node.opType ?? '') ? 0 : outputs.reduce<Dim>((sum, output) => sumOf(sum, types.get(output)), 0),
    });
    for (const output of outputs) made.set(output, index);
  }
  for (const info of graph.output ?? []) {
    const from = made.get(info.name ?? '');
    port('output', info, from === undefined ? [] : [from]);
  }
  const names = [...new Set(inputs.flatMap((info) => types.get(info.name ?? '')?.shape.flatMap(symbolsOf) ?? []))];
  const dims = names.map((symbolName) => ({ name: symbolName, size: 1 }));
  return {
    entry: { name, dims, nodes: countable(nodes, new Set(names)), ports: 0 },
    tensors,
    uncounted: [...uncounted].sort(),
    opset: Number((opsetImport ?? []).find(({ domain }) => !domain)?.version ?? 0),
  };
}

/** A size that no input gives (the number of non-zeros) cannot be counted with. */
function countable(nodes: readonly ViewNode[], known: ReadonlySet<string>): readonly ViewNode[] {
  const fits = (dim: Dim): boolean => symbolsOf(dim).every((name) => known.has(name));
  return nodes.map(({ flops, ...node }) => ({
    ...node,
    bytes: fits(node.bytes) ? node.bytes : 0,
    ...(flops !== undefined && fits(flops) ? { flops } : {}),
  }));
}

/** Several graphs of one model: a compiled folder, or one file. */
export function onnxView(name: string, about: string, graphs: readonly OnnxView[]): ModelView {
  const tensors = new Map(graphs.flatMap(({ tensors: own }) => [...own]));
  const tree = treeOf(name, tensors);
  return {
    name,
    about,
    parameters: tree.parameters,
    bytes: tree.bytes,
    tree,
    entries: graphs.map(({ entry }) => entry),
  };
}

function sumOf(sum: Dim, type: Type | undefined): Dim {
  if (!type) return sum;
  return addDims(sum, mulDims(productOf(type.shape), type.bytes));
}

const text = (type: Type | undefined): string => (type ? `${type.dtype}${printShape(type.shape)}` : '?');

function tensorType({ dataType, dims }: Tensor): Type {
  const [dtype, bytes] = DTYPES[dataType ?? 0] ?? [`type ${dataType}`, 0];
  return { dtype, bytes, shape: (dims ?? []).map(Number) };
}

function infoType({ type }: ValueInfo): Type | undefined {
  const tensor = type?.tensorType;
  if (!tensor?.shape) return undefined;
  const [dtype, bytes] = DTYPES[tensor.elemType ?? 0] ?? [`type ${tensor.elemType}`, 0];
  const shape = (tensor.shape.dim ?? []).map((dim, axis): Dim => {
    if (dim.dimParam) return parseDim(dim.dimParam) ?? symbol(dim.dimParam.replace(/\W/g, '_'));
    return dim.dimValue === null || dim.dimValue === undefined ? symbol(`axis_${axis}`) : Number(dim.dimValue);
  });
  return { dtype, bytes, shape };
}

function pathOf(name: string): string {
  return name
    .split('/')
    .slice(0, -1)
    .filter((part) => part !== '')
    .join('.');
}

function flopsOf({ opType = '', input, output }: Node, types: ReadonlyMap<string, Type>): Dim | undefined {
  const op = opType ?? '';
  const [a, b] = (input ?? []).map((name) => types.get(name)?.shape);
  const out = types.get(output?.[0] ?? '')?.shape;
  if (VIEWS.has(op) || MOVES.has(op)) return 0;
  if (!out) return undefined;
  if (POINTWISE.has(op)) return productOf(out);
  if (Object.hasOwn(PER_ELEMENT, op)) return mulDims(productOf(out), PER_ELEMENT[op]!);
  if (op.startsWith('Reduce') || op === 'ArgMax') return a && productOf(a);
  if (op === 'MatMul') return a && mulDims(mulDims(2, productOf(out)), a.at(-1)!);
  // A [M, K] or its transpose: M · K · N · 2, without looking at attributes, since M · N is the output
  if (op === 'Gemm') return a && b && mulDims(2, mulDims(productOf(a), out[1]!));
  if (op === 'Conv') return b && mulDims(mulDims(2, productOf(out)), productOf(b.slice(1)));
  return undefined;
}

/** Ops that move elements. */
const MOVES = new Set(
  `Cast Concat ConstantOfShape Expand Gather GatherElements GatherND Pad Range ScatterElements ScatterND Slice Split Tile Transpose`.split(
    ' ',
  ),
);

/** By the parts of the tensors' names: `model.layers.0.weight`. */
function treeOf(name: string, tensors: ReadonlyMap<string, Type>): ViewModule {
  const build = (label: string, path: string, own: readonly (readonly [string, Type])[]): ViewModule => {
    const inside = new Map<string, (readonly [string, Type])[]>();
    const leaves: ViewModule['own'][number][] = [];
    let [parameters, bytes] = [0, 0];
    for (const [key, type] of own) {
      const rest = path === '' ? key : key.slice(path.length + 1);
      const [part = '', ...more] = rest.split('.');
      if (more.length > 0) inside.set(part, [...(inside.get(part) ?? []), [key, type]]);
      else leaves.push({ name: rest, key, type: text(type), buffer: false });
      const size = productOf(type.shape) as number;
      parameters += size;
      bytes += size * type.bytes;
    }
    const children = [...inside].map(([part, keys]) => build(part, path === '' ? part : `${path}.${part}`, keys));
    return { label, path, kind: '', parameters, bytes, own: leaves, children };
  };
  return build(name, '', [...tensors]);
}
