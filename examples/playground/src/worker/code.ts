/** What lines of the source became: nodes of the graph, of ONNX, kernels of WGSL, and the model in PyTorch. */

import { lowerToOnnx, type ModelProto, planExternalData } from '../../../../src/compiler/backends/onnx/index.ts';
import type { FinishedGraph, Graphs } from '../../../../src/compiler/graphs.ts';
import { graphsOf, type Model, TARGETS } from '../../../../src/compiler/index.ts';
import { typeOf } from '../../../../src/compiler/ir/graph.ts';
import { printNode } from '../../../../src/compiler/ir/print.ts';
import { kernelsOf } from '../../../../src/compiler/targets/webgpu.ts';
import type { CodeAnswer, CodePiece, CodeTarget } from '../protocol.ts';

type NodeProto = NonNullable<NonNullable<ModelProto['graph']>['node']>[number];

const MAKERS: { readonly [T in CodeTarget]: (graphs: Graphs, entry: FinishedGraph) => readonly CodePiece[] } = {
  graph: (_, entry) => graphPieces(entry),
  onnx: (_, entry) => onnxPieces(entry),
  wgsl: wgslPieces,
  pytorch: pytorchPieces,
};
/** Pieces that are shown of a whole entry. */
const MOST = 200;

/** @throws LimitError, IntegerError, TorchProblem where a model is too much for the target */
export function codeOf(model: Model, entry: string, target: CodeTarget, line?: string): CodeAnswer | null {
  const graphs = graphsOf(model, { entries: [entry] });
  if (!graphs) return null;
  const all = MAKERS[target](graphs, graphs.entries[0]!);
  // a file of PyTorch is not cut: its own comments have the source
  const here = target === 'pytorch' || line === undefined ? all : all.filter((piece) => isFrom(piece, line));
  return { pieces: here.slice(0, MOST), all: all.length };
}

const isFrom = ({ sources }: CodePiece, line: string): boolean =>
  sources.some((source) => source === line || source.startsWith(`${line}:`));

const titleOf = (op: string, path: string): string => (path === '' ? op : `${op} · ${path}`);

function graphPieces({ guarded: { graph } }: FinishedGraph): CodePiece[] {
  return graph.nodes.map((node) => {
    const { path, source } = node.origin;
    return {
      title: titleOf(node.op, path),
      text: printNode(graph, node),
      sources: source === undefined ? [] : [source],
    };
  });
}

function onnxPieces({ guarded: { graph } }: FinishedGraph): CodePiece[] {
  const keys = graph.parameters.map(({ key, value }) => {
    const { dtype, shape } = typeOf(graph, value);
    return { key, dtype, shape: shape as readonly number[] };
  });
  const plan = planExternalData([{ file: 'weights', keys }]);
  const { model, names } = lowerToOnnx(graph, {
    opset: 17,
    parameters: (key) => ({ kind: 'external', ...plan.locate(key) }),
  });
  const nodes = new Map((model.graph?.node ?? []).map((node) => [node.name ?? '', node]));
  const written = new Set<string>();
  return graph.nodes.flatMap((node) => {
    const own = (names.get(node) ?? []).filter((name) => nodes.has(name) && !written.has(name));
    for (const name of own) written.add(name);
    if (own.length === 0) return [];
    const { path, source } = node.origin;
    const text = own.map((name) => nodeText(nodes.get(name)!)).join('\n');
    return { title: titleOf(node.op, path), text, sources: source === undefined ? [] : [source] };
  });
}

/** `y = Gemm(x, w) {transB = 1}` */
function nodeText({ opType, input, output, attribute }: NodeProto): string {
  const attributes = (attribute ?? []).map(({ name, i, f, s, ints, floats }) => {
    const list = ints?.length ? ints : floats?.length ? floats : undefined;
    if (list) return `${name} = [${list.join(', ')}]`;
    const text = s?.length ? JSON.stringify(new TextDecoder().decode(s)) : undefined;
    return `${name} = ${text ?? i ?? f}`;
  });
  const tail = attributes.length === 0 ? '' : `  {${attributes.join(', ')}}`;
  return `${(output ?? []).join(', ')} = ${opType}(${(input ?? []).join(', ')})${tail}`;
}

/** A kernel that several steps run is one piece with all their places. */
function wgslPieces(graphs: Graphs, entry: FinishedGraph): CodePiece[] {
  const { plan } = TARGETS.webgpu.compile(graphs);
  const steps = plan?.entries[entry.name]?.steps ?? [];
  const computed = kernelsOf(graphs, entry.name);
  const places = new Map<number, { count: number; sources: Set<string> }>();
  for (const { kernel, origin } of steps) {
    const place = places.get(kernel) ?? { count: 0, sources: new Set<string>() };
    places.set(kernel, place);
    place.count++;
    for (const source of origin.match(/[^\s·‖]+\.mdl:\d+:\d+/g) ?? []) place.sources.add(source);
    // what fusion put into kernels of this label, beside the op that the step is named after
    const { label } = plan!.kernels[kernel]!;
    for (const report of computed.filter((one) => one.label === label))
      if (report.computes.some(({ source }) => source !== undefined && place.sources.has(source)))
        for (const { source } of report.computes) if (source !== undefined) place.sources.add(source);
  }
  return [...places].map(([kernel, { count, sources }]) => {
    const { label, wgsl } = plan!.kernels[kernel]!;
    return { title: count > 1 ? `${label} × ${count}` : label, text: wgsl, sources: [...sources] };
  });
}

function pytorchPieces(graphs: Graphs): CodePiece[] {
  const files = TARGETS.pytorch.compile(graphs).files(null);
  return [...files].map(([title, bytes]) => ({ title, text: new TextDecoder().decode(bytes), sources: [] }));
}
