/**
 * What the gradients of attention need of each query: the log-sum-exp of its scores and delta = Σ dy · y, side by side in
 * one tensor [B, H, T, 2].
 *
 * Where the graph has the attention whose gradient it is, the forward kernel saves the first and the second is a fold
 * over a row of y. Elsewhere a kernel computes both from the operands again, about as much work as the forward pass twice.
 *
 *   y, lse = attention(q, k, v, mask)
 *   statistics = concat(lse, sum(dy · y))               dq, dk, dv = attention_grad(q, k, v, dy, mask, statistics)
 */
import type { Shape } from '../../../shared/dim.ts';
import type { AnyNode, Graph, Node, ValueId } from '../../ir/graph.ts';
import { made } from '../../ir/made.ts';
import type { OpAttributes, OpName } from '../../ops/attributes.ts';
import { KERNELS } from './dialect.ts';

export function withStatistics(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => op === 'attention_grad')) return graph;
  return new Statistics(graph).run();
}

class Statistics {
  private readonly graph: Graph;
  private readonly types: Graph['types'][number][];
  private readonly order: ReadonlyMap<AnyNode, number>;
  private readonly users = new Map<ValueId, AnyNode[]>();
  private readonly forward = new Map<string, Node<'attention'>>();
  private readonly lse = new Map<AnyNode, ValueId>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.types = [...graph.types];
    this.order = new Map(graph.nodes.map((node, order) => [node, order]));
    for (const node of graph.nodes) {
      if (node.op === 'attention') this.forward.set(keyOf(node.inputs, node.attributes), node);
      for (const value of new Set(node.inputs)) this.users.set(value, [...(this.users.get(value) ?? []), node]);
    }
  }

  run(): Graph {
    const nodes = this.graph.nodes.flatMap((node) => (node.op === 'attention_grad' ? this.gradient(node) : [node]));
    const saving = nodes.map((node) => {
      const lse = this.lse.get(node);
      return lse === undefined ? node : { ...node, outputs: [...node.outputs, lse] };
    });
    return made({ ...this.graph, types: this.types, nodes: saving }, KERNELS);
  }

  private gradient(node: Node<'attention_grad'>): AnyNode[] {
    const [q, k, v, dy, ...mask] = node.inputs as [ValueId, ValueId, ValueId, ValueId, ...ValueId[]];
    const rows = this.types[q]!.shape.slice(0, 3);
    const pair = [...rows, 2];
    const forward = this.forward.get(keyOf([q, k, v, ...mask], node.attributes));
    if (!forward || this.order.get(forward)! > this.order.get(node)!)
      return [{ ...node, outputs: [...node.outputs, this.value(pair)] }];
    const lse = this.lse.get(forward) ?? this.value([...rows, 1]);
    this.lse.set(forward, lse);
    const made: AnyNode[] = [];
    const emit = <N extends OpName>(op: N, inputs: readonly ValueId[], shape: Shape, attributes: OpAttributes[N]) => {
      const value = this.value(shape);
      made.push({ op, inputs, outputs: [value], attributes, origin: node.origin } as unknown as AnyNode);
      return value;
    };
    // y as its readers have it, turned back: the kernel writes it where they read it, and once
    const views = this.viewsOf(forward.outputs[0]!, this.order.get(node)!);
    let y = views.at(-1)?.outputs[0] ?? forward.outputs[0]!;
    for (const view of views.toReversed()) {
      const { shape } = this.types[view.inputs[0]!]!;
      if (view.op === 'reshape') y = emit('reshape', [y], shape, { shape });
      else {
        const { permutation } = view.attributes;
        y = emit('transpose', [y], shape, { permutation: permutation.map((_, axis) => permutation.indexOf(axis)) });
      }
    }
    const product = emit('mul', [dy, y], this.types[dy]!.shape, {});
    const delta = emit('sum', [product], [...rows, 1], { axes: [3], keepdims: true });
    const statistics = emit('concat', [lse, delta], pair, { axis: 3 });
    return [...made, { ...node, inputs: [...node.inputs, statistics] }];
  }

  private value(shape: Shape): ValueId {
    return this.types.push({ dtype: 'f32', shape }) - 1;
  }

  /** The views one after the other that are all that reads a value, among the nodes before `end`. */
  private viewsOf(value: ValueId, end: number): (Node<'reshape'> | Node<'transpose'>)[] {
    const views: (Node<'reshape'> | Node<'transpose'>)[] = [];
    for (let at = value; ; ) {
      const [user, ...others] = this.users.get(at) ?? [];
      const view = user?.op === 'reshape' || user?.op === 'transpose' ? user : undefined;
      const given = this.graph.outputs.some((output) => output.value === at);
      if (!view || others.length > 0 || given || this.order.get(view)! > end) return views;
      views.push(view);
      at = view.outputs[0]!;
    }
  }
}

function keyOf(inputs: readonly ValueId[], { causal, scale }: OpAttributes['attention']): string {
  return `${inputs.join()} ${causal} ${scale}`;
}
