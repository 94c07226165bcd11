/**
 * A compiled model made by hand with onnx-proto, so that these tests do not depend on the compiler.
 *
 *     scale:  x [B, T] · w [1] → y [B, T]
 *     append: x [B, T, 2], past.0.key [B, P, 2], mask i64 [B, P + T], on bool [1] → present.0.key [B, P + T, 2], count i64 [1]
 *
 * w = 2.5 lies in weights.bin.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import type { Manifest, TensorPort } from '../../src/shared/artifact.ts';

const ELEMENT = { f32: 1, i64: 7, bool: 9 } as const;

function valueInfo({ name, dtype, shape }: TensorPort): onnx.IValueInfoProto {
  const dim = shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: ELEMENT[dtype], shape: { dim } } } };
}

function graphBytes(
  name: string,
  inputs: readonly TensorPort[],
  outputs: readonly TensorPort[],
  nodes: onnx.INodeProto[],
  weight: boolean,
): Uint8Array {
  const external = ['location', 'weights.bin', 'offset', '0', 'length', '4'];
  const initializer: onnx.ITensorProto = {
    name: 'w',
    dataType: 1,
    dims: [1],
    dataLocation: 1,
    externalData: [0, 2, 4].map((i) => ({ key: external[i]!, value: external[i + 1]! })),
  };
  const model = onnx.ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name,
      node: nodes,
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
      initializer: weight ? [initializer] : [],
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

const port = (name: string, dtype: TensorPort['dtype'], ...shape: (number | string)[]): TensorPort => ({
  name,
  dtype,
  shape,
});

export const TINY: Manifest = {
  format: 'mdl',
  version: 2,
  compiler: 'test',
  model: { name: 'tiny', source: 'tiny.mdl', config_name: 'tiny', flags: {}, config: {} },
  targets: {
    onnx: {
      opset: 17,
      files: { scale: 'scale.onnx', append: 'append.onnx' },
      weights: [{ file: 'weights.bin', bytes: 4 }],
    },
  },
  entries: {
    scale: {
      inputs: [port('x', 'f32', 'B', 'T')],
      outputs: [port('y', 'f32', 'B', 'T')],
      cache: [],
    },
    append: {
      inputs: [
        port('x', 'f32', 'B', 'T', 2),
        port('past.0.key', 'f32', 'B', 'P', 2),
        port('mask', 'i64', 'B', 'P + T'),
        port('on', 'bool', 1),
      ],
      outputs: [port('present.0.key', 'f32', 'B', 'P + T', 2), port('count', 'i64', 1), port('off', 'bool', 1)],
      cache: [{ past: 'past.0.key', present: 'present.0.key', axis: 1 }],
    },
  },
  weights: { origin: 'seed 0', trained: false },
};

/**
 * Writes the model; `weights: false` leaves weights.bin out, as a compilation without weights does. `plan`: the manifest names
 * plan.json too, which the caller writes.
 */
export async function writeTinyModel(directory: string, { weights = true, plan = false } = {}): Promise<void> {
  await mkdir(directory, { recursive: true });
  const { scale, append } = TINY.entries as Record<string, Manifest['entries'][string]>;
  const node = (
    opType: string,
    input: string[],
    output: string[],
    attribute: onnx.IAttributeProto[] = [],
  ): onnx.INodeProto => ({
    opType,
    input,
    output,
    attribute,
    name: output[0]!,
  });
  await writeFile(
    join(directory, 'scale.onnx'),
    graphBytes('scale', scale!.inputs, scale!.outputs, [node('Mul', ['x', 'w'], ['y'])], true),
  );
  const keep = { name: 'keepdims', i: 0, type: onnx.AttributeProto.AttributeType.INT };
  const nodes = [
    node(
      'Concat',
      ['past.0.key', 'x'],
      ['present.0.key'],
      [{ name: 'axis', i: 1, type: onnx.AttributeProto.AttributeType.INT }],
    ),
    node('ReduceSum', ['mask'], ['total'], [keep]),
    node('Shape', ['on'], ['one']),
    node('Reshape', ['total', 'one'], ['count']),
    node('Not', ['on'], ['off']),
  ];
  await writeFile(join(directory, 'append.onnx'), graphBytes('append', append!.inputs, append!.outputs, nodes, false));
  if (weights) await writeFile(join(directory, 'weights.bin'), new Uint8Array(Float32Array.of(2.5).buffer));
  const targets = { ...TINY.targets, ...(plan ? { webgpu: { plan: 'plan.json', weights: [] } } : {}) };
  const manifest: Manifest = { ...TINY, targets, ...(weights ? {} : { weights: null }) };
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
}
