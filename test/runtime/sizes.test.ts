/**
 * What a graph needs of its dynamic sizes: derived where it is written, in the manifest, refused before anything runs, on
 * every target. torch raises on each of these too (IndexError, RuntimeError), but for `x[:, 1:4]`, which it clamps: a range
 * outside of an axis is an error in MDL, because a clamped result would not have the shape that it says (docs/language.md).
 */
import { describe, expect, it } from 'vitest';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { hostBackend } from '../../src/runtime/backend.host.ts';
import type { Backend } from '../../src/runtime/backend.ts';
import { parseManifest } from '../../src/runtime/manifest.ts';
import { Session } from '../../src/runtime/session.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { problems } from '../language/support.ts';
import { buildOnnx, buildWebGpu } from '../support/build.ts';
import { compileOk, memory } from '../support/project.ts';
import { sessionOn, TARGETS } from '../support/targets.ts';
import { provokes } from './support.ts';

const SOURCE = `model M {
  entry range(x: [B, T]) -> (y: [B, 3]) { x[:, 1:4] }
  entry at(x: [B, T]) -> (y: [B]) { x[:, 5] }
  entry last(x: [B, T]) -> (y: [B]) { x[:, -1] }
  entry cut(x: [B, T]) -> (y: [B, _]) { x[:, :-3] }
  entry between(x: [B, T]) -> (y: [B, 3]) { x[:, -5:-2] }
  entry indices(x: [B, T]) -> (y: int[_]) { iota(T - 3) }
  entry filled(x: [B, T]) -> (y: [_]) { full([T - 3], 1.0) }
  entry parts(x: [B, T]) -> (y: [B, 2], z: [B, _]) { split(x, [2, T - 2], axis = 1) }
  entry argmaxed(x: [B, T]) -> (y: int[B]) { argmax(x, axis = 1) }
  entry largest(x: [B, T]) -> (y: [B]) { max(x, axes = 1) }
  entry sum_of_two(x: [B, T], z: [B, P]) -> (y: [B]) { (concat([x, z], axis = 1))[:, 5] }
  entry product(x: [B, T]) -> (y: []) { reshape(x, [B * T])[3] }
  entry unused(x: [B, T]) -> (y: [B]) {
    let second = x[:, 1]
    sum(x, axes = 1)
  }
}`;

const f32 = (...shape: number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
});

/** entry, the smallest T that works, what a smaller one is told */
const CASES: readonly (readonly [string, number, string])[] = [
  ['range', 4, 'range needs T ≥ 4 for the slice 1:4 of axis 1 at main.mdl:2:43 and T is 3 from axis 1 of x'],
  ['at', 6, 'at needs T ≥ 6 for the slice 5:6 of axis 1 at main.mdl:3:37'],
  ['last', 1, 'last needs T ≥ 1 for the slice T - 1:T of axis 1 at main.mdl:4:39'],
  ['cut', 3, 'cut needs T ≥ 3 for the slice 0:T - 3 of axis 1 at main.mdl:5:41'],
  ['between', 5, 'between needs T ≥ 5 for the slice T - 5:T - 2 of axis 1 at main.mdl:6:45'],
  ['indices', 3, 'indices needs T ≥ 3 for an axis of size T - 3 at main.mdl:7:45'],
  ['filled', 3, 'filled needs T ≥ 3 for an axis of size T - 3 at main.mdl:8:41'],
  ['parts', 2, 'parts needs T ≥ 2 for part 1 of a split at main.mdl:9:54'],
  ['argmaxed', 1, 'argmaxed needs T ≥ 1 for argmax along axis 1 at main.mdl:10:46'],
  ['largest', 1, 'largest needs T ≥ 1 for max along axis 1 at main.mdl:11:42'],
  ['product', 2, 'product needs B*T ≥ 4 for the slice 3:4 of axis 0 at main.mdl:13:41'],
  ['unused', 2, 'unused needs T ≥ 2 for the slice 1:2 of axis 1 at main.mdl:15:18'],
];

describe.each(TARGETS)('a dynamic axis that is too short, on %s', (target) => {
  const opened = sessionOn(target, SOURCE);

  it.each(CASES)('%s from T = %i on', async (entry, least, says) => {
    const session = await opened;
    expect(await provokes('R0223', () => session.run(entry, { x: f32(2, least - 1) }))).toContain(says);
    await session.run(entry, { x: f32(2, least) });
  });

  it('a sum of two sizes', async () => {
    const session = await opened;
    expect(await provokes('R0223', () => session.run('sum_of_two', { x: f32(1, 2), z: f32(1, 3) }))).toContain(
      'sum_of_two needs P + T ≥ 6 for the slice 5:6 of axis 1 at main.mdl:12:56 and P is 3 from axis 1 of z, T is 2 from axis 1 of x',
    );
    const { y } = await session.run('sum_of_two', { x: f32(1, 2), z: f32(1, 4) });
    expect([...y!.data]).toEqual([3]);
  });

  it('sizes just large enough give the right elements', async () => {
    const session = await opened;
    const y = async (entry: string, t: number): Promise<number[]> =>
      [...(await session.run(entry, { x: f32(2, t) })).y!.data].map(Number);
    expect(await y('range', 4)).toEqual([1, 2, 3, 5, 6, 7]);
    expect(await y('last', 1)).toEqual([0, 1]);
    expect(await y('cut', 3)).toEqual([]);
    expect(await y('parts', 2)).toEqual([0, 1, 2, 3]);
    expect(await y('unused', 2)).toEqual([1, 5]);
  });
});

describe('where requirements stand', () => {
  const shifted = `model M {
    param w: [4, 3] = normal(1.0)
    entry loss(x: [B, T, 4], labels: int[B, T]) -> (loss: []) {
      let seen = x[:, 2:]
      cross_entropy((x @ w)[:, :-1], labels[:, 1:])
    }
  }
  stage s { train w
    schedule constant(lr = 0.1, iters = 1) }`;

  it('in the manifest and in the plan, alike', () => {
    const model = compileOk('main.mdl', memory({ 'main.mdl': shifted }));
    const expected = [
      { dim: 'T - 2', what: 'the slice 2:T of axis 1', source: 'main.mdl:4:18' },
      { dim: 'T - 1', what: 'the slice 0:T - 1 of axis 1', source: 'main.mdl:5:21' },
    ];
    expect(buildOnnx(model, { opset: 17 })!.manifest(null).entries.loss!.requires).toEqual(expected);
    expect(buildWebGpu(model)!.entries.loss!.requires).toEqual(expected);
    const plain = compileOk('main.mdl', memory({ 'main.mdl': 'model M { entry run(x: [B]) -> (y: [B]) { x } }' }));
    expect(buildOnnx(plain, { opset: 17 })!.manifest(null).entries.run).not.toHaveProperty('requires');
  });

  it('of a function of the library, at the line that calls it', () => {
    const source = `import { next_token_loss } from "std"
model M {
  entry loss(logits: [B, T, 5], labels: int[B, T]) -> (loss: []) {
    next_token_loss(logits, labels)
  }
}`;
    const [requirement] = compileOk('main.mdl', memory({ 'main.mdl': source })).entry('loss')!.graph.requires;
    expect(requirement!.origin.source).toBe('main.mdl:4:5');
  });

  it('passes keep those of what they drop, and the gradient graph has those of its loss', () => {
    const model = compileOk('main.mdl', memory({ 'main.mdl': shifted }));
    const { graph } = model.entry('loss')!;
    const finished = runPipeline(graph);
    expect(finished.nodes.length).toBeLessThan(graph.nodes.length);
    expect(finished.requires).toEqual(graph.requires);
    const { entries } = buildOnnx(model, { entries: [], stage: model.stages[0]! })!.manifest(null);
    expect(entries.gradient!.requires!.map(({ dim }) => dim)).toEqual(['T - 2', 'T - 1']);
    expect(entries.update).not.toHaveProperty('requires');
  });

  it('what no size gives is an error of the program', () => {
    const of = (body: string) => problems(`model M { entry run(x: [B, T]) -> (y: [B, _]) { ${body} } }`);
    expect(of('x[:, T + 1:T]')).toEqual(['E0302 slice of axis 1 ends at T, before its start T + 1']);
    expect(of('x[:, :T + 1]')).toEqual(['E0302 slice of axis 1 ends at T + 1 and the axis has T']);
    expect(of('full([B, -T - 1], 1.0)')).toEqual(['E0302 an axis of size -T - 1 needs T + 1 ≤ 0, which no sizes give']);
  });

  it('R0202: a manifest whose requirements cannot be read is refused', async () => {
    const manifest = buildOnnx(compileOk('main.mdl', memory({ 'main.mdl': shifted })), { opset: 17 })!.manifest(null);
    const damaged = (requires: unknown): string =>
      JSON.stringify({ ...manifest, entries: { loss: { ...manifest.entries.loss, requires } } });
    for (const requires of [{}, [1], [{ dim: 4, what: '' }], [{ dim: 'T -- 1', what: '' }], [{ dim: 'T' }]])
      expect(await provokes('R0202', () => parseManifest(damaged(requires), 'm'))).toContain('requirements of loss');
    expect(parseManifest(JSON.stringify(manifest), 'm')).toEqual(manifest);
  });
});

describe('what a backend returns', () => {
  const manifest = buildOnnx(
    compileOk('main.mdl', memory({ 'main.mdl': 'model M { entry run(x: [B, T]) -> (y: [B, T]) { exp(x) } }' })),
    { opset: 17 },
  )!.manifest(null);
  const backend = (y: HostTensor): Backend =>
    hostBackend({
      name: 'fake',
      loadEntry: async () => ({ run: async () => ({ y }), dispose: async () => {} }),
    });

  it('R0212: has the sizes of the manifest', async () => {
    const run = (y: HostTensor) => Session.open(manifest, { backend: backend(y) }).run('run', { x: f32(2, 3) });
    expect(await provokes('R0212', () => run(f32(3, 2)))).toBe(
      'the backend returned y of run of size [3, 2] and not [2, 3], so compile the model again',
    );
    expect((await run(f32(2, 3))).y!.shape).toEqual([2, 3]);
  });
});
