/**
 * Floating-point operations of a graph's contractions, by shapes: a multiplication and an addition for each product.
 * Everything else (norms, softmax, gelu, dropout's masks, the update) counts as nothing, so a rate in GFLOP/s made of
 * this and of the whole time is a lower bound of what the processor did.
 */
import type { AnyNode, Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { typeOf } from '../../src/compiler/ir/graph.ts';
import { isBackward } from '../../src/compiler/passes/autodiff/index.ts';
import { evaluateDim, productOf } from '../../src/shared/dim.ts';

export interface Flops {
  readonly forward: number;
  /** of gradients, and of what is computed again */
  readonly backward: number;
}

/** @throws Error when a dynamic dim has no size */
export function flopsOf(graph: Graph, dims: ReadonlyMap<string, number>): Flops {
  const sum = (nodes: readonly AnyNode[]): number =>
    nodes.reduce((total, node) => total + 2 * productsOf(graph, node, dims), 0);
  return {
    forward: sum(graph.nodes.filter((node) => !isBackward(node))),
    backward: sum(graph.nodes.filter(isBackward)),
  };
}

function productsOf(graph: Graph, node: AnyNode, dims: ReadonlyMap<string, number>): number {
  const shape = (value: ValueId): number[] => typeOf(graph, value).shape.map((dim) => evaluateDim(dim, dims));
  const size = (value: ValueId): number => evaluateDim(productOf(typeOf(graph, value).shape), dims);
  const [a, b, c] = node.inputs;
  /** a kernel's taps: [O, C/groups, kh, kw] → C/groups · kh · kw */
  const taps = (weight: readonly number[]): number => weight.slice(1).reduce((product, dim) => product * dim, 1);
  switch (node.op) {
    case 'linear':
      return size(node.outputs[0]) * shape(a!).at(-1)!;
    case 'matmul': {
      const left = shape(a!);
      return size(node.outputs[0]) * left.at(node.attributes.transpose_a && left.length > 1 ? -2 : -1)!;
    }
    case 'attention': {
      // q [B, H, T, D] with k [B, H, S, D], then with v [B, H, S, E]
      const [rows, heads, length, width] = shape(a!) as [number, number, number, number];
      return rows * heads * length * shape(b!)[2]! * (width + shape(c!)[3]!);
    }
    case 'conv2d':
      return size(node.outputs[0]) * taps(shape(b!));
    case 'conv2d_grad_input':
      return size(a!) * taps(shape(b!));
    case 'conv2d_grad_weight':
      return size(b!) * taps(shape(node.outputs[0]));
    default:
      return 0;
  }
}
