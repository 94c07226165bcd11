/**
 * An index outside of its table is an error on every target, whatever made it. PyTorch raises on each of these: `w[[-6]]`,
 * `F.embedding`, `torch.gather`, `scatter_add_` and `F.cross_entropy` with an index outside ("index out of range in self",
 * "Target 5 is out of bounds."). MDL has no negative indices in tensors of indices, so −1 is one too (docs/ops.md).
 */
import { describe, expect, it } from 'vitest';
import { guard } from '../../src/compiler/checks/index.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { parseManifest } from '../../src/runtime/manifest.ts';
import type { EntryManifest } from '../../src/shared/artifact.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { buildOnnx } from '../support/build.ts';
import { compileOk, memory } from '../support/project.ts';
import { sessionOn, TARGETS } from '../support/targets.ts';
import { provokes } from './support.ts';

const f32 = (shape: readonly number[], ...values: number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});
const i64 = (shape: readonly number[], ...values: number[]): HostTensor => ({
  dtype: 'i64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

const SOURCE = `model M {
  param w: [5, 2] = normal(1.0)
  entry difference(i: int[B], j: int[B]) -> (y: [B, 2]) { gather(w, i - j) }
  entry shifted(i: int[B]) -> (y: [B, 2]) { gather(w, i - 1) }
  entry after_argmax(x: [B, 4]) -> (y: [B, 2]) { gather(w, argmax(x, axis = 1) - 1) }
  entry dynamic(x: [N, 2], i: int[B]) -> (y: [B, 2]) { gather(x, i) }
  entry dynamic_computed(x: [N, 2], i: int[B]) -> (y: [B, 2]) { gather(x, i * 2) }
  entry elements(x: [B, 3], i: int[B, 1]) -> (y: [B, 1]) { gather_elements(x, i * i, axis = 1) }
  entry scattered(i: int[B], x: [B, 2]) -> (y: [5, 2]) { scatter_add(w, i * 2, x, axis = 0) }
  entry loss(x: [B, 4], t: int[B]) -> (loss: []) { cross_entropy(x, t + 1) }
  entry loss_computed(x: [B, 4], t: int[B]) -> (loss: []) { cross_entropy(x, where(t == 9, -100, -t)) }
  entry turned(x: [B, 1, T, 4], p: int[B, T]) -> (y: [B, 1, T, 4]) {
    rotary(x, positions = p * 2, dims = 4, max_positions = 8)
  }
  entry positions(x: [B, T]) -> (y: [T, 2]) { gather(w, iota(T)) }
  entry behind(x: [B, T], z: [B, P]) -> (y: [T, 2]) { gather(w, iota(T) + P) }
  entry unseen(i: int[B]) -> (y: [B, 2], n: [B]) { (gather(w, i * 2), float(i)) }
}`;

const X = f32([2, 4], 0, 1, 2, 3, 3, 2, 1, 0);
const PAIR = f32([2, 2], 10, 20, 30, 40);

/** entry, feeds that are right, feeds that are wrong, the code and what it says */
type Feeds = Readonly<Record<string, HostTensor>>;
const CASES: readonly (readonly [string, Feeds, Feeds, 'R0222' | 'R0223' | 'R0224', string])[] = [
  [
    'difference',
    { i: i64([2], 4, 3), j: i64([2], 0, 3) },
    { i: i64([2], 4, 3), j: i64([2], 0, 4) },
    'R0224',
    'difference computed the index -1 for gather at main.mdl:3:59 and integers from 0 to 4 are expected',
  ],
  [
    'difference',
    { i: i64([0]), j: i64([0]) },
    { i: i64([2], 4, 3), j: i64([2], -1, 3) },
    'R0224',
    'the index 5 for gather',
  ],
  [
    'shifted',
    { i: i64([2], 1, 5) },
    { i: i64([2], 1, 0) },
    'R0222',
    'the input i of shifted holds 0 at [1], and integers from 1 to 5 are expected',
  ],
  ['shifted', { i: i64([0]) }, { i: i64([1], 6) }, 'R0222', 'holds 6 at [0]'],
  ['after_argmax', { x: f32([1, 4], 0, 1, 0, 0) }, { x: X }, 'R0224', 'the index -1 for gather at main.mdl:5:50'],
  [
    'dynamic',
    { x: PAIR, i: i64([3], 0, 1, 1) },
    { x: PAIR, i: i64([3], 0, 2, 1) },
    'R0222',
    'holds 2 at [1], and integers from 0 to 1 are expected',
  ],
  ['dynamic', { x: PAIR, i: i64([0]) }, { x: PAIR, i: i64([1], -1) }, 'R0222', 'holds -1 at [0]'],
  ['dynamic', { x: f32([0, 2]), i: i64([0]) }, { x: f32([0, 2]), i: i64([1], 0) }, 'R0222', 'holds 0 at [0]'],
  [
    'dynamic_computed',
    { x: PAIR, i: i64([2], 0, 0) },
    { x: PAIR, i: i64([2], 0, -1) },
    'R0224',
    'the index -2 for gather at main.mdl:7:65 and integers from 0 to 1 are expected',
  ],
  [
    'dynamic_computed',
    { x: f32([0, 2]), i: i64([0]) },
    { x: f32([0, 2]), i: i64([1], 0) },
    'R0224',
    'the index 0 for gather at main.mdl:7:65 and its table is empty',
  ],
  [
    'elements',
    { x: f32([1, 3], 5, 6, 7), i: i64([1, 1], 1) },
    { x: f32([1, 3], 5, 6, 7), i: i64([1, 1], -2) },
    'R0224',
    'for gather_elements at main.mdl:8:60 and integers from 0 to 2',
  ],
  [
    'scattered',
    { i: i64([2], 2, 2), x: PAIR },
    { i: i64([2], 2, -2), x: PAIR },
    'R0224',
    'the index -4 for scatter_add at main.mdl:9:58',
  ],
  ['scattered', { i: i64([2], 0, 1), x: PAIR }, { i: i64([2], 3, 1), x: PAIR }, 'R0224', 'the index 6 for scatter_add'],
  [
    'loss',
    { x: X, t: i64([2], -1, -101) },
    { x: X, t: i64([2], 3, 0) },
    'R0222',
    'holds 3 at [0], and integers from -1 to 2 or -101 are expected',
  ],
  ['loss', { x: X, t: i64([2], 2, 0) }, { x: X, t: i64([2], -2, 0) }, 'R0222', 'holds -2 at [0]'],
  [
    'loss_computed',
    { x: X, t: i64([2], 9, -3) },
    { x: X, t: i64([2], 9, -4) },
    'R0224',
    'for cross_entropy at main.mdl:11:61 and integers from 0 to 3',
  ],
  [
    'loss_computed',
    { x: X, t: i64([2], 0, 0) },
    { x: X, t: i64([2], 0, 1) },
    'R0224',
    'the index -1 for cross_entropy',
  ],
  [
    'turned',
    { x: f32([1, 1, 1, 4], 1, 2, 3, 4), p: i64([1, 1], 3) },
    { x: f32([1, 1, 1, 4], 1, 2, 3, 4), p: i64([1, 1], 4) },
    'R0224',
    'the index 8 for rotary at main.mdl:13:5',
  ],
  [
    'positions',
    { x: f32([0, 5]) },
    { x: f32([0, 6]) },
    'R0223',
    'positions needs T ≤ 5 for the indices of gather at main.mdl:15:47',
  ],
  ['behind', { x: f32([0, 2]), z: f32([0, 3]) }, { x: f32([0, 3]), z: f32([0, 3]) }, 'R0223', 'behind needs P + T ≤ 5'],
];

describe.each(TARGETS)('an index outside, on %s', (target) => {
  const opened = sessionOn(target, SOURCE);

  it.each(CASES)('%s, case %#', async (entry, right, wrong, code, says) => {
    const session = await opened;
    const outputs = session.entry(entry).outputs.map(({ name }) => name);
    expect(Object.keys(await session.run(entry, right))).toEqual(outputs);
    expect(await provokes(code, () => session.run(entry, wrong))).toContain(says);
  });

  it('right indices give their rows', async () => {
    const session = await opened;
    const table = (await session.run('difference', { i: i64([5], 0, 1, 2, 3, 4), j: i64([5], 0, 0, 0, 0, 0) })).y!;
    const { y } = await session.run('difference', { i: i64([3], 4, 2, 3), j: i64([3], 0, 2, 2) });
    expect([...y!.data]).toEqual([8, 9, 0, 1, 2, 3].map((at) => table.data[at]));
    const shifted = await session.run('shifted', { i: i64([1], 5) });
    expect([...shifted.y!.data]).toEqual([table.data[8], table.data[9]]);
  });

  it('whatever is fetched and kept', async () => {
    const session = await opened;
    const [right, wrong] = [{ i: i64([2], 1, 2) }, { i: i64([2], 1, 3) }];
    for (const options of [
      {},
      { fetch: ['n'] },
      { keep: 'all' },
      { keep: ['y'] },
      { fetch: ['n'], keep: 'all' },
    ] as const) {
      const wanted = 'fetch' in options && !('keep' in options) ? ['n'] : ['y', 'n'];
      expect(Object.keys(await session.run('unseen', right, options)).sort()).toEqual(wanted.toSorted());
      expect(await provokes('R0224', () => session.run('unseen', wrong, options))).toContain('the index 6 for gather');
    }
  });
});

describe('what is left to check', () => {
  /** What the manifest says of `run` for a body over a table of 10 rows. */
  function manifestOf(body: string, shape = '_', inputs = 'ids: int[B, 4]'): EntryManifest {
    const source = `model M {
      param table: [10, 4] = normal(1.0)
      entry run(${inputs}) -> (y: ${shape}) { ${body} }
    }`;
    const model = compileOk('m.mdl', memory({ 'm.mdl': source }));
    const { graph } = model.entry('run')!;
    verifyGraph(guard(runPipeline(graph)).graph);
    return buildOnnx(model, { opset: 17 })!.manifest(null).entries.run!;
  }
  const bounds = (entry: EntryManifest): string[] => (entry.checks?.rows ?? []).map(({ bound }) => bound);

  it.each([
    ['argmax of as many', 'gather(table, argmax(x, axis = 1))', 'x: [B, 10]', []],
    ['argmax of more', 'gather(table, argmax(x, axis = 1))', 'x: [B, 11]', ['high']],
    ['argmax and one less', 'gather(table, argmax(x, axis = 1) - 1)', 'x: [B, 10]', ['low']],
    ['clamped', 'gather(table, int(clamp(float(i * j), 0.0, 9.0)))', 'i: int[B], j: int[B]', []],
    ['clamped to too much', 'gather(table, int(clamp(float(i * j), 0.0, 10.0)))', 'i: int[B], j: int[B]', ['high']],
    ['what may be NaN, clamped', 'gather(table, int(clamp(x, 0.0, 9.0)))', 'x: [B]', ['low', 'high']],
    ['below a minimum', 'gather(table, int(minimum(float(i * j), 9.0)))', 'i: int[B], j: int[B]', ['low']],
    [
      'what is chosen',
      'gather(table, where(i * j < 0, 0, where(i * j > 9, 9, i * j)))',
      'i: int[B], j: int[B]',
      ['low'],
    ],
    ['where it is inside', 'gather(table, where(i * j >= 0 and i * j < 10, i * j, 0))', 'i: int[B], j: int[B]', []],
    ['where it is not outside', 'gather(table, where(i * j < 0 or i * j > 9, 0, i * j))', 'i: int[B], j: int[B]', []],
    ['of a dynamic axis', 'gather(x, where(i >= 0 and i < N, i, 0))', 'x: [N, 4], i: int[B]', ['high']],
    ['one of two constants', 'gather(table, where(i == j, 0, 9))', 'i: int[B], j: int[B]', []],
    ['a bool as a number', 'gather(table, int(i == j) + 8)', 'i: int[B], j: int[B]', []],
    ['from the end of a dynamic axis', 'gather(x, (N - 1) - iota(N))', 'x: [N, 4]', []],
    ['argmax over a dynamic axis', 'gather(x, argmax(x, axis = 0))', 'x: [N, 4]', []],
    ['a product', 'gather(table, i * j)', 'i: int[B], j: int[B]', ['low', 'high']],
    ['numbers from floats', 'gather(table, int(x))', 'x: [B]', ['low', 'high']],
    ['an input that is checked, made smaller', 'gather(table, i) + gather(table, 9 - i)', 'i: int[B]', []],
  ])('%s', (_, body, inputs, expected) => {
    expect(bounds(manifestOf(body, '[..., 4]'.replace('...', '_'), inputs))).toEqual(expected);
  });

  it('a cut in the middle of an input, which no range of it can say', () => {
    expect(bounds(manifestOf('gather(table, ids[:, 1:3])', '[B, 2, 4]'))).toEqual(['low', 'high']);
  });

  it('the other branch of a `where` is an index as well', () => {
    expect(bounds(manifestOf('gather(table, where(ids == -1, 10, ids))', '[B, 4, 4]'))).toEqual(['low', 'high']);
    expect(bounds(manifestOf('gather(table, where(ids == -1, 9, ids))', '[B, 4, 4]'))).toEqual([]);
  });

  it('an input twice: once more where one range cannot say both', () => {
    const both = 'gather(table, ids)[:, 1:] + gather(table, ids[:, 1:])';
    expect(bounds(manifestOf(both, '[B, 3, 4]'))).toEqual([]);
    const other = 'gather(table, ids[:, 1:]) + gather(table, ids - 1)[:, 1:]';
    expect(bounds(manifestOf(other, '[B, 3, 4]')).length).toBeGreaterThan(0);
  });

  it('is one more output of the graph and none of the entry, under a free name', () => {
    const { outputs, checks } = manifestOf('gather(table, checks * checks)', '[B, 4]', 'checks: int[B]');
    expect(outputs.map(({ name }) => name)).toEqual(['y']);
    expect(checks).toEqual({
      output: '_checks',
      rows: [
        { kind: 'index', bound: 'low', op: 'gather', size: 10, source: 'm.mdl:3:50', nodes: ['Gather'] },
        { kind: 'index', bound: 'high', op: 'gather', size: 10, source: 'm.mdl:3:50', nodes: ['Gather'] },
      ],
    });
  });

  it('a step of training checks what its loss checks', () => {
    const source = `model M {
      param w: [5, 2] = normal(1.0)
      entry loss(i: int[B], j: int[B]) -> (loss: []) { mean(gather(w, i - j)) }
    }
    stage s { train w
      schedule constant(lr = 0.1, iters = 1) }`;
    const model = compileOk('m.mdl', memory({ 'm.mdl': source }));
    const { gradient } = buildOnnx(model, { entries: [], stage: model.stages[0]! })!.manifest(null).entries;
    // the adding of gradients to rows has the indices of the look-up: one check for both
    expect(bounds(gradient!)).toEqual(['low', 'high']);
    expect(gradient!.checks!.rows[0]).toMatchObject({ source: 'm.mdl:3:61' });
    expect(gradient!.checks!.rows[0]!.nodes!.length).toBeGreaterThan(1);
  });

  it('R0202: checks and ranges that cannot be read are refused', async () => {
    const model = compileOk('m.mdl', memory({ 'm.mdl': SOURCE }));
    const manifest = buildOnnx(model, { opset: 17 })!.manifest(null);
    const damaged = (part: object): string =>
      JSON.stringify({ ...manifest, entries: { difference: { ...manifest.entries.difference, ...part } } });
    const [input] = manifest.entries.difference!.inputs;
    for (const checks of [1, {}, { output: 'c', rows: [{ kind: 'other' }] }, { output: 'c', rows: [{}] }])
      expect(await provokes('R0202', () => parseManifest(damaged({ checks }), 'm'))).toContain('checks of difference');
    for (const range of [1, { low: 0 }, { low: 0, high: '--' }, { low: 0, high: 1, also: 2 }])
      expect(await provokes('R0202', () => parseManifest(damaged({ inputs: [{ ...input, range }] }), 'm'))).toContain(
        'range',
      );
    expect(parseManifest(JSON.stringify(manifest), 'm')).toEqual(manifest);
  });
});
