/**
 * What graphs of this target have beside what the records of the ops say, from decomposition on:
 *
 *   y, lse [B, H, T, 1] = attention(q, k, v, mask?)                     the log-sum-exp of each query's scores
 *   dq, dk, dv = attention_grad(q, k, v, dy, mask?, statistics)         [B, H, T, 2]: lse and Σ dy · y
 *   dq, dk, dv, statistics = attention_grad(q, k, v, dy, mask?)         made by a kernel of its own
 *   parameters that are rows of a larger one share its key, and are told apart by their part
 */
import { equalShapes, type Shape } from '../../../shared/dim.ts';
import type { GraphParameter, Node, TensorType, ValueId } from '../../ir/graph.ts';
import type { Dialect, NodeSpec } from '../../ir/infer.ts';
import { maskAndBias } from '../../ops/attention-scores.ts';
import type { OpAttributes } from '../../ops/attributes.ts';
import { specOf } from '../../ops/index.ts';
import { operandsOf } from '../../ops/operands.ts';
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
  readonly mask?: ValueId;
  readonly bias?: ValueId;
  readonly statistics: ValueId;
  /** whether a kernel of the node itself has to make the statistics */
  readonly makesThem: boolean;
}

export function gradientOperands({ inputs, outputs, attributes }: Node<'attention_grad'>): GradientOperands {
  const makesThem = outputs.length > 3;
  const more = maskAndBias(makesThem ? inputs.slice(4) : inputs.slice(4, -1), attributes);
  return { dy: inputs[3], ...more, statistics: makesThem ? outputs[3]! : inputs.at(-1)!, makesThem };
}

/** The log-sum-exp of each query's scores is a second result. */
const SAVING: NodeSpec = {
  operands: specOf('attention').operands,
  infer: (inputs, attributes) => [
    ...specOf('attention').infer(operandsOf('attention', inputs), attributes as OpAttributes['attention']),
    perQuery(inputs, 1),
  ],
};

/** The statistics are the last operand. */
const GIVEN: NodeSpec = {
  operands: [
    ...specOf('attention_grad').operands,
    // of each query, [B, H, T, 2]: the log-sum-exp of its scores, and Σ dy · y
    { name: 'statistics' },
  ],
  infer(inputs, attributes) {
    const [statistics, given] = [perQuery(inputs, 2), inputs.at(-1)!];
    if (given.dtype !== statistics.dtype || !equalShapes(given.shape, statistics.shape)) {
      throw new TypeRuleError(
        `attention_grad takes statistics of ${printType(statistics)} and got ${printType(given)}`,
      );
    }
    return specOf('attention_grad').infer(
      operandsOf('attention_grad', inputs.slice(0, -1)),
      attributes as OpAttributes['attention_grad'],
    );
  },
};

/** The statistics are a fourth result: a kernel of the node itself makes them. */
const MAKING: NodeSpec = {
  operands: specOf('attention_grad').operands,
  infer: (inputs, attributes) => [
    ...specOf('attention_grad').infer(
      operandsOf('attention_grad', inputs),
      attributes as OpAttributes['attention_grad'],
    ),
    perQuery(inputs, 2),
  ],
};

export const KERNELS: Dialect = {
  parameterName: (parameter) => (isPart(parameter) ? `${parameter.key} part ${parameter.part}` : parameter.key),
  specOf(op, results) {
    if (op === 'attention' && results > 1) return SAVING;
    if (op === 'attention_grad') return results > 3 ? MAKING : GIVEN;
    return undefined;
  },
};

/** f32 [B, H, T, count] */
function perQuery([q]: readonly TensorType[], count: number): TensorType {
  const rows: Shape = q!.shape.slice(0, 3);
  return { dtype: 'f32', shape: [...rows, count] };
}
