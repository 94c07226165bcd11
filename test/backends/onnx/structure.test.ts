/** What the model's file says, read back from its bytes: names, dims, metadata, sharing, external records. */
import { describe, expect, test } from 'vitest';
import { decodeModel, encodeModel, lowerToOnnx, type OnnxOptions } from '../../../src/compiler/backends/onnx/index.ts';
import { LOWERINGS } from '../../../src/compiler/backends/onnx/lowerings/index.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { OP_NAMES } from '../../../src/compiler/ops/index.ts';
import { addDims, mulDims, symbol } from '../../../src/shared/dim.ts';
import { loadSession, noise, OPSETS, runOnnx, tensor } from './support.ts';

const [B, T, P] = [symbol('B'), symbol('T'), symbol('P')];

/** Parameters in one external file, one after the other. */
function external(location = 'weights.bin'): OnnxOptions['parameters'] {
  return () => ({ kind: 'external', location, offset: 4096, length: 64 });
}

function compile(graph: Graph, options: Partial<OnnxOptions> = {}) {
  const { model } = lowerToOnnx(graph, { opset: 17, parameters: external(), ...options });
  return decodeModel(encodeModel(model));
}

/** `layers` attention blocks over one mask and one set of positions. */
function layered(layers: number): Graph {
  const b = new GraphBuilder('decode');
  let x = b.input('x', 'f32', [B, 2, T, 4]);
  const positions = b.input('positions', 'i64', [B, T]);
  const mask = b.input('mask', 'bool', [B, addDims(P, T)]);
  for (let layer = 0; layer < layers; layer++) {
    const origin = { path: `model.layers.${layer}.self_attn`, source: `phi.mdl:${10 + layer}:3` };
    const past = b.input(`past.${layer}`, 'f32', [B, 2, P, 4]);
    const q = b.node('rotary', [x, positions], { dims: 4, theta: 1e4, max_positions: 16 }, origin);
    const k = b.node('concat', [past, q], { axis: 2 }, origin);
    x = b.node('attention', [q, k, k, mask], { causal: true, scale: null }, origin);
  }
  b.output('logits', x);
  return b.build();
}

test('every op of the IR has a lowering and no other', () => {
  expect(Object.keys(LOWERINGS).sort()).toEqual([...OP_NAMES].sort());
});

describe('the model', () => {
  test.each([
    [17, '8'],
    [23, '11'],
  ] as const)('opset %d has IR version %s', (opset, irVersion) => {
    const model = compile(layered(1), { opset, version: '0.1.0', metadata: { model: 'phi', flags: '{"lora":true}' } });
    expect(String(model.irVersion)).toBe(irVersion);
    expect(model.opsetImport.map(({ domain, version }) => [domain, String(version)])).toEqual([['', String(opset)]]);
    expect([model.producerName, model.producerVersion]).toEqual(['mdl', '0.1.0']);
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ['model', 'phi'],
      ['flags', '{"lora":true}'],
    ]);
    expect(model.graph!.name).toBe('decode');
  });

  test('inputs and outputs keep their names, with dynamic dims as text', () => {
    const { graph } = compile(layered(1));
    const ports = [...graph!.input!, ...graph!.output!].map(({ name, type }) => [
      name,
      type!.tensorType!.elemType,
      type!.tensorType!.shape!.dim!.map(({ dimParam, dimValue }) => dimParam || Number(dimValue)),
    ]);
    expect(ports).toEqual([
      ['x', 1, ['B', 2, 'T', 4]],
      ['positions', 7, ['B', 'T']],
      ['mask', 9, ['B', 'P + T']],
      ['past.0', 1, ['B', 2, 'P', 4]],
      ['logits', 1, ['B', 2, 'T', 4]],
    ]);
  });
});

test('values between nodes carry their IR types', () => {
  const { valueInfo } = compile(layered(2), { opset: 23 }).graph!;
  const dims = (name: string) =>
    valueInfo!
      .find((info) => info.name === name)!
      .type!.tensorType!.shape!.dim!.map(({ dimParam, dimValue }) => dimParam || Number(dimValue));
  expect(dims('model.layers.0.self_attn/Concat')).toEqual(['B', 2, 'P + T', 4]);
  expect(dims('model.layers.0.self_attn/RotaryEmbedding')).toEqual(['B', 2, 'T', 4]);
});

describe('nodes', () => {
  test('are named after their module, uniquely, and say where they come from', () => {
    const nodes = compile(layered(2)).graph!.node!;
    const names = nodes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const matmuls = nodes.filter(({ opType }) => opType === 'MatMul').map(({ name, docString }) => [name, docString]);
    expect(matmuls).toEqual([
      ['model.layers.0.self_attn/MatMul', 'phi.mdl:10:3'],
      ['model.layers.0.self_attn/MatMul_1', 'phi.mdl:10:3'],
      ['model.layers.1.self_attn/MatMul', 'phi.mdl:11:3'],
      ['model.layers.1.self_attn/MatMul_1', 'phi.mdl:11:3'],
    ]);
  });

  test.each(OPSETS)('of masks, positions and sizes are shared by all layers, opset %d', (opset) => {
    const counts = (layers: number) => {
      const { node, initializer } = compile(layered(layers), { opset }).graph!;
      const shared = node!.filter(({ name }) => name!.startsWith('shared/')).length;
      return { shared, each: node!.length - shared, initializers: initializer!.length };
    };
    const [one, five] = [counts(1), counts(5)];
    expect(five).toEqual({ shared: one.shared, each: 5 * one.each, initializers: one.initializers });
  });

  test('of opset 23 are the standard composites', () => {
    const types = compile(layered(1), { opset: 23 }).graph!.node!.map(({ opType }) => opType);
    expect(types).toContain('RotaryEmbedding');
  });

  // ONNX Runtime's Attention spreads NaN from hidden keys, gives NaN where all scores are −∞ and refuses empty sizes
  test('of opset 23 are not Attention', () => {
    const b = new GraphBuilder('attend');
    const [q, k, v] = ['q', 'k', 'v'].map((name) => b.input(name, 'f32', [2, 2, 3, 4]));
    b.output('y', b.node('attention', [q!, k!, v!], { causal: false, scale: null }));
    const types = compile(b.build(), { opset: 23 }).graph!.node!.map(({ opType }) => opType);
    expect(types).not.toContain('Attention');
  });
});

describe('parameters', () => {
  function linear(key: string): Graph {
    const b = new GraphBuilder('linear');
    b.output('y', b.node('linear', [b.input('x', 'f32', [B, 4]), b.parameter(key, 'f32', [4, 4])], {}));
    return b.build();
  }

  test('refer to their place in a file', () => {
    const [weight] = compile(linear('proj.weight')).graph!.initializer!;
    expect(weight!.name).toBe('proj.weight');
    expect(weight!.dims!.map(Number)).toEqual([4, 4]);
    expect(weight!.dataLocation).toBe(1);
    expect(weight!.externalData!.map(({ key, value }) => [key, value])).toEqual([
      ['location', 'weights.bin'],
      ['offset', '4096'],
      ['length', '64'],
    ]);
  });

  test('that no node reads are left out', () => {
    const b = new GraphBuilder('unused');
    b.parameter('unused', 'f32', [4]);
    b.constant(noise([2, 2]));
    b.output('y', b.node('neg', [b.input('x', 'f32', [4])], {}));
    expect(compile(b.build()).graph!.initializer).toEqual([]);
  });

  const hostile = [
    '../x',
    '/etc/passwd',
    'a"b',
    "a'b",
    'a\nlocation: ../x',
    'location',
    '',
    'x',
    'y',
    '\u202e',
    '__proto__',
    'constant',
  ];
  test.each(hostile)('of the hostile key %j stay a name', async (key) => {
    const { initializer } = compile(linear(key)).graph!;
    const locations = initializer!.flatMap(({ externalData }) =>
      externalData!.filter((entry) => entry.key === 'location'),
    );
    expect(locations.map(({ value }) => value)).toEqual(['weights.bin']);
    const parameters = new Map([[key, noise([4, 4])]]);
    const plain = new Map([['w', noise([4, 4])]]);
    const feeds = { x: noise([3, 4], 2) };
    expect(await runOnnx(linear(key), feeds, { opset: 17, parameters })).toEqual(
      await runOnnx(linear('w'), feeds, { opset: 17, parameters: plain }),
    );
  });

  test.each(['../x', '/etc/x', 'a/b', ''])('of the hostile location %j are rejected', (location) => {
    expect(() => compile(linear('w'), { parameters: external(location) })).toThrow('is not a plain file name');
  });

  test('of a wrong size or shape are rejected, naming both sides', () => {
    const short: OnnxOptions['parameters'] = () => ({ kind: 'external', location: 'w.bin', offset: 0, length: 60 });
    expect(() => compile(linear('w'), { parameters: short })).toThrow(
      'parameter "w" is f32[4, 4] with 64 bytes and w.bin stores 60 for it',
    );
    const wrong: OnnxOptions['parameters'] = () => ({
      kind: 'inline',
      tensor: { dtype: 'f32', shape: [2, 8], data: new Float32Array(16) },
    });
    expect(() => compile(linear('w'), { parameters: wrong })).toThrow(
      'parameter "w" is f32[4, 4] in the graph and its tensor is f32[2, 8]',
    );
  });

  test('without elements need no file', () => {
    const b = new GraphBuilder('empty');
    const joined = b.node('concat', [b.input('x', 'f32', [1, 4]), b.parameter('w', 'f32', [0, 4])], { axis: 0 });
    b.output('y', joined);
    const [weight] = compile(b.build(), {
      parameters: () => ({ kind: 'external', location: 'w.bin', offset: 0, length: 0 }),
    }).graph!.initializer!;
    expect([weight!.dataLocation, weight!.externalData]).toEqual([0, []]);
  });
});

describe('names of nodes', () => {
  test.each(['../x', 'a"b\n', '', '\0', 'x', 'y'])('take any module path: %j', async (path) => {
    const b = new GraphBuilder('named');
    const x = b.input('x', 'f32', [2]);
    b.output('y', b.node('neg', [b.node('exp', [x], {}, { path, source: path })], {}, { path }));
    const result = await runOnnx(b.build(), { x: tensor('f32', [2], [0, 1]) }, { opset: 17 });
    expect([...result.y!.data].map((value) => Number(value).toFixed(4))).toEqual(['-1.0000', '-2.7183']);
  });

  test('give way to inputs and outputs of the same name', async () => {
    const b = new GraphBuilder('clash');
    const x = b.input('Exp', 'f32', [1]);
    b.output('Neg', b.node('exp', [b.node('neg', [x], {})], {}));
    const result = await runOnnx(b.build(), { Exp: tensor('f32', [1], [0]) }, { opset: 17 });
    expect([...result.Neg!.data]).toEqual([1]);
  });
});

describe('outputs', () => {
  test.each(OPSETS)('may be an input, a parameter, a constant, or one value twice, opset %d', async (opset) => {
    const b = new GraphBuilder('through');
    const x = b.input('x', 'f32', [2]);
    const y = b.node('exp', [x], {});
    b.output('input', x);
    b.output('parameter', b.parameter('w', 'f32', [2]));
    b.output('constant', b.scalar(7));
    b.output('first', y);
    b.output('second', y);
    b.output('used', b.node('neg', [y], {}));
    b.output('cast', b.node('cast', [x], { to: 'f32' }));
    const result = await runOnnx(
      b.build(),
      { x: tensor('f32', [2], [0, 0]) },
      { opset, parameters: new Map([['w', tensor('f32', [2], [3, 4])]]) },
    );
    const values = Object.fromEntries(Object.entries(result).map(([name, { data }]) => [name, [...data]]));
    expect(values).toEqual({
      input: [0, 0],
      parameter: [3, 4],
      constant: [7],
      first: [1, 1],
      second: [1, 1],
      used: [-1, -1],
      cast: [0, 0],
    });
  });

  test('of one name are an error', () => {
    const b = new GraphBuilder('twice');
    const x = b.input('x', 'f32', [2]);
    b.output('x', b.node('neg', [x], {}));
    expect(() => compile(b.build())).toThrow('graph twice has two inputs or outputs called "x": rename one of them');
  });
});

describe('symbols', () => {
  test('are solved from sums when no input has them as an axis', async () => {
    const b = new GraphBuilder('solve');
    b.input('x', 'f32', [T]);
    b.input('mask', 'bool', [addDims(addDims(P, P), T)]);
    b.output('past', b.node('dim_size', [], { dim: P }));
    const feeds = { x: noise([3]), mask: tensor('bool', [11], new Array(11).fill(1)) };
    const result = await runOnnx(b.build(), feeds, { opset: 17 });
    expect([...result.past!.data]).toEqual([4n]);
  });

  test.each([
    ['a sum of two unknowns', [addDims(P, T)]],
    ['a product, which may be 0', [B, mulDims(B, P)]],
    ['a square', [mulDims(P, P)]],
  ] as const)('that no input determines are an error that names them: %s', (_, shape) => {
    const b = new GraphBuilder('unknown');
    b.input('x', 'f32', shape);
    b.output('size', b.node('dim_size', [], { dim: P }));
    expect(() => compile(b.build())).toThrow('the size of dimension P is needed and no graph input determines it');
  });
});

test('a single query needs no causal mask', () => {
  const b = new GraphBuilder('step');
  const [q, k] = [b.input('q', 'f32', [B, 2, 1, 4]), b.input('k', 'f32', [B, 2, P, 4])];
  b.output('y', b.node('attention', [q, k, k], { causal: true, scale: null }));
  const types = compile(b.build()).graph!.node!.map(({ opType }) => opType);
  // LessOrEqual makes the triangle
  expect(types).not.toContain('LessOrEqual');
});

test('a file over 2 GiB is refused before it is written', () => {
  const rawData = { length: 2 ** 31 } as Uint8Array; // a stand-in: the check only asks for the length
  expect(() => encodeModel({ graph: { initializer: [{ rawData }] } })).toThrow('keep its parameters in external data');
});

test('equal constants are stored once', () => {
  const b = new GraphBuilder('constants');
  const x = b.input('x', 'f32', [2, 2]);
  const sum = b.node('add', [x, b.constant(noise([2, 2]))], {});
  b.output('y', b.node('mul', [sum, b.constant(noise([2, 2]))], {}));
  b.output('z', b.node('mul', [sum, b.constant(noise([2, 2], 2))], {}));
  expect(compile(b.build()).graph!.initializer).toHaveLength(2);
});

test('a graph with 64 layers loads', async () => {
  const session = await loadSession(layered(64), { opset: 17 });
  expect(session.outputNames).toEqual(['logits']);
  await session.release();
});
