/** What a kernel is called, by the ops that the user wrote, and what it costs: labels, origins, the header of its text, floating-point operations. */
import { addDims, type Dim, mulDims, productOf } from '../../../../shared/dim.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../../ir/graph.ts';
import { type ConvolutionNode, isContraction, isConvolution, type Kernel, kernelsOf } from '../kernel.ts';
import type { GraphFacts } from '../text/evaluator.ts';
import { isReduction } from '../text/reduce.ts';
import { isPointwise } from '../text/scalar.ts';

export class Descriptions {
  private readonly facts: GraphFacts;
  /** values that kernels write */
  private readonly stored: ReadonlySet<ValueId>;
  private readonly computed = new Map<Kernel, readonly AnyNode[]>();

  constructor(facts: GraphFacts, stored: ReadonlySet<ValueId>) {
    this.facts = facts;
    this.stored = stored;
  }

  /** Nodes that a kernel computes beside its contraction and reductions; asked for again and again once fusion is done. */
  computedBy(kernel: Kernel): readonly AnyNode[] {
    const before = this.computed.get(kernel);
    if (before) return before;
    const seen = new Set<AnyNode>();
    const roots = new Set(kernel.outputs.map(({ value }) => value));
    const open = [
      ...roots,
      ...[...kernel.reductions, ...(kernel.contraction ? [kernel.contraction] : [])].flatMap((node) => node.inputs),
    ];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      const node = this.facts.producers.get(value);
      if (!node || seen.has(node) || isContraction(node, this.facts.graph.types) || isReduction(node.op)) continue;
      if (this.stored.has(value) && !roots.has(value)) continue;
      seen.add(node);
      open.push(...node.inputs);
    }
    const nodes = [...seen];
    this.computed.set(kernel, nodes);
    return nodes;
  }

  /** `layer_norm → linear   phi-2.mdl:42:9`: the ops of the source in order, and the line of the last */
  headerOf(kernel: Kernel): string {
    const source = this.nodesOf(kernel).at(-1)?.origin.source;
    return `${this.labelOf(kernel)}${source === undefined ? '' : `   ${source}`}`;
  }

  /** Each node that a kernel computes, in the graph's order. */
  nodesOf(kernel: Kernel): AnyNode[] {
    const own = [...this.computedBy(kernel), ...kernel.reductions, ...(kernel.contraction ? [kernel.contraction] : [])];
    return own.sort((a, b) => this.facts.order.get(a)! - this.facts.order.get(b)!);
  }

  labelOf(kernel: Kernel): string {
    const ops = this.nodesOf(kernel).map(({ op, origin }) => origin.op ?? op);
    const shown: string[] = ops.filter((op, index) => op !== ops[index - 1]);
    if (shown.length === 0) return 'copy';
    // what the new rows go through is in the header of the text
    if (kernel.fresh) shown.unshift(kernel.fresh.query ? 'new q, k, v' : 'new k, v');
    return shown.length <= 8 ? shown.join(' → ') : [...shown.slice(0, 3), '…', ...shown.slice(-4)].join(' → ');
  }

  /** A value's layer and the op that makes it, joined by a dot: `input_layernorm.layer_norm`. */
  nameOf(value: ValueId): string | undefined {
    const node = this.facts.producers.get(value);
    if (!node) return undefined;
    const layer = node.origin.path.split('.').findLast((part) => /[a-z]/i.test(part));
    return [...(layer ? [layer] : []), node.origin.op ?? node.op].join('.');
  }

  /** `llama_model.model.layers.3 · models/phi-2.mdl:42:9`: where the last node came from */
  originOf(kernel: Kernel): string {
    const { path, source } = this.nodesOf(kernel).at(-1)?.origin ?? { path: this.facts.graph.name };
    return [path, source].filter((part) => part !== undefined && part !== '').join(' · ');
  }

  originsOf(kernels: readonly Kernel[]): string {
    return kernels.map((kernel) => this.originOf(kernel)).join(' ‖ ');
  }

  flopsOf(kernel: Kernel): Dim {
    const { fresh, shape } = kernel;
    const prepared = fresh ? kernelsOf(fresh).map((part) => this.flopsOf(part)) : [];
    const points = productOf(shape);
    let flops: Dim = prepared.reduce<Dim>(addDims, 0);
    flops = addDims(flops, mulDims(points, this.computedBy(kernel).filter(({ op }) => isPointwise(op)).length));
    for (const reduction of kernel.reductions)
      flops = addDims(flops, productOf(typeOf(this.facts.graph, reduction.inputs[0]!).shape));
    if (!kernel.contraction) return flops;
    return addDims(flops, contractionFlops(this.facts.graph, kernel.contraction));
  }
}

/** Multiplications and additions of a contraction. */
function contractionFlops(graph: Graph, contraction: NonNullable<Kernel['contraction']>): Dim {
  const shapes = contraction.inputs.map((value) => typeOf(graph, value).shape);
  const out = productOf(typeOf(graph, contraction.outputs[0]!).shape);
  if (contraction.op === 'linear') return mulDims(mulDims(2, out), shapes[1]![1]!);
  if (contraction.op === 'matmul') {
    const shape = shapes[0]!;
    const k = shape.length > 1 && contraction.attributes.transpose_a ? shape.at(-2)! : shape.at(-1)!;
    return mulDims(mulDims(2, out), k);
  }
  if (isConvolution(contraction)) return convolutionFlops(graph, contraction);
  // scores and values: 2 · 2 · B·H·T·S·D, as often in each pass of the gradients
  return mulDims(4, mulDims(productOf(shapes[0]!), shapes[1]![2]!));
}

/** 2 · elements of the convolution's result · taps of a window, of either gradient as well. */
function convolutionFlops(graph: Graph, { op, inputs, outputs }: ConvolutionNode): Dim {
  const [result, weight] = {
    conv2d: [outputs[0], inputs[1]],
    conv2d_grad_input: [inputs[0], inputs[1]],
    conv2d_grad_weight: [inputs[1], outputs[0]],
  }[op].map((value) => typeOf(graph, value).shape);
  return mulDims(2, mulDims(productOf(result!), productOf(weight!.slice(1))));
}
