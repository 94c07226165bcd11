/** Attention, look-ups and numbers of rank 0 in files that are made here: what is found again means what the file does. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NodeProto } from '../../src/compiler/backends/onnx/proto.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { sizeOf } from '../../src/shared/tensor.ts';
import { folderWith } from '../cli/support.ts';
import { relativeError } from '../support/reference.ts';
import { floats, node, onnx, type Parts } from './files.ts';
import { type Imported, imported, opened, originalOutputs } from './support.ts';

function saved(parts: Parts): string {
  const file = join(folderWith(), 'made.onnx');
  writeFileSync(file, onnx(parts));
  return file;
}

const f32 = (shape: readonly number[], seed: number): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from({ length: sizeOf(shape) }, (_, index) => Math.sin(seed + index * 12.9898)),
});
const i64 = (shape: readonly number[], values: readonly number[]): HostTensor => ({
  dtype: 'i64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});
const whole = (name: string, dims: number[], values: readonly number[]) => ({
  name,
  dims,
  dataType: 7,
  rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});
const scalar = (name: string, value: number) => ({ ...floats(name, [], value), dims: [] });

/** The first output here and in onnxruntime. */
async function both(file: string, back: Imported, inputs: Readonly<Record<string, HostTensor>>): Promise<number> {
  const model = await opened(back, { backend: 'reference', opset: 17 });
  try {
    const results = await model.session.run(model.entry, inputs);
    const [want] = await originalOutputs(file, Object.values(inputs));
    const [found] = Object.values(results);
    expect(found!.shape).toEqual(want!.shape);
    return relativeError(found!.data, want!.data);
  } finally {
    await model.close();
  }
}

/** softmax(q kᵀ / 2 + hidden) v with a mask of positions that `nodes` make as `seen`, of [T, S]. */
function attending(nodes: readonly NodeProto[], fill = Number.NEGATIVE_INFINITY): string {
  const perm = (values: number[]) => [{ name: 'perm', type: 7, ints: values }] as NodeProto['attribute'];
  const axis = (name: string, value: number) => [{ name, type: 2, i: value }] as NodeProto['attribute'];
  const size = (of: string, at: number) => [
    node('Shape', [of], [`${of}_shape`]),
    node('Gather', [`${of}_shape`, `at_${at}`], [`${of}_size`], '', axis('axis', 0)),
  ];
  return saved({
    inputs: [
      ['q', ['B', 2, 'T', 4]],
      ['k', ['B', 2, 'S', 4]],
      ['v', ['B', 2, 'S', 4]],
    ],
    outputs: ['y'],
    initialisers: [
      scalar('half', 0.5),
      scalar('zero', 0),
      scalar('fill', fill),
      whole('at_2', [], [2]),
      whole('start', [], [0]),
      whole('one', [], [1]),
      whole('two', [], [2]),
      whole('axis_1', [1], [1]),
    ],
    nodes: [
      ...size('q', 2),
      ...size('k', 2),
      node('Range', ['start', 'q_size', 'one'], ['row']),
      node('Range', ['start', 'k_size', 'one'], ['keys']),
      node('Unsqueeze', ['row', 'axis_1'], ['queries']),
      node('Sub', ['k_size', 'q_size'], ['past']),
      node('Add', ['queries', 'past'], ['last']),
      ...nodes,
      node('Transpose', ['k'], ['kt'], '', perm([0, 1, 3, 2])),
      node('MatMul', ['q', 'kt'], ['product']),
      node('Mul', ['product', 'half'], ['scores']),
      node('Where', ['seen', 'scores', 'fill'], ['shown']),
      node('Softmax', ['shown'], ['p'], '', axis('axis', -1)),
      node('MatMul', ['p', 'v'], ['y']),
    ],
  });
}

const QKV = (queries: number, keys: number) => ({
  q: f32([2, 2, queries, 4], 1),
  k: f32([2, 2, keys, 4], 2),
  v: f32([2, 2, keys, 4], 3),
});

describe('who sees whom', () => {
  const causal = [node('LessOrEqual', ['keys', 'last'], ['seen'])];
  const CASES: readonly (readonly [string, readonly NodeProto[], string, string])[] = [
    ['a triangle that ends with the last key', causal, 'causal = true)', 'window'],
    [
      'the same, as what is not later',
      [node('Less', ['last', 'keys'], ['later']), node('Not', ['later'], ['seen'])],
      'causal = true)',
      'window',
    ],
    ['a triangle from the first key on', [node('LessOrEqual', ['keys', 'queries'], ['seen'])], 'attention(', 'causal'],
    [
      'a window of two',
      [
        ...causal.map((one) => ({ ...one, output: ['past_keys'] })),
        node('Sub', ['last', 'two'], ['before']),
        node('Greater', ['keys', 'before'], ['near']),
        node('And', ['past_keys', 'near'], ['seen']),
      ],
      'causal = true, window = 2)',
      'iota',
    ],
  ];
  it.each(CASES)('%s', async (_, nodes, has, hasNot) => {
    const file = attending(nodes);
    const back = await imported(file);
    expect(back.text).toContain(has);
    expect(back.text).not.toContain(hasNot);
    for (const [queries, keys] of [
      [3, 5],
      [1, 4],
      [4, 4],
    ] as const)
      expect(await both(file, back, QKV(queries, keys))).toBeLessThan(1e-6);
  });

  it('is said to be otherwise where a query may see no key', async () => {
    const { notes } = await imported(attending([node('LessOrEqual', ['keys', 'queries'], ['seen'])]));
    expect(notes).toContain('1 × attention: a query that sees no key is NaN in the file and 0 here');
    expect((await imported(attending(causal))).notes).toEqual([]);
  });

  it('stays all keys alike for a query without one, where the file fills with a number', async () => {
    // query 0 sees none: keys < queries
    const file = attending([node('Less', ['keys', 'queries'], ['seen'])], -3.4028234663852886e38);
    const back = await imported(file);
    expect(back.text).toContain('bias = ');
    expect(await both(file, back, QKV(3, 5))).toBeLessThan(1e-6);
  });
});

describe("opset 23's Attention", () => {
  const attribute = (name: string, value: number) => ({ name, type: 2, i: value });
  const attend = (inputs: NonNullable<Parts['inputs']>, attributes: NodeProto['attribute']): string =>
    saved({
      opset: 23,
      inputs,
      outputs: ['y'],
      nodes: [
        node(
          'Attention',
          inputs.map(([name]) => name),
          ['y'],
          '',
          attributes,
        ),
      ],
    });
  const QKV4: NonNullable<Parts['inputs']> = [
    ['q', ['B', 4, 'T', 4]],
    ['k', ['B', 2, 'S', 4]],
    ['v', ['B', 2, 'S', 4]],
  ];
  const given = { q: f32([2, 4, 3, 4], 1), k: f32([2, 2, 5, 4], 2), v: f32([2, 2, 5, 4], 3) };

  it('of heads that share keys, with a bias for all images', async () => {
    const file = attend([...QKV4, ['bias', ['T', 'S']]], []);
    const back = await imported(file);
    expect(back.text).toContain('bias = ');
    expect(await both(file, back, { ...given, bias: f32([3, 5], 4) })).toBeLessThan(1e-6);
  });

  it('of rows, causal, with a soft cap and a scale', async () => {
    const file = attend(
      ['q', 'k', 'v'].map((name) => [name, ['B', 'T', name === 'q' ? 16 : 8]] as const),
      [
        attribute('is_causal', 1),
        attribute('q_num_heads', 4),
        attribute('kv_num_heads', 2),
        { name: 'softcap', type: 1, f: 0.5 },
        { name: 'scale', type: 1, f: 0.3 },
      ],
    );
    const back = await imported(file);
    expect(back.text).toContain('causal = true');
    const rows = { q: f32([2, 3, 16], 1), k: f32([2, 3, 8], 2), v: f32([2, 3, 8], 3) };
    expect(await both(file, back, rows)).toBeLessThan(1e-6);
  });

  it('is refused where its triangle begins elsewhere', async () => {
    await expect(imported(attend(QKV4, [attribute('is_causal', 1)]))).rejects.toMatchObject({
      notes: [expect.stringContaining('it is causal, and has more keys than queries')],
    });
  });
});

describe('GatherND of several axes', () => {
  const file = saved({
    inputs: [
      ['x', [3, 4, 2]],
      ['at', ['N', 2], 7],
    ],
    outputs: ['y'],
    nodes: [node('GatherND', ['x', 'at'], ['y'])],
  });

  it('takes the rows of those places', async () => {
    const at = i64([3, 2], [0, 3, 2, 0, 1, 1]);
    expect(await both(file, await imported(file), { x: f32([3, 4, 2], 1), at })).toBe(0);
  });

  it('finds an index outside of its own axis', async () => {
    const model = await opened(await imported(file), { backend: 'onnx', opset: 17 });
    // 4 is a row of the next 4 columns, were the axes one
    const outside = model.session.run(model.entry, { x: f32([3, 4, 2], 1), at: i64([1, 2], [0, 4]) });
    await expect(outside).rejects.toThrow(/4/);
    await model.close();
  });
});

const axis = (value: number): NodeProto['attribute'] => [{ name: 'axis', type: 2, i: value }];

describe('indices that the file holds', () => {
  const looking = (op: string, dims: number[], indices: readonly number[], attribute: NodeProto['attribute'] = []) => ({
    inputs: [['x', [3, 4, 2]]] as const,
    outputs: ['y'],
    initialisers: [whole('at', dims, indices)],
    nodes: [node(op, ['x', 'at'], ['y'], '', attribute)],
  });
  const x = f32([3, 4, 2], 1);

  it.each([
    ['Gather', [2, 2], [-1, 0, 3, -4], axis(1)],
    ['Gather', [], [-4], axis(-2)],
    ['Gather', [2], [2, -3], axis(0)],
    ['GatherElements', [3, 2, 2], [-1, 0, 3, -4, 1, -2, 2, 2, 0, -3, -1, 1], axis(1)],
    ['GatherND', [2, 2], [-1, -4, 2, 3], []],
    ['GatherND', [3, 3], [-3, -1, 1, 0, 0, -2, 2, -4, -1], []],
    ['GatherND', [2, 1], [-1, 0], []],
  ] as const)('%s %j %j: negative ones count from the end', async (op, dims, indices, attribute) => {
    const file = saved(looking(op, [...dims], indices, [...(attribute ?? [])]));
    expect(await both(file, await imported(file), { x })).toBe(0);
  });

  it('of a dynamic axis count from its end', async () => {
    const file = saved({ ...looking('Gather', [2], [-1, -2], axis(0)), inputs: [['x', ['B', 4]]] });
    expect(await both(file, await imported(file), { x: f32([3, 4], 1) })).toBe(0);
  });

  it.each([
    ['Gather', [2], [0, 4], axis(1), 'its index 4 is outside of an axis of 4 elements'],
    ['Gather', [1], [-5], axis(1), 'its index -5 is outside of an axis of 4 elements'],
    ['GatherElements', [1, 2, 1], [0, -3], axis(2), 'its index -3 is outside of an axis of 2 elements'],
    ['GatherND', [1, 2], [-4, 3], [], 'its index -4 is outside of an axis of 3 elements'],
    ['GatherND', [1, 2], [2, 4], [], 'its index 4 is outside of an axis of 4 elements'],
  ] as const)('%s %j %j is refused', async (op, dims, indices, attribute, why) => {
    await expect(imported(saved(looking(op, [...dims], indices, [...(attribute ?? [])])))).rejects.toMatchObject({
      code: 'C0484',
      notes: [expect.stringContaining(why)],
    });
  });
});

describe('numbers at bounds', () => {
  const row = (values: readonly number[]): HostTensor => ({
    dtype: 'f32',
    shape: [1, values.length],
    data: Float32Array.from(values),
  });
  const EDGES = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, -3e38, 5, 0.5];
  const one = scalar('one', 1);

  it.each([
    ['max', ['x', '', 'one']],
    ['min', ['x', 'one']],
    ['none', ['x']],
  ])('Clip with %s: an absent bound is the largest float, as in onnxruntime', async (_, operands) => {
    const file = saved({
      inputs: [['x', ['B', 6]]],
      outputs: ['y'],
      initialisers: [one],
      nodes: [node('Clip', operands, ['y'])],
    });
    const model = await opened(await imported(file), { backend: 'reference', opset: 17 });
    const [want] = await originalOutputs(file, [row(EDGES)]);
    const [found] = Object.values(await model.session.run(model.entry, { x: row(EDGES) }));
    expect([...found!.data]).toEqual([...want!.data]);
    await model.close();
  });

  it('Clip of bounds that are computed', async () => {
    const file = saved({
      inputs: [
        ['x', ['B', 4]],
        ['low', []],
        ['high', []],
      ],
      outputs: ['y'],
      nodes: [node('Clip', ['x', 'low', 'high'], ['y'])],
    });
    const bound = (value: number): HostTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(value) });
    const feeds = { x: f32([3, 4], 1), low: bound(-0.25), high: bound(0.5) };
    expect(await both(file, await imported(file), feeds)).toBe(0);
  });

  const toInt32: NodeProto['attribute'] = [{ name: 'to', type: 2, i: 6 }];

  it('Cast to INT32: integers that are known wrap, floats that it cannot hold are refused', async () => {
    const of = (operand: string, made: Parts['initialisers']) =>
      saved({
        outputs: ['y'],
        initialisers: made!,
        nodes: [
          node('Cast', [operand], ['narrow'], '', toInt32),
          node('Cast', ['narrow'], ['wide'], '', [{ name: 'to', type: 2, i: 1 }]),
          node('Add', ['x', 'wide'], ['y']),
        ],
      });
    const wraps = of('large', [whole('large', [], [3e9])]);
    expect(await both(wraps, await imported(wraps), { x: f32([2, 4], 1) })).toBe(0);
    for (const value of [3e9, -3e9, Number.POSITIVE_INFINITY, Number.NaN])
      await expect(imported(of('large', [scalar('large', value)]))).rejects.toMatchObject({
        code: 'C0484',
        notes: [expect.stringContaining(`it makes INT32 of ${value}, which has no such value`)],
      });
  });

  it('Cast to INT32 of what is computed is said', async () => {
    const to = (i: number): NodeProto['attribute'] => [{ name: 'to', type: 2, i }];
    const ofFloats = [node('Cast', ['x'], ['narrow'], '', toInt32), node('Cast', ['narrow'], ['y'], '', to(1))];
    const ofIntegers = [
      node('Cast', ['x'], ['long'], '', to(7)),
      node('Cast', ['long'], ['narrow'], '', toInt32),
      node('Cast', ['narrow'], ['y'], '', to(1)),
    ];
    const said = async (nodes: typeof ofFloats) => (await imported(saved({ outputs: ['y'], nodes }))).notes;
    expect(await said(ofFloats)).toEqual([expect.stringMatching(/^Cast makes INT32 of floats.* is held here$/)]);
    expect(await said(ofIntegers)).toEqual([
      'Cast makes INT32 of integers: what INT32 cannot hold wraps in ONNX, and is held here',
    ]);
  });
});

describe('a number of rank 0', () => {
  const parts: Parts = {
    outputs: ['y'],
    initialisers: [scalar('logit_scale', 2.5)],
    nodes: [node('Mul', ['x', 'logit_scale'], ['y'])],
  };

  it('is a number in the text, or a parameter where --parameter says so', async () => {
    const file = saved(parts);
    expect((await imported(file)).text).toContain('x * 2.5');
    const back = await imported(file, [], [], { parameter: ['logit_scale'] });
    expect(back.text).toContain('param logit_scale: []');
    expect(await both(file, back, { x: f32([2, 4], 1) })).toBe(0);
  });

  it('is asked for by a name that the file has', async () => {
    await expect(imported(saved(parts), [], [], { parameter: ['scale'] })).rejects.toMatchObject({
      code: 'C0484',
      notes: ['--parameter scale: the file has no initialiser of rank 0 of this name'],
    });
  });
});

describe('sizes', () => {
  it('may be sums of others', async () => {
    const file = saved({
      inputs: [
        ['a', ['P', 4]],
        ['b', ['T', 4]],
        ['c', ['S', 4]],
      ],
      outputs: ['y'],
      nodes: [
        node('Concat', ['a', 'b'], ['ab'], '', [{ name: 'axis', type: 2, i: 0 }]),
        node('Add', ['ab', 'c'], ['y']),
      ],
    });
    await expect(imported(file)).rejects.toMatchObject({
      notes: [expect.stringContaining('where two dynamic sizes are one, --dim NAME=OTHER says so')],
    });
    const back = await imported(file, ['S=P + T']);
    expect(await both(file, back, { a: f32([2, 4], 1), b: f32([3, 4], 2), c: f32([5, 4], 3) })).toBe(0);
  });
});
