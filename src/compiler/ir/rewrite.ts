/**
 * How passes make a new graph from an old one.
 *
 * A `Rewriter` walks the old graph's values into a new numbering: inputs first, then parameters,
 * constants and nodes, so a pass that changes nothing gives a canonical renumbering. The pass visits the
 * old nodes in order and, for each, copies it, emits others in its place, or maps its outputs to values
 * that exist already. Origins stay with what replaces a node.
 */
import type { WideTensor } from '../../shared/tensor.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import { mapResults, type Results } from '../ops/declare.ts';
import { mapOperands } from '../ops/operands.ts';
import type {
  AnyNode,
  Graph,
  GraphConstant,
  GraphInput,
  GraphParameter,
  Origin,
  TensorType,
  ValueId,
} from './graph.ts';
import { typeOf } from './graph.ts';
import { resultTypes } from './infer.ts';
import { made } from './made.ts';

/** What of the old graph to keep; by default everything. */
export interface Keep {
  readonly parameter?: (parameter: GraphParameter) => boolean;
  readonly constant?: (constant: GraphConstant) => boolean;
}

export class Rewriter {
  private readonly old: Graph;
  private readonly types: TensorType[] = [];
  private readonly inputs: GraphInput[] = [];
  private readonly parameters: GraphParameter[] = [];
  private readonly constants: GraphConstant[] = [];
  private readonly nodes: AnyNode[] = [];
  /** new value of each old one */
  private readonly values: (ValueId | undefined)[];
  /** new node that defines each new value; none for inputs, parameters and constants */
  private readonly producers: (AnyNode | undefined)[] = [];
  private readonly tensors = new Map<ValueId, WideTensor>();

  constructor(old: Graph, keep: Keep = {}) {
    this.old = old;
    this.values = new Array<ValueId | undefined>(old.types.length);
    for (const { name, value } of old.inputs) this.inputs.push({ name, value: this.carry(value) });
    for (const parameter of old.parameters) {
      if (keep.parameter?.(parameter) ?? true) {
        this.parameters.push({ key: parameter.key, value: this.carry(parameter.value) });
      }
    }
    for (const constant of old.constants) {
      if (keep.constant?.(constant) ?? true) this.replace(constant.value, this.constant(constant.tensor));
    }
  }

  /** The new value of an old one. */
  valueOf(old: ValueId): ValueId {
    const value = this.values[old];
    if (value === undefined) throw new Error(`%${old} of graph ${this.old.name} was dropped and is used`);
    return value;
  }

  /** Type of a new value. */
  typeOf(value: ValueId): TensorType {
    return this.types[value]!;
  }

  /** The new node that defines a new value; none for inputs, parameters and constants. */
  producerOf(value: ValueId): AnyNode | undefined {
    return this.producers[value];
  }

  /** The elements of a new value that is a constant. */
  constantOf(value: ValueId): WideTensor | undefined {
    return this.tensors.get(value);
  }

  /** Uses of the old value become uses of this new one. */
  replace(old: ValueId, value: ValueId): void {
    this.values[old] = value;
  }

  constant(tensor: WideTensor): ValueId {
    const value = this.fresh({ dtype: tensor.dtype, shape: tensor.shape });
    this.constants.push({ value, tensor });
    this.tensors.set(value, tensor);
    return value;
  }

  /** A new node over new values. @throws TypeRuleError */
  emit<N extends OpName>(
    op: N,
    inputs: Operands<N, ValueId>,
    attributes: OpAttributes[N],
    origin: Origin,
  ): Results<ValueId> {
    const operands = mapOperands(op, inputs, (value) => this.typeOf(value));
    const types = resultTypes(op, operands, attributes);
    return this.append(op, inputs, attributes, origin, types);
  }

  /** The old node over the new values of its operands, with the types it had. */
  copy(node: AnyNode): void {
    const inputs = node.inputs.map((value) => this.valueOf(value));
    const types = mapResults(node.outputs, (value) => typeOf(this.old, value));
    const outputs = this.append(node.op, inputs, node.attributes, node.origin, types);
    for (const [index, value] of node.outputs.entries()) this.replace(value, outputs[index]!);
  }

  finish(): Graph {
    return made({
      name: this.old.name,
      inputs: this.inputs,
      parameters: this.parameters,
      constants: this.constants,
      nodes: this.nodes,
      outputs: this.old.outputs.map(({ name, value }) => ({ name, value: this.valueOf(value) })),
      requires: this.old.requires,
      types: this.types,
    });
  }

  private append(
    op: OpName,
    inputs: readonly ValueId[],
    attributes: OpAttributes[OpName],
    origin: Origin,
    types: Results<TensorType>,
  ): Results<ValueId> {
    const outputs = mapResults(types, (type) => this.fresh(type));
    const node = { op, inputs, outputs, attributes, origin } as unknown as AnyNode;
    this.nodes.push(node);
    for (const value of outputs) this.producers[value] = node;
    return outputs;
  }

  private carry(old: ValueId): ValueId {
    const value = this.fresh(typeOf(this.old, old));
    this.replace(old, value);
    return value;
  }

  private fresh(type: TensorType): ValueId {
    this.types.push(type);
    return this.types.length - 1;
  }
}
