/** Appends to a finished graph: new inputs, nodes behind the old ones, other outputs. Old value ids stay. */
import type { Shape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import type { AnyNode, Graph, GraphConstant, GraphInput, GraphOutput, TensorType, ValueId } from '../ir/graph.ts';
import { made } from '../ir/made.ts';
import type { OpAttributes, OpName } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';

/** What optimisers and statistics need of a graph under construction; GraphBuilder has it too. */
export interface NodeSink {
  node<N extends OpName>(op: N, inputs: readonly ValueId[], attributes: OpAttributes[N]): ValueId;
  scalar(value: number, dtype?: DType): ValueId;
  typeOf(value: ValueId): TensorType;
}

export class GraphExtension implements NodeSink {
  private readonly old: Graph;
  private readonly types: TensorType[];
  private readonly inputs: GraphInput[];
  private readonly constants: GraphConstant[];
  private readonly nodes: AnyNode[];
  private outputs: GraphOutput[];

  constructor(old: Graph) {
    this.old = old;
    this.types = [...old.types];
    this.inputs = [...old.inputs];
    this.constants = [...old.constants];
    this.nodes = [...old.nodes];
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

  constant(tensor: WideTensor): ValueId {
    const value = this.fresh({ dtype: tensor.dtype, shape: tensor.shape });
    this.constants.push({ value, tensor });
    return value;
  }

  scalar(value: number, dtype: DType = 'f32'): ValueId {
    return this.constant({ dtype, shape: [], data: Float64Array.of(value) });
  }

  /** A node with one output. */
  node<N extends OpName>(op: N, inputs: readonly ValueId[], attributes: OpAttributes[N]): ValueId {
    const types = specOf(op).infer(
      inputs.map((value) => this.types[value]!),
      attributes,
    );
    const output = this.fresh(types[0]!);
    this.nodes.push({ op, inputs, outputs: [output], attributes, origin: { path: '' } } as unknown as AnyNode);
    return output;
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
    const { inputs, constants, nodes, outputs, types } = this;
    const { parameters, requires } = this.old;
    return made({ name, inputs, parameters, constants, nodes, outputs, requires, types });
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
