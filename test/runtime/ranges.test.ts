/** Integers that a graph looks up in a table: their range is in the manifest, and is checked before a backend runs. */
import { describe, expect, it } from 'vitest';
import { hostBackend } from '../../src/runtime/backend.host.ts';
import type { DeviceTensor } from '../../src/runtime/device-tensor.ts';
import { checkDeviceRanges, checkFeeds, type FeedTensor } from '../../src/runtime/feeds.ts';
import { Session } from '../../src/runtime/session.ts';
import type { EntryManifest, IntegerRange, Manifest } from '../../src/shared/artifact.ts';
import { ownOutputs } from '../../src/shared/webgpu.ts';
import { buildOnnx, buildWebGpu } from '../support/build.ts';
import { compileOk, memory, repository } from '../support/project.ts';
import { provokes } from './support.ts';

const manifestOf = (path: string, host: Parameters<typeof compileOk>[1], config?: string): Manifest =>
  buildOnnx(compileOk(path, host, config === undefined ? {} : { config }), { opset: 17 })!.manifest(null);

const rangeOf = ({ inputs }: EntryManifest, input: string): IntegerRange | undefined =>
  inputs.find(({ name }) => name === input)!.range;

/** The range of `ids` for a body over tables of 10 and 7 rows, whose result has this shape. */
function derived(body: string, shape: string): IntegerRange | undefined {
  const source = `model M {
    param table: [10, 4] = normal(1.0)
    param small: [7, 4] = normal(1.0)
    entry run(ids: int[B, 4]) -> (y: ${shape}) { ${body} }
  }`;
  return rangeOf(manifestOf('m.mdl', memory({ 'm.mdl': source })).entries.run!, 'ids');
}

describe('what is known of an input', () => {
  it.each<[string, string, string, IntegerRange | undefined]>([
    ['looked up', 'gather(table, ids, axis = 0)', '[B, 4, 4]', { low: 0, high: 10 }],
    ['looked up after a view', 'gather(table, reshape(ids, [B * 4]), axis = 0)', '[4 * B, 4]', { low: 0, high: 10 }],
    ['in two tables', 'gather(table, ids, axis = 0) + gather(small, ids, axis = 0)', '[B, 4, 4]', { low: 0, high: 7 }],
    [
      'with one value replaced',
      'gather(table, where(ids == -1, 0, ids), axis = 0)',
      '[B, 4, 4]',
      { low: 0, high: 10, also: [-1] },
    ],
    [
      'with all others kept',
      'gather(table, where(not (ids == -1), ids, 0), axis = 0)',
      '[B, 4, 4]',
      { low: 0, high: 10, also: [-1] },
    ],
    [
      'replaced in one of two tables',
      'gather(table, where(ids == -1, 0, ids), axis = 0) + gather(small, ids, axis = 0)',
      '[B, 4, 4]',
      { low: 0, high: 7 },
    ],
    ['replaced where something else holds', 'gather(table, where(ids < 3, 0, ids), axis = 0)', '[B, 4, 4]', undefined],
    ['with a number added', 'gather(table, ids + 1, axis = 0)', '[B, 4, 4]', { low: -1, high: 9 }],
    ['with a number taken away', 'gather(table, ids - 1, axis = 0)', '[B, 4, 4]', { low: 1, high: 11 }],
    ['computed with', 'gather(table, ids * 2, axis = 0)', '[B, 4, 4]', undefined],
    [
      'cut off at the beginning',
      'gather(table, ids[:, 1:], axis = 0)',
      '[B, 3, 4]',
      { low: 0, high: 10, from: [0, 1] },
    ],
    ['cut off at the end', 'gather(table, ids[:, :3], axis = 0)', '[B, 3, 4]', undefined],
    ['not looked up', 'float(ids)', '[B, 4]', undefined],
  ])('%s', (_, body, shape, range) => {
    expect(derived(body, shape)).toEqual(range);
  });

  it('classes may be the ignored one', () => {
    const source = `model M {
      entry run(x: [B, 5], ids: int[B]) -> (loss: []) { cross_entropy(x, ids) }
    }`;
    expect(rangeOf(manifestOf('m.mdl', memory({ 'm.mdl': source })).entries.run!, 'ids')).toEqual({
      low: 0,
      high: 5,
      also: [-100],
    });
  });

  it('TinyGPT-V: token ids and the place of a picture, and the one that stands for images where the loss has images', () => {
    const { entries } = manifestOf('models/tinygpt-v.mdl', repository, 'nano');
    expect(rangeOf(entries.embed_tokens!, 'input_ids')).toEqual({ low: 0, high: 512, also: [512] });
    expect(rangeOf(entries.loss!, 'input_ids')).toEqual({ low: 0, high: 512, also: [-1] });
    // shifted in the graph: the first of each row is not looked at
    expect(rangeOf(entries.loss!, 'labels')).toEqual({ low: 0, high: 512, also: [-100], from: [0, 1] });
    expect(rangeOf(entries.decode!, 'position_ids')).toEqual({ low: 0, high: 256 });
    expect(rangeOf(entries.loss!, 'attention_mask')).toBeUndefined();
  });

  it('is the same in a WebGPU plan, whose operations are taken apart', () => {
    const { entries } = manifestOf('models/tinygpt-v.mdl', repository, 'nano');
    const plan = buildWebGpu(compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' }))!;
    for (const [name, { inputs, outputs, checks }] of Object.entries(entries)) {
      expect(plan.entries[name]!.inputs, name).toEqual(inputs);
      expect(ownOutputs(plan.entries[name]!), name).toEqual(outputs);
      const rows = checks?.rows.map(({ nodes: _nodes, ...row }) => row);
      expect(plan.entries[name]!.checks?.rows, name).toEqual(rows);
    }
    // more places for images in the text than images is what cannot be known before
    expect(plan.entries.loss!.checks!.rows).toMatchObject([{ bound: 'high', op: 'gather' }]);
    expect(plan.entries.decode).not.toHaveProperty('checks');
  });
});

describe('what is checked', () => {
  const entry: EntryManifest = {
    inputs: [{ name: 'ids', dtype: 'i64', shape: ['B', 3], range: { low: 0, high: 512, also: [-1] } }],
    outputs: [],
    cache: [],
  };
  const ids = (...values: number[]): FeedTensor => ({
    dtype: 'i32',
    shape: [values.length / 3, 3],
    data: Int32Array.from(values),
  });

  it('R0222: entry, input, place, value and range', async () => {
    expect(await provokes('R0222', () => checkFeeds('run', entry, { ids: ids(0, 511, -1, 3, 512, -2) }))).toContain(
      'the input ids of run holds 512 at [1, 1], and integers from 0 to 511 or -1 are expected',
    );
    expect(await provokes('R0222', () => checkFeeds('run', entry, { ids: ids(-2, 0, 0) }))).toContain('-2 at [0, 0]');
    expect(checkFeeds('run', entry, { ids: ids(0, 511, -1) }).feeds).toHaveProperty('ids');
    expect(checkFeeds('run', entry, { ids: ids() }).feeds).toHaveProperty('ids');
  });

  it('what the graph cuts off may be anything', async () => {
    const range: IntegerRange = { low: 0, high: 4, from: [0, 1] };
    const cut = { ...entry, inputs: [{ ...entry.inputs[0]!, range }] };
    expect(checkFeeds('run', cut, { ids: ids(9, 3, 0, -5, 1, 2) }).feeds).toHaveProperty('ids');
    expect(await provokes('R0222', () => checkFeeds('run', cut, { ids: ids(9, 3, 0, 9, 1, 4) }))).toContain(
      '4 at [1, 2]',
    );
  });

  it('integers that stayed on a device are read once for a range', async () => {
    let reads = 0;
    const onDevice = (...values: number[]): DeviceTensor => ({
      dtype: 'i64',
      shape: [values.length / 3, 3],
      read: async () => {
        reads++;
        return { dtype: 'i64', shape: [values.length / 3, 3], data: BigInt64Array.from(values, BigInt) };
      },
      takeRows: (): DeviceTensor => onDevice(...values),
      destroy: () => {},
    });
    const check = (tensor: DeviceTensor) => checkDeviceRanges('run', entry, checkFeeds('run', entry, { ids: tensor }));
    const right = onDevice(0, 511, -1);
    await check(right);
    await check(right);
    expect(reads).toBe(1);
    expect(await provokes('R0222', () => check(onDevice(0, 512, 1)))).toContain('512 at [0, 1]');
  });

  it('no backend runs on what is refused', async () => {
    let ran = false;
    const backend = hostBackend({
      name: 'fake',
      loadEntry: async () => ({
        run: async () => {
          ran = true;
          return {};
        },
        dispose: async () => {},
      }),
    });
    const manifest = { ...manifestOf('m.mdl', memory({ 'm.mdl': 'model M { entry run(x: [B]) -> (y: [B]) { x } }' })) };
    const session = Session.open({ ...manifest, entries: { run: entry } }, { backend });
    await provokes('R0222', () => session.run('run', { ids: ids(1, 2, 600) }));
    expect(ran).toBe(false);
  });
});
