/** What programs without types hand to a session by mistake: named errors; and what two sessions of a model share. */
import { afterAll, describe, expect, it } from 'vitest';
import { compile, graphsOf, TARGETS } from '../../src/compiler/index.ts';
import { NODE, seededWeights } from '../../src/compiler/workbench/library.ts';
import { openSession, Session } from '../../src/runtime/index.ts';

const SOURCE = 'model M { entry run(x: [B, 2]) -> (y: [B, 2]) { x + 1.0 } }';
const model = compile('m.mdl', { read: (path) => (path === 'm.mdl' ? SOURCE : undefined) }).model!;
const weights = seededWeights(model, 0);
const artifact = TARGETS.reference.compile(graphsOf(model)!);

async function open(): Promise<Session> {
  const backend = await TARGETS.reference.open(artifact, weights, NODE);
  return Session.open(artifact.manifest(weights), { backend });
}

const session = await open();
afterAll(() => session.dispose());
const one = { dtype: 'f32', shape: [1, 2], data: Float32Array.of(1, 2) } as const;
type Loose = (...given: unknown[]) => Promise<unknown>;
const run: Loose = (...given) => (session.run as unknown as Loose).apply(session, given);

describe('run', () => {
  it.each([
    [['constructor', { x: one }], 'R0201', 'no entry constructor'],
    [['run', { x: null }], 'R0207', 'needs the input x'],
    [['run', { x: { ...one, data: [1, 2] } }], 'R0209', 'f32 in a Array'],
    [['run', { x: { ...one, dtype: undefined } }], 'R0209', 'must be f32'],
    [['run', { x: one }, { fetch: ['z'] }], 'R0213', 'no output z'],
    [[], 'R0512', 'nothing as the name of an entry'],
    [[5], 'R0512', 'a number as the name of an entry'],
    [['run'], 'R0512', 'run was given nothing as its inputs'],
    [['run', null], 'R0512', 'null as its inputs'],
    [['run', [one]], 'R0512', 'an Array as its inputs'],
    [['run', 5, { borrow: true }], 'R0512', 'a number as its inputs'],
    [['run', { x: 5 }], 'R0512', "run's input x was given a number as a tensor"],
    [['run', { x: [1, 2] }], 'R0512', 'an Array as a tensor'],
    [['run', { x: one.data }], 'R0512', 'a Float32Array as a tensor'],
    [['run', { x: { dtype: 'f32', data: one.data } }], 'R0512', 'nothing as its shape'],
    [['run', { x: { ...one, shape: 2 } }], 'R0512', 'a number as its shape'],
    [['run', { x: { dtype: 'f32', shape: [1, 2] } }], 'R0512', 'nothing as its data'],
    [['run', { x: { ...one, data: null } }, { borrow: true }], 'R0512', 'null as its data'],
    [['run', { x: one }, null], 'R0512', 'null as its options'],
    [['run', { x: one }, ['y']], 'R0512', 'an Array as its options'],
    [['run', { x: one }, { fetch: 'y' }], 'R0512', 'a string as fetch'],
    [['run', { x: one }, { keep: 'y' }], 'R0512', 'a string as keep'],
    [['run', { x: one }, { fetch: [5] }], 'R0512', 'an Array as fetch'],
    [['run', { x: one }, { fetsch: ['y'] }], 'R0510', 'run has no option fetsch, did you mean fetch'],
  ])('%j: %s', async (given, code, message) => {
    await expect(run(...given)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('takes no rows, and wants no output', async () => {
    const none = { dtype: 'f32', shape: [0, 2], data: new Float32Array(0) };
    expect(await run('run', { x: none })).toEqual({ y: none });
    expect(await run('run', { x: one }, { fetch: [] })).toEqual({});
  });
});

it('two sessions of a model do not share what they hold: one that is closed is closed alone', async () => {
  const other = await open();
  const [a, b] = await Promise.all([session.run('run', { x: one }), other.run('run', { x: one })]);
  expect(a).toEqual(b);
  await other.dispose();
  await other.dispose();
  await expect(other.run('run', { x: one })).rejects.toMatchObject({ code: 'R0214' });
  expect((await session.run('run', { x: one })).y!.data).toEqual(Float32Array.of(2, 3));
});

describe('opening', () => {
  const manifest = artifact.manifest(weights);
  it.each([
    [[], 'nothing as the manifest'],
    [[{}, { backend: {} }], 'an object as the manifest'],
    [[manifest], 'nothing as its parts'],
    [[manifest, {}], 'an object as its parts'],
  ])('Session.open(%j): R0512', (given, message) => {
    const openPart = Session.open as unknown as (...args: unknown[]) => Session;
    expect(() => openPart(...given)).toThrow(
      expect.objectContaining({ code: 'R0512', message: expect.stringContaining(message) }),
    );
  });

  const openLoosely = openSession as unknown as Loose;
  it.each([
    [[], 'nothing as the model'],
    [[5], 'a number as the model'],
    [[null], 'null as the model'],
    [[{}], 'an object as the model'],
    [['folder', null], 'null as its options'],
    [['folder', 'onnx'], 'a string as its options'],
  ])('openSession(%j): R0512', async (given, message) => {
    await expect(openLoosely(...given)).rejects.toMatchObject({
      code: 'R0512',
      message: expect.stringContaining(message),
    });
  });
});
