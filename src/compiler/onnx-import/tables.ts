/** The numbers of small tensors, among them matrices that are looked up by row: a rotary embedding is known by what its tables hold. */
import { readTensor } from '../../runtime/weights/file.ts';
import { viewsFile } from '../../runtime/weights/readers/views.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { Graph, ValueId } from '../ir/graph.ts';
import type { HeldTensor } from './importer.ts';
import type { TableNumbers, Tables } from './matcher.ts';

/** Pairs of a head that turn. */
const WIDEST = 512;
const MOST_NUMBERS = 1 << 24;

/** @throws RuntimeError R01… for a tensor that cannot be read */
export async function readTables(graph: Graph, held: ReadonlyMap<string, HeldTensor>): Promise<Tables> {
  const lookedUp = new Set<ValueId>(
    graph.nodes.flatMap((node) => (node.op === 'gather' && node.attributes.axis === 0 ? [node.inputs[0]!] : [])),
  );
  const [matrices, vectors] = [new Map<string, TableNumbers>(), new Map<string, readonly number[]>()];
  let budget = MOST_NUMBERS;
  for (const { key, value } of graph.parameters) {
    const { dtype, shape, file, turned } = held.get(key)!;
    const [rows, width] = shape;
    if (dtype === 'f32' && file?.host && shape.some((size) => size === sizeOf(shape)))
      vectors.set(key, Array.from(file.host.data as Float32Array));
    if (!lookedUp.has(value) || dtype !== 'f32' || shape.length !== 2 || turned || !file?.view) continue;
    if (width! > WIDEST || sizeOf(shape) > budget) continue;
    budget -= sizeOf(shape);
    const views = viewsFile(
      { name: file.name, format: 'ONNX', metadata: new Map() },
      new Map([[key, file.view]]),
      async () => {},
    );
    const { data } = file.host ?? (await readTensor(views, key));
    matrices.set(key, { rows: rows!, width: width!, data: data as Float32Array });
  }
  return { matrices, vectors };
}
