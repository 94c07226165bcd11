/** What a node's results are: by the record of its op, or by the spec that a dialect has for a node of this form. */
import type { OpAttributes, OpName } from '../ops/attributes.ts';
import type { Results } from '../ops/declare.ts';
import { specOf } from '../ops/index.ts';
import { type Spec, TypeRuleError } from '../ops/spec.ts';
import type { GraphParameter, TensorType } from './graph.ts';

/** Operands and type rule of a form of a node. */
export interface NodeSpec {
  readonly operands: Spec['operands'];
  /** @throws TypeRuleError when the operands do not fit */
  infer(inputs: readonly TensorType[], attributes: OpAttributes[OpName]): Results<TensorType>;
}

/** What a target's own graphs have beside what the records of the ops say. */
export interface Dialect {
  /** The spec of a node with so many results, where it is not that of the op's record. */
  specOf(op: OpName, results: number): NodeSpec | undefined;
  /** what no two parameters share; elsewhere their keys */
  parameterName(parameter: GraphParameter): string;
}

/**
 * @param results how many there are, where the form of the node depends on it
 * @throws TypeRuleError when there are too many or too few operands, or they do not fit
 */
export function resultTypes<N extends OpName>(
  op: N,
  inputs: readonly TensorType[],
  attributes: OpAttributes[N],
  { dialect, results = 1 }: { readonly dialect?: Dialect | undefined; readonly results?: number } = {},
): Results<TensorType> {
  const spec: NodeSpec = dialect?.specOf(op, results) ?? (specOf(op) as unknown as NodeSpec);
  const required = spec.operands.filter(({ optional }) => !optional).length;
  const most = spec.operands.some(({ variadic }) => variadic) ? Number.POSITIVE_INFINITY : spec.operands.length;
  if (inputs.length < required || inputs.length > most) {
    const counts = required === most ? required : `${required} to ${most}`;
    throw new TypeRuleError(`${op} takes ${counts} operands and got ${inputs.length}`);
  }
  return spec.infer(inputs, attributes);
}
