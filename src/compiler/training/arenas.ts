/**
 * Trained tensors one after the other in a few flat ones, so that an optimiser is a kernel for all of them and not one
 * for each:
 *
 *   parameter.arena.0 [1024] ─ slice, reshape ─▶ weight [8, 64], bias [64] … ─ loss, gradients ─ concat ─▶ gradient.arena.0
 *
 * Nothing is copied by this on a target that reads slices and writes the pieces of a concat in place.
 */
import { sizeOf } from '../../shared/tensor.ts';
import type { Arena, TrainedParameter } from '../../shared/training.ts';
import { GraphEditor, type NodeSink } from '../ir/editor.ts';
import type { Graph, ValueId } from '../ir/graph.ts';

type Piece = Arena['pieces'][number];

/** Elements from the start of one piece to where the next may start: vectors of four can be loaded everywhere. */
const roomFor = (shape: readonly number[]): number => 4 * Math.ceil(sizeOf(shape) / 4);

/**
 * Those that weight decay applies to come first. A tensor larger than the limit has an arena to itself.
 * @param limit elements that an arena may have
 */
export function arenasOf(trained: readonly TrainedParameter[], limit: number): readonly Arena[] {
  const arenas: { elements: number; decayed: number; pieces: Piece[] }[] = [];
  for (const { key, shape, decay } of [...trained].sort((a, b) => Number(b.decay) - Number(a.decay))) {
    const size = roomFor(shape);
    let arena = arenas.at(-1);
    if (!arena || arena.elements + size > limit) {
      arena = { elements: 0, decayed: 0, pieces: [] };
      arenas.push(arena);
    }
    arena.pieces.push({ key, shape, at: arena.elements });
    arena.elements += size;
    if (decay) arena.decayed = arena.elements;
  }
  return arenas.map((arena, index) => ({ name: `arena.${index}`, ...arena }));
}

/** The inputs `portOf(key)`, those that the graph has, as pieces of inputs `portOf(arena)`. */
export function sliceInputs(graph: Graph, arenas: readonly Arena[], portOf: (key: string) => string): Graph {
  const b = new GraphEditor(graph, { nodes: 'none' });
  const given = new Map(graph.inputs.map(({ name, value }) => [name, value]));
  const sliced = new Set(arenas.flatMap(({ pieces }) => pieces.map(({ key }) => portOf(key))));
  b.dropInputs((name) => sliced.has(name));
  for (const { name, elements, pieces } of arenas) {
    const arena = b.input(portOf(name), 'f32', [elements]);
    for (const { key, shape, at } of pieces) {
      const value = given.get(portOf(key));
      if (value !== undefined) b.node('reshape', [flatPiece(b, arena, shape, at)], { shape }, { as: [value] });
    }
  }
  for (const node of graph.nodes) b.keep(node);
  return b.build();
}

/** The outputs `portOf(key)` as pieces of outputs `portOf(arena)`. */
export function gatherOutputs(b: GraphEditor, arenas: readonly Arena[], portOf: (key: string) => string): void {
  const gathered = arenas.map(({ name, pieces }) => {
    const parts = pieces.flatMap(({ key, shape }) => {
      const flat = b.node('reshape', [b.outputOf(portOf(key))], { shape: [sizeOf(shape)] });
      const padding = roomFor(shape) - sizeOf(shape);
      return padding === 0
        ? [flat]
        : [flat, b.constant({ dtype: 'f32', shape: [padding], data: new Float64Array(padding) })];
    });
    return { name: portOf(name), value: b.node('concat', parts, { axis: 0 }) };
  });
  const ports = new Set(arenas.flatMap(({ pieces }) => pieces.map(({ key }) => portOf(key))));
  b.keepOutputs((name) => !ports.has(name));
  for (const { name, value } of gathered) b.output(name, value);
}

/** A piece of an arena's tensor. */
export function pieceOf(b: NodeSink, arena: ValueId, { shape, at }: Piece): ValueId {
  return b.node('reshape', [flatPiece(b, arena, shape, at)], { shape });
}

function flatPiece(b: NodeSink, arena: ValueId, shape: readonly number[], at: number): ValueId {
  return b.node('slice', [arena], { starts: [at], ends: [at + sizeOf(shape)], steps: [1] });
}

/** Which elements of an arena weight decay applies to. */
export function decayOf(b: NodeSink, { elements, decayed }: Arena): boolean | ValueId {
  if (decayed === 0 || decayed === elements) return decayed > 0;
  const index = b.node('iota', [], { shape: [elements], axis: 0 });
  return b.node('less', [index, b.scalar(decayed, 'i64')], {});
}
