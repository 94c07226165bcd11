/** ONNX files that tests make themselves. */
import { encodeModel, type ModelProto, type NodeProto } from '../../src/compiler/backends/onnx/proto.ts';

export interface Parts {
  readonly nodes: readonly NodeProto[];
  readonly inputs?: readonly (readonly [string, readonly (number | string)[], number?])[];
  readonly outputs: readonly string[];
  readonly initialisers?: NonNullable<ModelProto['graph']>['initializer'];
  readonly name?: string;
  readonly opset?: number;
}

/** An ONNX file of these parts. */
export function onnx({
  nodes,
  inputs = [['x', ['B', 4]]],
  outputs,
  initialisers = [],
  name = 'g',
  opset = 17,
}: Parts): Uint8Array {
  const typed = (value: string, shape: readonly (number | string)[], elemType = 1) => ({
    name: value,
    type: {
      tensorType: {
        elemType,
        shape: { dim: shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size })) },
      },
    },
  });
  return encodeModel({
    irVersion: 8,
    producerName: 'test',
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name,
      node: [...nodes],
      input: inputs.map(([value, shape, type]) => typed(value, shape, type)),
      output: outputs.map((value) => typed(value, [])),
      initializer: [...(initialisers ?? [])],
    },
  });
}

export const node = (
  opType: string,
  input: string[],
  output: string[],
  name = '',
  attribute: NodeProto['attribute'] = [],
): NodeProto => ({
  opType,
  input,
  output,
  name,
  attribute: attribute ?? [],
});

export const floats = (name: string, dims: number[], fill = 1) => ({
  name,
  dims,
  dataType: 1,
  rawData: new Uint8Array(Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill + i).buffer),
});
