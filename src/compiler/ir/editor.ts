/**
 * A finished graph, edited: new inputs and parameters, nodes behind the old ones or among them, other outputs. Old value ids
 * stay. Every node's types are inferred, also where its results are values that exist.
 *
 *   behind     new GraphEditor(graph), node(…) …                                    the old nodes are there already
 *   among      new GraphEditor(graph, { nodes: 'none' }), then each with keep(node), or others in its place: node(…, { as })
 */
import { equalShapes, type Shape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import { mapResults, type Results } from '../ops/declare.ts';
import { mapOperands } from '../ops/operands.ts';
import { printType } from '../ops/rules.ts';
import { TypeRuleError } from '../ops/spec.ts';
import type {
  AnyNode,
  Graph,
  GraphConstant,
  GraphInput,
  GraphOutput,
  GraphParameter,
  Origin,
  TensorType,
  ValueId,
} from './graph.ts';
import { type Dialect, resultTypes } from './infer.ts';
import { made } from './made.ts';

/** What optimisers and statistics need of a graph under construction; GraphBuilder has it too. */
export interface NodeSink {
  node<N extends OpName>(op: N, inputs: Operands<N, ValueId>, attributes: OpAttributes[N]): ValueId;
  scalar(value: number, dtype?: DType): ValueId;
  constant(tensor: WideTensor): ValueId;
  typeOf(value: ValueId): TensorType;
}

export interface EditOptions {
  /** `none`: the old nodes are not there until they are kept */
  readonly nodes?: 'all' | 'none';
  readonly dialect?: Dialect;
}

export interface NodeOptions {
  readonly origin?: Origin;
  /** results that exist: what the node stands in the place of */
  readonly as?: readonly ValueId[];
}

const NOWHERE: Origin = { path: '' };

export class GraphEditor implements NodeSink {
  private readonly old: Graph;
  private readonly dialect: Dialect | undefined;
  private readonly types: TensorType[];
  private readonly inputs: GraphInput[];
  private readonly parameters: GraphParameter[];
  private readonly constants: GraphConstant[];
  private readonly nodes: AnyNode[];
  private outputs: GraphOutput[];

  constructor(old: Graph, { nodes = 'all', dialect }: EditOptions = {}) {
    this.old = old;
    this.dialect = dialect;
    this.types = [...old.types];
    this.inputs = [...old.inputs];
    this.parameters = [...old.parameters];
    this.constants = [...old.constants];
    this.nodes = nodes === 'all' ? [...old.nodes] : [];
    this.outputs = [...old.outputs];
  }

  typeOf(value: ValueId): TensorType {
    return this.types[value]!;
  }

  input(name: string, dtype: DType, shape: Shape): ValueId {
    const value = this.fresh({ dtype, shape });
    this.inputs.push({ name, value });
    return value;
  }

  /** Their values stay: what comes next defines them. */
  dropInputs(drop: (name: string) => boolean): void {
    this.inputs.splice(0, this.inputs.length, ...this.inputs.filter(({ name }) => !drop(name)));
  }

  /** @param parameter what a dialect has of it beside its value */
  parameter<P extends Omit<GraphParameter, 'value'>>(parameter: P, type: TensorType): P & GraphParameter {
    const made = { ...parameter, value: this.fresh(type) };
    this.parameters.push(made);
    return made;
  }

  constant(tensor: WideTensor): ValueId {
    const value = this.fresh({ dtype: tensor.dtype, shape: tensor.shape });
    this.constants.push({ value, tensor });
    return value;
  }

  scalar(value: number, dtype: DType = 'f32'): ValueId {
    return this.constant({ dtype, shape: [], data: Float64Array.of(value) });
  }

  /** An old node, as it is. */
  keep(node: AnyNode): void {
    this.nodes.push(node);
  }

  /** A node with one result. @throws TypeRuleError when the operands do not fit */
  node<N extends OpName>(
    op: N,
    inputs: Operands<N, ValueId>,
    attributes: OpAttributes[N],
    options: NodeOptions = {},
  ): ValueId {
    return this.results(op, inputs, attributes, 1, options)[0];
  }

  /**
   * A node with so many results.
   * @param options results in `as` are the first of them
   * @throws TypeRuleError when the operands do not fit, or a result that exists has another type
   */
  results<N extends OpName>(
    op: N,
    inputs: Operands<N, ValueId>,
    attributes: OpAttributes[N],
    count: number,
    { origin = NOWHERE, as = [] }: NodeOptions = {},
  ): Results<ValueId> {
    const operands = mapOperands(op, inputs, (value) => this.typeOf(value));
    const types = resultTypes(op, operands, attributes, { dialect: this.dialect, results: count });
    const outputs = mapResults(types, (type, index) => as[index] ?? this.fresh(type));
    for (const [index, value] of as.entries()) {
      const [is, says] = [this.types[value]!, types[index]!];
      if (is.dtype !== says.dtype || !equalShapes(is.shape, says.shape))
        throw new TypeRuleError(`${op} gives ${printType(says)} in the place of ${printType(is)}`);
    }
    this.nodes.push({ op, inputs, outputs, attributes, origin } as unknown as AnyNode);
    return outputs;
  }

  /** The value of an output. */
  outputOf(name: string): ValueId {
    const output = this.outputs.find((candidate) => candidate.name === name);
    if (!output) throw new Error(`graph ${this.old.name} has no output ${name}`);
    return output.value;
  }

  output(name: string, value: ValueId): void {
    this.outputs.push({ name, value });
  }

  keepOutputs(keep: (name: string) => boolean): void {
    this.outputs = this.outputs.filter(({ name }) => keep(name));
  }

  build(name: string = this.old.name): Graph {
    const { inputs, parameters, constants, nodes, outputs, types } = this;
    const { requires } = this.old;
    return made({ name, inputs, parameters, constants, nodes, outputs, requires, types }, this.dialect);
  }

  private fresh(type: TensorType): ValueId {
    this.types.push(type);
    return this.types.length - 1;
  }
}

/** Parameters become inputs named by `nameOf`: what changes at run time is fed, what does not stays in the weights. */
export function promoteParameters(graph: Graph, keys: ReadonlySet<string>, nameOf: (key: string) => string): Graph {
  const promoted = graph.parameters.filter(({ key }) => keys.has(key));
  return made({
    ...graph,
    inputs: [...graph.inputs, ...promoted.map(({ key, value }) => ({ name: nameOf(key), value }))],
    parameters: graph.parameters.filter(({ key }) => !keys.has(key)),
  });
}
