/** The layout of weights files, and that ONNX Runtime reads it from disk. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import {
  checkLocation,
  encodeModel,
  lowerToOnnx,
  planExternalData,
} from '../../../src/compiler/backends/onnx/index.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import { externalFiles } from '../../../src/runtime/backend.onnx.ts';
import type { ModelSource } from '../../../src/runtime/backend.ts';
import type { Quantisation } from '../../../src/shared/quantisation.ts';
import { narrow, type WideTensor } from '../../../src/shared/tensor.ts';
import { folderWith } from '../../support/folder.ts';
import { noise, OPSETS } from './support.ts';

const f32 = (key: string, ...shape: number[]) => ({ key, dtype: 'f32' as const, shape });

test('tensors of a page or more start on a page, smaller ones on a cache line', () => {
  const plan = planExternalData([
    {
      file: 'weights.bin',
      keys: [f32('bias', 3), f32('scale', 17), f32('weight', 1024), f32('mask', 1), f32('table', 2, 1025)],
    },
  ]);
  expect(plan.files[0]!.records.map(({ key, offset, length }) => [key, offset, length])).toEqual([
    ['bias', 0, 12],
    ['scale', 64, 68],
    ['weight', 4096, 4096],
    ['mask', 8192, 4],
    ['table', 12288, 8200],
  ]);
  expect(plan.files[0]!.bytes).toBe(12288 + 8200);
});

test('lengths follow the dtype', () => {
  const keys = (['f32', 'i64', 'bool'] as const).map((dtype) => ({ key: dtype, dtype, shape: [2, 5] }));
  const plan = planExternalData([{ file: 'w.bin', keys }]);
  expect(plan.files[0]!.records.map(({ length }) => length)).toEqual([40, 80, 10]);
});

test('offsets pass 4 GiB without rounding', () => {
  const plan = planExternalData([{ file: 'w.bin', keys: [f32('a', 51200, 2560, 40), f32('b', 1)] }]);
  expect(plan.locate('b')).toEqual({ location: 'w.bin', offset: 51200 * 2560 * 40 * 4, length: 4 });
});

test('a key is stored once, in the first file that wants it', () => {
  const plan = planExternalData([
    { file: 'vision.bin', keys: [f32('shared', 4), f32('patch', 2)] },
    { file: 'text.bin', keys: [f32('shared', 4), f32('head', 2)] },
  ]);
  expect(plan.files.map(({ records }) => records.map(({ key }) => key))).toEqual([['shared', 'patch'], ['head']]);
  expect(plan.locate('shared')).toEqual({ location: 'vision.bin', offset: 0, length: 16 });
  expect(plan.locate('head')).toEqual({ location: 'text.bin', offset: 0, length: 8 });
});

test('a file that is full goes on in others, and each graph of its own has all of its tensors there', () => {
  const keys = [f32('a', 1024), f32('b', 1024), f32('large', 4096), f32('c', 16)];
  const plan = planExternalData(
    [
      { file: 'model.onnx_data', keys, whole: true },
      { file: 'head.onnx_data', keys: [f32('b', 1024), f32('d', 2048)] },
      { file: 'other.onnx_data', keys: [f32('a', 1024)], whole: true },
    ],
    8192,
  );
  expect(
    plan.files.map(({ file, shardOf, records, bytes }) => [file, shardOf, records.map(({ key }) => key), bytes]),
  ).toEqual([
    ['model.onnx_data', 'model.onnx_data', ['a', 'b'], 8192],
    // a tensor is not split
    ['model.onnx_data_1', 'model.onnx_data', ['large'], 16384],
    ['model.onnx_data_2', 'model.onnx_data', ['c'], 64],
    ['head.onnx_data', 'head.onnx_data', ['d'], 8192],
    ['other.onnx_data', 'other.onnx_data', ['a'], 4096],
  ]);
  expect(plan.locate('c', 'model.onnx_data')).toEqual({ location: 'model.onnx_data_2', offset: 0, length: 64 });
  expect(plan.locate('b', 'head.onnx_data')).toEqual({ location: 'model.onnx_data', offset: 4096, length: 4096 });
  expect(plan.locate('a', 'other.onnx_data').location).toBe('other.onnx_data');
  const clash = ['w', 'w_1'].map((file) => ({ file, keys: [f32(`${file}.a`, 4096), f32(`${file}.b`, 4096)] }));
  expect(() => planExternalData(clash, 8192)).toThrow('two weights files are called w_1');
});

test('parts of a quantised tensor stay in one file', () => {
  const quantisation = { bits: 8, group: 32, zeros: true } as Quantisation;
  const keys = ['a', 'b'].map((key) => ({ key, dtype: 'f32' as const, shape: [64, 64], quantisation }));
  const { files } = planExternalData([{ file: 'w', keys }], 5000);
  expect(files.map(({ file, packed }) => [file, packed!.map(({ key }) => key)])).toEqual([
    ['w', ['a']],
    ['w_1', ['b']],
  ]);
  expect(files[1]!.packed![0]!.offsets).toEqual(files[0]!.packed![0]!.offsets);
});

test('a page is given the shards that a graph names, and no other', async () => {
  const b = new GraphBuilder('last');
  b.output('y', b.node('add', [b.input('x', 'f32', [2]), b.parameter('w', 'f32', [2])], {}));
  const parameters = () => ({ kind: 'external' as const, location: 'model.onnx_data_1', offset: 0, length: 8 });
  const graph = encodeModel(lowerToOnnx(b.build(), { opset: 17, parameters }).model);
  const weights = ['model.onnx_data', 'model.onnx_data_1', 'model.onnx_data_11'].map((file) => ({
    file: `onnx/${file}`,
    bytes: 8,
  }));
  const manifest = { weights: { origin: 'w', trained: true }, targets: { onnx: { opset: 17, files: {}, weights } } };
  const found = await externalFiles({ manifest } as unknown as ModelSource, graph, (file) => file);
  expect(found).toEqual([{ path: 'model.onnx_data_1', data: 'onnx/model.onnx_data_1' }]);
});

test('a key of two shapes is an error that names both', () => {
  const files = [
    { file: 'a.bin', keys: [f32('w', 4)] },
    { file: 'b.bin', keys: [f32('w', 5)] },
  ];
  expect(() => planExternalData(files)).toThrow('parameter "w" is f32[4] in one graph and f32[5] in another');
});

test('an unknown key and two files of one name are errors', () => {
  const plan = planExternalData([{ file: 'a.bin', keys: [] }]);
  expect(() => plan.locate('w')).toThrow('no weights file stores parameter "w"');
  const twice = ['a.bin', 'A.bin'].map((file) => ({ file, keys: [] }));
  expect(() => planExternalData(twice)).toThrow('two weights files are called A.bin');
});

test.each([
  '',
  '.',
  '..',
  '../x',
  '/etc/passwd',
  'a/b',
  'a\\b',
  'C:x',
  '.hidden',
  '-rf',
  'a..b',
  'a b',
  'a\nb',
  'a\0b',
  'ä.bin',
  'x\u2025y',
])('the location %j is rejected', (file) => {
  expect(() => checkLocation(file)).toThrow('is not a plain file name');
  expect(() => planExternalData([{ file, keys: [] }])).toThrow('is not a plain file name');
});

test.each(['weights.bin', 'decode-f32_0.weights', 'W'])('the location %j is accepted', (file) => {
  expect(() => checkLocation(file)).not.toThrow();
});

test.each(OPSETS)('ONNX Runtime reads the planned files, opset %d', async (opset) => {
  const tensors = new Map<string, WideTensor>([
    ['proj.weight', noise([64, 48])],
    ['proj.bias', noise([64], 2)],
    ['norm.weight', noise([64], 3)],
  ]);
  const b = new GraphBuilder('linear');
  const parameter = (key: string) => b.parameter(key, 'f32', tensors.get(key)!.shape);
  const projected = b.node(
    'linear',
    [b.input('x', 'f32', [2, 48]), parameter('proj.weight'), parameter('proj.bias')],
    {},
  );
  b.output('y', b.node('rms_norm', [projected, parameter('norm.weight')], { eps: 1e-6 }));
  const graph = b.build();

  const stored = (key: string) => ({ key, dtype: 'f32' as const, shape: tensors.get(key)!.shape });
  const plan = planExternalData([
    { file: 'one.bin', keys: [stored('proj.bias'), stored('proj.weight')] },
    { file: 'two.bin', keys: [stored('norm.weight')] },
  ]);
  const external = lowerToOnnx(graph, { opset, parameters: (key) => ({ kind: 'external', ...plan.locate(key) }) });
  expect(external.locations).toEqual(['one.bin', 'two.bin']);
  const inside = lowerToOnnx(graph, {
    opset,
    parameters: (key) => ({ kind: 'inline', tensor: narrow(tensors.get(key)!) }),
  });

  const folder = folderWith();
  for (const { file, records, bytes } of plan.files) {
    const content = new Uint8Array(bytes);
    for (const { key, offset } of records)
      content.set(new Uint8Array(Float32Array.from(tensors.get(key)!.data).buffer), offset);
    writeFileSync(join(folder, file), content);
  }
  writeFileSync(join(folder, 'model.onnx'), encodeModel(external.model));
  const feeds = { x: new Tensor('float32', Float32Array.from(noise([2, 48], 4).data), [2, 48]) };
  const fromFile = await (await InferenceSession.create(join(folder, 'model.onnx'))).run(feeds);
  const fromBytes = await (await InferenceSession.create(encodeModel(inside.model))).run(feeds);
  expect(fromFile.y!.data).toEqual(fromBytes.y!.data);
});
