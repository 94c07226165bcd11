/** What the parameters of finished graphs are there: read off the ops that use them, never off their names. */
import { matrixUse } from '../ir/facts.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';
import { specOf } from '../ops/index.ts';

export interface ParameterUse {
  readonly shape: readonly number[];
  /** a product sums along its last axis: `linear`'s weight, the right side of `x · wᵀ` */
  contracted: boolean;
  /** rows are looked up */
  table: boolean;
  /** a product whose result leaves the graph, or is judged by a loss, without another product: logits */
  last: boolean;
  /** a product that sums along its first axis, in a graph where none sums along its last: `x · w` */
  turned: AnyNode | undefined;
  /** something else reads it */
  other: boolean;
}

/** f32 parameters of two axes, by key, over all graphs. */
export function parameterUses(graphs: readonly Graph[]): ReadonlyMap<string, ParameterUse> {
  const uses = new Map<string, ParameterUse>();
  for (const graph of graphs) {
    const users = usersOf(graph);
    for (const { key, value } of graph.parameters) {
      const { dtype, shape } = typeOf(graph, value);
      if (dtype !== 'f32' || shape.length !== 2 || shape.includes(0)) continue;
      const before = uses.get(key);
      const use: ParameterUse = before ?? {
        shape: shape as readonly number[],
        contracted: false,
        table: false,
        last: false,
        turned: undefined,
        other: false,
      };
      uses.set(key, use);
      for (const node of users.get(value) ?? []) addUse(use, graph, users, node, value);
    }
  }
  return uses;
}

function addUse(use: ParameterUse, graph: Graph, users: Users, node: AnyNode, value: ValueId): void {
  if (node.op === 'split' && node.attributes.axis === 0) {
    // rows by parts are those of a loss over chunks of its vocabulary
    for (const part of node.outputs) for (const user of users.get(part) ?? []) addUse(use, graph, users, user, part);
    use.last ||= use.contracted;
    return;
  }
  const as = matrixUse(node, value)?.as;
  if (as === 'contracted') {
    use.contracted = true;
    use.last ||= leaves(graph, users, node);
  } else if (as === 'turned') use.turned ??= node;
  else if (as === 'table') use.table = true;
  else use.other = true;
}

type Users = ReadonlyMap<ValueId, readonly AnyNode[]>;

function usersOf({ nodes }: Graph): Users {
  const users = new Map<ValueId, AnyNode[]>();
  for (const node of nodes) {
    for (const value of new Set(node.inputs)) {
      const before = users.get(value);
      if (before) before.push(node);
      else users.set(value, [node]);
    }
  }
  return users;
}

/** Whether a result comes to an output or a loss by views, functions of one number, and a softmax alone. */
function leaves(graph: Graph, users: Users, node: AnyNode): boolean {
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const open = [...node.outputs];
  const seen = new Set<ValueId>();
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (outputs.has(value)) return true;
    if (seen.has(value)) continue;
    seen.add(value);
    for (const user of users.get(value) ?? []) {
      if (specOf(user.op).traits.loss) return true;
      if (passes(user)) open.push(...user.outputs);
    }
  }
  return false;
}

function passes({ op, inputs }: AnyNode): boolean {
  const { pointwise, view, probabilities } = specOf(op).traits;
  return view === true || probabilities === true || (pointwise === true && inputs.length === 1);
}

/** What matrices are multiplied with in a graph: the left sides of products that sum along their last axis, by key. */
export function productsOf({ parameters, nodes }: Graph): ReadonlyMap<string, readonly ValueId[]> {
  const keyOf = new Map(parameters.map(({ key, value }) => [value, key]));
  const found = new Map<string, ValueId[]>();
  for (const node of nodes) {
    for (const value of node.inputs) {
      const key = keyOf.get(value);
      const matrix = key === undefined ? undefined : matrixUse(node, value);
      if (key === undefined || matrix?.as !== 'contracted' || matrix.rows === undefined) continue;
      found.set(key, [...(found.get(key) ?? []), node.inputs[matrix.rows]!]);
    }
  }
  return found;
}
