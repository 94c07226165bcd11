/**
 * What graphs of this target have beside what the records of the ops say, from decomposition on:
 *
 *   y, lse [B, H, T, 1] = attention(q, k, v, mask?)                     the log-sum-exp of each query's scores
 *   dq, dk, dv = attention_grad(q, k, v, dy, mask?, statistics)         [B, H, T, 2]: lse and Σ dy · y
 *   dq, dk, dv, statistics = attention_grad(q, k, v, dy, mask?)         made by a kernel of its own
 *   parameters that are rows of a larger one share its key, and are told apart by their part
 */
import { equalShapes, type Shape } from '../../../shared/dim.ts';
import type { AnyNode, GraphParameter, Node, TensorType, ValueId } from '../../ir/graph.ts';
import type { Dialect } from '../../ir/verify.ts';
import { specOf } from '../../ops/index.ts';
import { printType } from '../../ops/rules.ts';
import { TypeRuleError } from '../../ops/spec.ts';

/** The rows of a parameter that one of its buffers holds, as a parameter [rows, …] of their own. */
export interface ParameterPart extends GraphParameter {
  readonly part: number;
}

const isPart = (parameter: GraphParameter): parameter is ParameterPart => 'part' in parameter;

/** An attention_grad of a decomposed graph, by what its operands are. */
export interface GradientOperands {
  readonly dy: ValueId;
  readonly mask: ValueId | undefined;
  readonly statistics: ValueId;
  /** whether a kernel of the node itself has to make the statistics */
  readonly makesThem: boolean;
}

export function gradientOperands({ inputs, outputs }: Node<'attention_grad'>): GradientOperands {
  const dy = inputs[3]!;
  if (outputs.length > 3) return { dy, mask: inputs[4], statistics: outputs[3]!, makesThem: true };
  return { dy, mask: inputs.length > 5 ? inputs[4] : undefined, statistics: inputs.at(-1)!, makesThem: false };
}

export const KERNELS: Dialect = {
  parameterName: (parameter) => (isPart(parameter) ? `${parameter.key} part ${parameter.part}` : parameter.key),
  infer(node: AnyNode, inputs: readonly TensorType[]) {
    const { op, attributes } = node;
    if (op === 'attention' && node.outputs.length > 1) {
      return [...specOf(op).infer(inputs, attributes), perQuery(inputs, 1)];
    }
    if (op !== 'attention_grad') return undefined;
    const statistics = perQuery(inputs, 2);
    if (gradientOperands(node).makesThem) return [...specOf(op).infer(inputs, attributes), statistics];
    const given = inputs.at(-1)!;
    if (given.dtype !== statistics.dtype || !equalShapes(given.shape, statistics.shape)) {
      throw new TypeRuleError(
        `attention_grad takes statistics of ${printType(statistics)} and got ${printType(given)}`,
      );
    }
    return specOf(op).infer(inputs.slice(0, -1), attributes);
  },
};

/** f32 [B, H, T, count] */
function perQuery([q]: readonly TensorType[], count: number): TensorType {
  const rows: Shape = q!.shape.slice(0, 3);
  return { dtype: 'f32', shape: [...rows, count] };
}
