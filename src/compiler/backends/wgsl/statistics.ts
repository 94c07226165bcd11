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
import { GraphEditor } from '../../ir/editor.ts';
import type { AnyNode, Graph, Node, ValueId } from '../../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../../ops/attributes.ts';
import { KERNELS } from './dialect.ts';

export function withStatistics(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => op === 'attention_grad')) return graph;
  return new Statistics(graph).run();
}

class Statistics {
  private readonly graph: Graph;
  private readonly edit: GraphEditor;
  private readonly order: ReadonlyMap<AnyNode, number>;
  private readonly users = new Map<ValueId, AnyNode[]>();
  private readonly forward = new Map<string, Node<'attention'>>();
  private readonly lse = new Map<AnyNode, ValueId>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.edit = new GraphEditor(graph, { nodes: 'none', dialect: KERNELS });
    this.order = new Map(graph.nodes.map((node, order) => [node, order]));
    for (const node of graph.nodes) {
      if (node.op === 'attention') this.forward.set(keyOf(node.inputs, node.attributes), node);
      for (const value of new Set(node.inputs)) this.users.set(value, [...(this.users.get(value) ?? []), node]);
    }
  }

  run(): Graph {
    const { edit, graph } = this;
    const saving = new Set(
      graph.nodes.map((node) => (node.op === 'attention_grad' ? this.forwardOf(node) : undefined)),
    );
    for (const node of graph.nodes) {
      if (node.op === 'attention_grad') this.gradient(node);
      else if (node.op === 'attention' && saving.has(node)) {
        const { inputs, attributes, origin, outputs: as } = node;
        this.lse.set(node, edit.results('attention', inputs, attributes, 2, { origin, as })[1]!);
      } else edit.keep(node);
    }
    return edit.build();
  }

  /** The attention before a gradient that it is the gradient of. */
  private forwardOf(node: Node<'attention_grad'>): Node<'attention'> | undefined {
    const [q, k, v, , ...mask] = node.inputs as [ValueId, ValueId, ValueId, ValueId, ...ValueId[]];
    const forward = this.forward.get(keyOf([q, k, v, ...mask], node.attributes));
    return forward && this.order.get(forward)! < this.order.get(node)! ? forward : undefined;
  }

  private gradient(node: Node<'attention_grad'>): void {
    const { edit } = this;
    const { inputs, attributes, origin, outputs: as } = node;
    const forward = this.forwardOf(node);
    if (!forward) {
      edit.results('attention_grad', inputs, attributes, 4, { origin, as });
      return;
    }
    const dy = inputs[3];
    const emit = <N extends OpName>(op: N, operands: Operands<N, ValueId>, given: OpAttributes[N]): ValueId =>
      edit.node(op, operands, given, { origin });
    // y as its readers have it, turned back: the kernel writes it where they read it, and once
    const views = this.viewsOf(forward.outputs[0], this.order.get(node)!);
    let y = views.at(-1)?.outputs[0] ?? forward.outputs[0];
    for (const view of views.toReversed()) {
      if (view.op === 'reshape') y = emit('reshape', [y], { shape: edit.typeOf(view.inputs[0]!).shape });
      else {
        const { permutation } = view.attributes;
        y = emit('transpose', [y], { permutation: permutation.map((_, axis) => permutation.indexOf(axis)) });
      }
    }
    const delta = emit('sum', [emit('mul', [dy, y], {})], { axes: [3], keepdims: true });
    const statistics = emit('concat', [this.lse.get(forward)!, delta], { axis: 3 });
    edit.results('attention_grad', [...inputs, statistics], attributes, 3, { origin, as });
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

function keyOf(inputs: readonly ValueId[], attributes: OpAttributes['attention']): string {
  return `${inputs.join()} ${JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}
