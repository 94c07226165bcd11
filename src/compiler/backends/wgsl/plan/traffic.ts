/** How many bytes a dispatch touches at least: each place once, and of a tensor no more than the pieces and rows that are read. */
import { addDims, type Dim, divideDims, mulDims, productOf, type Shape } from '../../../../shared/dim.ts';
import { bytesOfParts, partsOf as partsOfPacked } from '../../../../shared/quantisation.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../../ir/graph.ts';
import { type Kernel, kernelsOf } from '../kernel.ts';
import { contiguous } from '../text/layout.ts';
import { type BufferLayout, type BufferPlace, type BufferRef, pieceOf } from './buffer.ts';
import type { Descriptions } from './describe.ts';
import type { PlanTables } from './tables.ts';

export interface TrafficContext {
  readonly graph: Graph;
  readonly places: ReadonlyMap<ValueId, BufferPlace>;
  readonly tables: PlanTables;
  readonly describe: Descriptions;
  /** values in buffers that a kernel reads */
  reads(kernel: Kernel): ReadonlySet<ValueId>;
}

/** @param buffers what the dispatch binds */
export function bytesOf(kernels: readonly Kernel[], buffers: readonly BufferRef[], context: TrafficContext): Dim {
  const { places, tables } = context;
  const touched = new Map<BufferRef, Map<string, Dim>>(buffers.map((buffer) => [buffer, new Map<string, Dim>()]));
  for (const kernel of kernels.flatMap((one) => [one, ...(one.fresh ? kernelsOf(one.fresh) : [])])) {
    const users = usersIn(kernel, context.describe);
    for (const value of [...context.reads(kernel), ...kernel.outputs.map(({ into }) => into)]) {
      const place = places.get(value);
      const parts = place && touched.get(place.buffer);
      if (!parts) continue;
      const { layout } = place;
      const whole = { name: `at ${layout.base}`, shape: layout.shape };
      for (const { name, shape } of partsOf(users, value, layout, context.graph) ?? [whole])
        parts.set(name, bytesIn(place, productOf(shape)));
    }
  }
  const packed = buffers.reduce(
    (sum, ref) => sum + (ref.kind === 'pack' ? 4 * tables.packs[ref.pack]!.elements : 0),
    0,
  );
  return [...touched.values()].flatMap((parts) => [...parts.values()]).reduce<Dim>(addDims, packed);
}

/** Of so many elements as they lie there; of whole groups where they share scales. */
function bytesIn({ element, quantised }: BufferPlace, elements: Dim): Dim {
  if (!quantised) return mulDims({ f16: 2, half: 2, i8: 1, f32: 4, i32: 4, u32: 4 }[element], elements);
  const { group } = quantised;
  const whole = divideDims(elements, group);
  return whole === undefined ? mulDims(1, elements) : mulDims(bytesOfParts(partsOfPacked(quantised, group)), whole);
}

interface PartOf {
  readonly name: string;
  readonly shape: Shape;
}

/** The nodes of a kernel by what they read. */
function usersIn(kernel: Kernel, describe: Descriptions): ReadonlyMap<ValueId, readonly AnyNode[]> {
  const users = new Map<ValueId, AnyNode[]>();
  for (const node of [
    ...describe.computedBy(kernel),
    ...kernel.reductions,
    ...(kernel.contraction ? [kernel.contraction] : []),
  ]) {
    for (const value of new Set(node.inputs)) users.set(value, [...(users.get(value) ?? []), node]);
  }
  return users;
}

/** What is read of a value, where it is pieces of a flat tensor, or rows that are looked up, and nothing else. */
function partsOf(
  users: ReadonlyMap<ValueId, readonly AnyNode[]>,
  value: ValueId,
  layout: BufferLayout,
  graph: Graph,
): readonly PartOf[] | undefined {
  const parts: PartOf[] = [];
  for (const node of users.get(value) ?? []) {
    const [result] = node.outputs;
    const { shape } = typeOf(graph, result);
    const piece = node.op === 'slice' ? pieceOf(layout, node, shape) : undefined;
    const own = { ...(layout.base === undefined ? {} : { base: layout.base }), ...contiguous(shape) };
    const inside = node.op === 'reshape' && !layout.offset ? partsOf(users, result, own, graph) : undefined;
    if (piece) parts.push(...(partsOf(users, result, piece, graph) ?? [{ name: `at ${piece.base}`, shape }]));
    else if (inside) parts.push(...inside);
    else if (node.op === 'gather' && node.inputs[1] !== value) parts.push({ name: `by %${node.inputs[1]}`, shape });
    else return undefined;
  }
  return parts.length > 0 ? parts : undefined;
}
