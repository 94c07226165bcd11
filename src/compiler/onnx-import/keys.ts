/**
 * Where the tensors of a file lie in the model: the path that an initialiser's name is, `encoder.layers.0.fc1.weight`. One whose name is no
 * path (`onnx::MatMul_123`, `val_17`) belongs to the module of the first node that reads it.
 */
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts';
import type { HeldTensor } from './importer.ts';

export interface PlacedTensor extends HeldTensor {
  /** the checkpoint key's parts; one that is no identifier is a key of the member that stands for it */
  readonly path: readonly string[];
  readonly value: ValueId;
}

const DEEPEST = 32;
const PART = /^[A-Za-z0-9_]{1,64}$/;

/** What a tensor without a name of its own is called, by the operator and the operand that it is. */
const ROLES: { readonly [op: string]: readonly string[] } = {
  linear: ['', 'weight', 'bias'],
  matmul: ['weight', 'weight'],
  conv2d: ['', 'weight', 'bias'],
  conv2d_grad_input: ['', 'weight'],
  layer_norm: ['', 'weight', 'bias'],
  rms_norm: ['', 'weight'],
  gather: ['table', 'indices'],
};

/** Paths, none of which is the beginning of another. */
class Paths {
  private readonly leaves = new Set<string>();
  private readonly inner = new Set<string>();

  claim(path: readonly string[]): readonly string[] {
    const above = path.slice(0, -1).map((part, depth) => this.below(path.slice(0, depth), part));
    const leaf = path.at(-1)!;
    for (let n = 1; ; n++) {
      const found = [...above, n === 1 ? leaf : `${leaf}_${n}`];
      const key = found.join('.');
      if (this.leaves.has(key) || this.inner.has(key)) continue;
      this.leaves.add(key);
      for (let depth = 1; depth < found.length; depth++) this.inner.add(found.slice(0, depth).join('.'));
      return found;
    }
  }

  /** The part, or another where a tensor lies there. */
  private below(above: readonly string[], part: string): string {
    let free = part;
    for (let n = 2; this.leaves.has([...above, free].join('.')); n++) free = `${part}_${n}`;
    return free;
  }
}

/** The model's tensors in the order in which the graph reads them. */
export function placeTensors(graph: Graph, held: ReadonlyMap<string, HeldTensor>): readonly PlacedTensor[] {
  const readers = new Map<ValueId, readonly [AnyNode, number]>();
  const scopes = new Map<ValueId, Set<string>>();
  for (const node of graph.nodes)
    for (const [index, value] of node.inputs.entries()) {
      if (!readers.has(value)) readers.set(value, [node, index]);
      scopes.set(value, (scopes.get(value) ?? new Set()).add(node.origin.path));
    }
  /** the one module that reads it, where that is not the model itself */
  const readIn = (value: ValueId): boolean => scopes.get(value)?.size === 1 && !scopes.get(value)!.has('');
  const paths = new Paths();
  const plain = new Set(graph.parameters.map(({ key }) => key));
  const named = graph.parameters.map(({ key, value }) => {
    const tensor = held.get(key)!;
    const path = pathOf(tensor.source);
    // a name of one part says nothing of a module
    const own = path?.length === 1 && readIn(value) ? undefined : path;
    // a matrix that is read both ways is held twice
    const suffixed =
      own && tensor.turned && plain.has(tensor.source) ? [...own.slice(0, -1), `${own.at(-1)!}_transposed`] : own;
    return { tensor, value, own: suffixed };
  });
  // names of the file come first, so that none of them is changed for one that was made
  const claimed = new Map(named.flatMap(({ value, own }) => (own ? [[value, paths.claim(own)] as const] : [])));
  return named.map(({ tensor, value }) => {
    const path = claimed.get(value) ?? paths.claim(placeBy(readers.get(value), tensor));
    return { ...tensor, path, value };
  });
}

export function pathOf(name: string): readonly string[] | undefined {
  const parts = name.split(/[./]/);
  return parts.length <= DEEPEST && parts.every((part) => PART.test(part)) ? parts : undefined;
}

function placeBy(
  reader: readonly [AnyNode, number] | undefined,
  { source, trains, shape }: HeldTensor,
): readonly string[] {
  const [node, index] = reader ?? [];
  const scope = node?.origin.path ? node.origin.path.split('.') : [];
  const role = node && index !== undefined ? ROLES[node.op]?.[index] : undefined;
  return [...scope, role || (source === '' ? 'constant' : !trains ? 'table' : shape.length > 1 ? 'weight' : 'scale')];
}
