/**
 * Activation recomputation: the backward part computes the inside of a segment (a transformer layer) again from the
 * segment's inputs, so only those are kept. One more forward pass buys memory.
 *
 * Runs on what `differentiate` made, before the other passes. When the backward part first reads a value inside a segment,
 * the nodes that make such values are copied there; later reads take the copies. Values that leave the segment are
 * kept as they are: the next segment starts from them.
 *
 * The copies read the segment's f32 inputs (and scalars: seeds of random masks) through `barrier(x, gradient)`, with the
 * latest gradient made so far. So they are no common subexpressions of the originals, for our cse and for ONNX Runtime's,
 * and no runtime can run them early, which would keep them alive as long as the originals. Masks and positions are read as
 * they are: what depends on them alone is shared by all layers. Operands are equal, so the gradients are the same bit for bit.
 * ONNX Runtime also needs `lastLayerFirst` to gain anything.
 *
 * Chunks of a loss (passes/chunked-loss.ts) are segments whose gradients meet again in one node, a concat or a sum. So each waits
 * for all that the backward part of the one before made and nothing read yet, else all of them would be alive at once. What they
 * read that is no weight is behind a barrier too where it is integers: masks of all chunks are as large as a mask of all logits.
 *
 *   forward    h ─ layer 0 ─ h' ─ layer 1 ─ h'' ─ loss               kept: h, h'
 *   backward   barrier(h', dh'') ─ layer 1 again ─ its gradients ─ dh' ─ barrier(h, dh') ─ layer 0 again ─ …
 */
import { GraphBuilder } from '../../ir/builder.ts';
import type { AnyNode, Graph, ValueId } from '../../ir/graph.ts';
import { typeOf } from '../../ir/graph.ts';
import { copyNode, copySources } from './copy.ts';
import { Emit } from './emit.ts';
import { isBackward, recomputedOrigin } from './origin.ts';

export interface RecomputeRequest {
  /** Module paths, each one segment: `llama_model.model.layers.0`. Nested ones belong to the first that holds them. */
  readonly segments: readonly string[];
  /** Paths of chunks, each one segment too. */
  readonly chunks?: readonly string[];
}

interface Segment {
  readonly path: string;
  readonly chunk: boolean;
  /** its forward nodes that the copies need, in order */
  readonly nodes: AnyNode[];
  /** values made inside and not kept, that the backward part reads */
  readonly inner: Set<ValueId>;
}

/** @throws Error when a segment has no node in the graph */
export function recompute(graph: Graph, request: RecomputeRequest): Graph {
  const segments = segmentsOf(graph, request);
  const segmentOf = new Map(
    segments.flatMap((segment) => [...segment.inner].map((value) => [value, segment] as const)),
  );

  const builder = new GraphBuilder(graph.name);
  const emit = new Emit(builder);
  const values = copySources(graph, builder, emit);
  const newOf = (old: ValueId): ValueId => values.get(old)!;
  const fixed = weightsOf(graph);
  /** what the backward part reads in place of an inner value */
  const copies = new Map<ValueId, ValueId>();
  const backward = new Set<ValueId>();
  let latest: ValueId | undefined; // gradient, f32
  /** gradients since the last copies that nothing has read, f32 */
  const open = new Set<ValueId>();
  const copy = (segment: Segment, after: ValueId): void => {
    const waitsFor = segment.chunk ? joined(builder, segment, [...open, after]) : after;
    copySegment(builder, segment, waitsFor, { newOf, fixed }, copies);
    open.clear();
  };

  for (const node of graph.nodes) {
    const later = isBackward(node);
    if (later) {
      for (const value of node.inputs) {
        const segment = segmentOf.get(value);
        if (segment && !copies.has(value) && latest !== undefined) copy(segment, latest);
      }
    }
    const inputs = node.inputs.map((value) => (later ? copies.get(value) : undefined) ?? newOf(value));
    const made = copyNode(builder, node, inputs);
    for (const [index, value] of node.outputs.entries()) values.set(value, made[index]!);
    if (!later) continue;
    // a chain from the loss: not what a rule computes from forward values alone
    const first = backward.size === 0 || node.inputs.some((value) => backward.has(value));
    if (!first) continue;
    for (const value of node.outputs) backward.add(value);
    for (const value of inputs) open.delete(value);
    if (typeOf(graph, node.outputs[0]).dtype !== 'f32') continue;
    latest = made[0];
    open.add(latest);
  }
  for (const { name, value } of graph.outputs) builder.output(name, newOf(value));
  return builder.build();
}

/** Parameters, constants, and what is computed of them alone. */
function weightsOf(graph: Graph): ReadonlySet<ValueId> {
  const fixed = new Set([...graph.parameters, ...graph.constants].map(({ value }) => value));
  for (const { inputs, outputs } of graph.nodes) {
    if (inputs.length > 0 && inputs.every((value) => fixed.has(value))) for (const value of outputs) fixed.add(value);
  }
  return fixed;
}

/** The first of some gradients, once all are there. */
function joined(builder: GraphBuilder, { path }: Segment, [first, ...others]: readonly ValueId[]): ValueId {
  return [...new Set(others)]
    .filter((other) => other !== first)
    .reduce((all, other) => builder.node('barrier', [all, other], {}, recomputedOrigin({ path })), first!);
}

/**
 * Copies a segment's nodes behind barriers at its inputs.
 * @param read new values of old ones, and the old values that are weights
 */
function copySegment(
  builder: GraphBuilder,
  { nodes, path, chunk }: Segment,
  latest: ValueId,
  { newOf, fixed }: { readonly newOf: (old: ValueId) => ValueId; readonly fixed: ReadonlySet<ValueId> },
  copies: Map<ValueId, ValueId>,
): void {
  const inside = new Set(nodes.flatMap(({ outputs }) => outputs));
  const entered = new Map<ValueId, ValueId>();
  const enter = (old: ValueId): ValueId => {
    const value = newOf(old);
    const { dtype, shape } = builder.typeOf(value);
    const held = dtype === 'f32' || (dtype === 'i64' && (chunk || shape.length === 0));
    if (!held || fixed.has(old)) return value;
    const before = entered.get(value);
    if (before !== undefined) return before;
    const behind = builder.node('barrier', [value, latest], {}, recomputedOrigin({ path }));
    entered.set(value, behind);
    return behind;
  };
  for (const node of nodes) {
    const inputs = node.inputs.map((value) => (inside.has(value) ? copies.get(value)! : enter(value)));
    const made = copyNode(builder, node, inputs, recomputedOrigin(node.origin));
    for (const [index, value] of node.outputs.entries()) copies.set(value, made[index]!);
  }
}

function segmentsOf(graph: Graph, { segments, chunks = [] }: RecomputeRequest): Segment[] {
  const paths = [...segments, ...chunks];
  const inChunks = new Set(chunks);
  const holderOf = holders(paths);
  const owner = new Map<ValueId, string>();
  /** forward nodes of each segment, in order */
  const members = new Map(paths.map((path): [string, AnyNode[]] => [path, []]));
  for (const node of graph.nodes) {
    const path = isBackward(node) ? undefined : holderOf(node.origin.path);
    if (path === undefined) continue;
    members.get(path)!.push(node);
    for (const value of node.outputs) owner.set(value, path);
  }
  const kept = new Set(graph.outputs.map(({ value }) => value));
  const read = new Set<ValueId>();
  for (const node of graph.nodes) {
    const reader = isBackward(node) ? undefined : owner.get(node.outputs[0]);
    for (const value of node.inputs) {
      if (isBackward(node)) read.add(value);
      else if (owner.has(value) && owner.get(value) !== reader) kept.add(value);
    }
  }
  const inner = new Map(paths.map((path) => [path, new Set<ValueId>()]));
  for (const value of read) if (owner.has(value) && !kept.has(value)) inner.get(owner.get(value)!)!.add(value);
  return paths.map((path): Segment => {
    const own = members.get(path)!;
    if (own.length === 0) throw new Error(`graph ${graph.name} has no node in segment ${path}`);
    const needed = new Set(inner.get(path));
    const nodes = own.toReversed().filter(({ inputs, outputs }) => {
      if (!outputs.some((value) => needed.has(value))) return false;
      for (const value of inputs) if (owner.get(value) === path && !kept.has(value)) needed.add(value);
      return true;
    });
    return { path, chunk: inChunks.has(path), nodes: nodes.reverse(), inner: inner.get(path)! };
  });
}

/** The first of the paths that holds a path: is it, or is a part of it that ends before a dot. */
function holders(paths: readonly string[]): (inside: string) => string | undefined {
  const places = new Map(paths.map((path, place) => [path, place] as const).reverse());
  return (inside) => {
    let first = paths.length;
    for (let end = inside.length; end > 0; end = inside.lastIndexOf('.', end - 1)) {
      first = Math.min(first, places.get(inside.slice(0, end)) ?? first);
    }
    return paths[first];
  };
}
