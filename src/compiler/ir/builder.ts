/**
 * Builds a graph node by node, inferring every type through the op records.
 *
 * Parameters are shared by key and equal scalar constants are shared, so tracing 32 equal layers does
 * not make 32 copies of `0.5`.
 */
import type { Dim, Shape } from '../../shared/dim.ts';
import { atLeastZero, isSymbolic, primitivePart, printAtLeastZero, printDim } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import { mapResults, type Results } from '../ops/declare.ts';
import { specOf } from '../ops/index.ts';
import { mapOperands } from '../ops/operands.ts';
import { TypeRuleError } from '../ops/spec.ts';
import {
  type AnyNode,
  type Graph,
  type GraphConstant,
  type GraphInput,
  type GraphOutput,
  type GraphParameter,
  MAX_RANK,
  type Origin,
  type Requirement,
  type TensorType,
  type ValueId,
} from './graph.ts';
import { resultTypes } from './infer.ts';
import { made } from './made.ts';

const NOWHERE: Origin = { path: '' };

export class GraphBuilder {
  readonly name: string;
  private readonly types: TensorType[] = [];
  private readonly inputs: GraphInput[] = [];
  private readonly parameters = new Map<string, ValueId>();
  private readonly constants: GraphConstant[] = [];
  private readonly scalars = new Map<string, ValueId>();
  private readonly nodes: AnyNode[] = [];
  private readonly outputs: GraphOutput[] = [];
  private readonly requirements = new Map<string, Requirement>();

  constructor(name: string) {
    this.name = name;
  }

  /** Nodes so far. */
  get nodeCount(): number {
    return this.nodes.length;
  }

  /** Values so far. */
  get valueCount(): number {
    return this.types.length;
  }

  typeOf(value: ValueId): TensorType {
    const type = this.types[value];
    if (!type) throw new Error(`no value %${value} in graph ${this.name}`);
    return type;
  }

  input(name: string, dtype: DType, shape: Shape): ValueId {
    const value = this.fresh({ dtype, shape });
    this.inputs.push({ name, value });
    return value;
  }

  /** The parameter of this checkpoint key; the same value each time it is asked for. */
  parameter(key: string, dtype: DType, shape: Shape): ValueId {
    const before = this.parameters.get(key);
    if (before !== undefined) return before;
    const value = this.fresh({ dtype, shape });
    this.parameters.set(key, value);
    return value;
  }

  /** The parameter of this key, if it was asked for. */
  knownParameter(key: string): ValueId | undefined {
    return this.parameters.get(key);
  }

  /** The values from before node `first` that a value is computed from; the walk ends at `ends`. */
  sourcesOf(value: ValueId, first: number, ends: ReadonlySet<ValueId | undefined>): ReadonlySet<ValueId> {
    const live = new Set([value]);
    for (const { op, inputs, outputs } of this.nodes.slice(first).toReversed()) {
      if (op === 'stop_gradient' || !outputs.some((output) => live.has(output) && !ends.has(output))) continue;
      for (const input of inputs) live.add(input);
    }
    return live;
  }

  constant(tensor: WideTensor): ValueId {
    const value = this.fresh({ dtype: tensor.dtype, shape: tensor.shape });
    this.constants.push({ value, tensor });
    return value;
  }

  scalar(value: number, dtype: DType = 'f32'): ValueId {
    const key = `${dtype} ${Object.is(value, -0) ? '-0' : value}`;
    const before = this.scalars.get(key);
    if (before !== undefined) return before;
    const id = this.constant({ dtype, shape: [], data: Float64Array.of(value) });
    this.scalars.set(key, id);
    return id;
  }

  /**
   * Adds a node and returns its outputs.
   * @throws TypeRuleError when the operands do not fit the op
   */
  nodeOutputs<N extends OpName>(
    op: N,
    inputs: Operands<N, ValueId>,
    attributes: OpAttributes[N],
    origin: Origin = NOWHERE,
  ): Results<ValueId> {
    const operands = mapOperands(op, inputs, (id) => this.typeOf(id));
    const types = resultTypes(op, operands, attributes);
    const needs = specOf(op).requires?.(operands, attributes);
    for (const { dim, what } of needs ?? []) this.require({ dim, what, origin });
    for (const dim of types.flatMap(({ shape }) => shape).filter(isSymbolic)) {
      this.require({ dim, what: `an axis of size ${printDim(dim)}`, origin });
    }
    const outputs = mapResults(types, (type) => this.fresh(type));
    this.nodes.push({ op, inputs, outputs, attributes, origin } as unknown as AnyNode);
    return outputs;
  }

  /** Adds a node with one output and returns it. */
  node<N extends OpName>(
    op: N,
    inputs: Operands<N, ValueId>,
    attributes: OpAttributes[N],
    origin: Origin = NOWHERE,
  ): ValueId {
    const outputs = this.nodeOutputs(op, inputs, attributes, origin);
    if (outputs.length !== 1) throw new Error(`${op} has ${outputs.length} outputs`);
    return outputs[0];
  }

  /**
   * The graph runs only where `dim` ≥ 0.
   * @throws TypeRuleError when no sizes give that
   */
  require(requirement: Requirement): void {
    const { dim, what } = requirement;
    const sign = atLeastZero(dim);
    if (sign === 'always') return;
    if (sign === 'never') throw new TypeRuleError(`${what} needs ${printAtLeastZero(dim)}, which no sizes give`);
    // sizes are at least 0, so 4·B·(T − 1) is where T − 1 is
    const implied = isSymbolic(dim) && this.requirements.has(printDim(primitivePart(dim)));
    if (!implied && !this.requirements.has(printDim(dim))) this.requirements.set(printDim(dim), requirement);
  }

  output(name: string, value: ValueId): void {
    this.outputs.push({ name, value });
  }

  build(): Graph {
    return made({
      name: this.name,
      inputs: this.inputs,
      parameters: [...this.parameters].map(([key, value]): GraphParameter => ({ key, value })),
      constants: this.constants,
      nodes: this.nodes,
      outputs: this.outputs,
      requires: [...this.requirements.values()],
      types: this.types,
    });
  }

  private fresh(type: TensorType): ValueId {
    if (type.shape.length > MAX_RANK)
      throw new TypeRuleError(`a tensor may have ${MAX_RANK} axes, and this one would have ${type.shape.length}`);
    for (const dim of type.shape) {
      if (!isSymbolic(dim) && (!Number.isSafeInteger(dim) || dim < 0)) {
        throw new TypeRuleError(`a dimension must be an integer of at least 0, and ${printDim(dim as Dim)} is not`);
      }
    }
    this.types.push(type);
    return this.types.length - 1;
  }
}
