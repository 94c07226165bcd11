/** The functions beside an update's graph: in the manifest, checked, and run in the graph's place. */
import { beforeAll, describe, expect, it } from 'vitest';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { compileNow } from '../../src/runtime/image/codecs/wasm.ts';
import { onnxBackend, parseManifest, Session } from '../../src/runtime/index.ts';
import { LentTensor } from '../../src/runtime/lent.ts';
import type { HostKernels, Manifest, OnnxSection } from '../../src/shared/artifact.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { PORTS } from '../../src/shared/training.ts';
import { provokes } from '../runtime/support.ts';
import { buildStage } from '../support/build.ts';
import { micro, noise } from './support.ts';

const model = micro();
const built = buildStage(model, model.stages[0]!)!;
const artifact = TARGETS.onnx.compile(built.graphs);
const files = new Map<string, Uint8Array>();
let manifest: Manifest;
let onnx: OnnxSection;
let kernels: HostKernels;

beforeAll(() => {
  for (const [name, bytes] of artifact.files(undefined as never)) files.set(name, bytes as Uint8Array);
  manifest = artifact.manifest(null);
  onnx = manifest.targets.onnx!;
  kernels = onnx.kernels!;
});

const changed = (change: Partial<HostKernels>): string =>
  JSON.stringify({ ...manifest, targets: { onnx: { ...onnx, kernels: { ...kernels, ...change } } } });

it('the compiler writes them beside the graph', () => {
  expect([...files.keys()]).toEqual(expect.arrayContaining(['update.onnx', 'update.wasm']));
  expect(() => compileNow(files.get('update.wasm')!)).not.toThrow();
  expect(files.get('update.wasm')!.length).toBeLessThan(4096);
  expect(Object.keys(kernels.calls)).toEqual(['update']);
  expect(parseManifest(changed({}), 'manifest.json').targets.onnx!.kernels).toEqual(kernels);
});

describe('a manifest whose kernels do not fit is refused', () => {
  const refused = (change: () => Partial<HostKernels>, reason: string): [() => Partial<HostKernels>, string] => [
    change,
    reason,
  ];
  it.each([
    refused(() => ({ file: '../update.wasm' }), 'names the kernels "../update.wasm"'),
    refused(() => ({ calls: { elsewhere: [] } }), 'damaged kernels'),
    refused(() => ({ calls: { update: {} as never } }), 'damaged kernels'),
    refused(() => ({ calls: { update: [{ ...kernels.calls.update![0]!, kernel: 7 as never }] } }), 'damaged kernels'),
    refused(() => ({ calls: { update: kernels.calls.update!.slice(1) } }), 'not for its ports'),
    refused(() => ({ calls: { update: [...kernels.calls.update!, kernels.calls.update![0]!] } }), 'not for its ports'),
    refused(
      () => ({ calls: { update: kernels.calls.update!.map((call) => ({ ...call, elements: call.elements + 4 })) } }),
      'not for its ports',
    ),
    refused(
      () => ({ calls: { update: kernels.calls.update!.map((call) => ({ ...call, scalars: ['loss'] })) } }),
      'not for its ports',
    ),
  ])('%#', async (change, reason) => {
    expect(await provokes('R0202', async () => parseManifest(changed(change()), 'manifest.json'))).toContain(reason);
  });
});

describe('a session', () => {
  const sessionOf = (section: OnnxSection, bytes: ReadonlyMap<string, Uint8Array> = files): Session => {
    const own: Manifest = { ...manifest, weights: { origin: 'test', trained: true }, targets: { onnx: section } };
    const read = async (file: string): Promise<Uint8Array> => bytes.get(file)!;
    return Session.open(own, { backend: onnxBackend({ location: 'test', manifest: own, read }) });
  };
  const feeds = (): Record<string, HostTensor> =>
    Object.fromEntries(
      manifest.entries.update!.inputs.map(({ name, shape }, seed) => {
        const size = (shape as number[]).reduce((product, dim) => product * dim, 1);
        const data = noise(size, seed + 1).map((x) => (name.includes('exp_avg_sq') ? Math.abs(x) : x));
        if (name === PORTS.step) data[0] = 3;
        return [name, { dtype: 'f32', shape: shape as number[], data }];
      }),
    );
  const updated = async (session: Session): Promise<Record<string, HostTensor>> => {
    try {
      return await session.run('update', feeds());
    } finally {
      await session.dispose();
    }
  };
  const { kernels: _, ...graphAlone } = artifact.manifest(null).targets.onnx!;

  it('runs them: the numbers are the graph’s', async () => {
    const expected = await updated(sessionOf(graphAlone));
    const results = await updated(sessionOf(onnx, new Map([...files].filter(([name]) => name !== 'update.onnx'))));
    expect(Object.keys(results)).toEqual(Object.keys(expected));
    for (const [name, { data }] of Object.entries(expected)) {
      const largest = Math.max(...Array.from(data as Float32Array, Math.abs));
      const off = Math.max(...Array.from(results[name]!.data as Float32Array, (x, i) => Math.abs(x - Number(data[i]))));
      expect(off, name).toBeLessThanOrEqual(1e-6 * largest);
    }
  });

  it('runs the graph where the engine does not take the module', async () => {
    const damaged = new Map([...files, ['update.wasm', Uint8Array.of(0, 1, 2, 3)]]);
    expect(await updated(sessionOf(onnx, damaged))).toEqual(await updated(sessionOf(graphAlone)));
  });

  it('a module of other functions is a failed load', async () => {
    const calls = { update: kernels.calls.update!.map((call) => ({ ...call, kernel: 'elsewhere' })) };
    const session = sessionOf({ ...onnx, kernels: { ...kernels, calls } });
    expect(await provokes('R0206', () => session.run('update', feeds()))).toContain('elsewhere');
    await session.dispose();
  });

  it('what is kept is used up when it is fed again, and stays when the session ends', async () => {
    const session = sessionOf(onnx);
    const key = built.plan.trained[0]!.key;
    const [port, next] = [PORTS.parameter(key), PORTS.next(PORTS.parameter(key))];
    const first = (await session.run('update', feeds(), { keep: 'all', borrow: true }))[next] as LentTensor;
    expect(first).toBeInstanceOf(LentTensor);
    const again = { ...feeds(), [port]: first };
    const second = (await session.run('update', again, { keep: 'all', borrow: true }))[next] as LentTensor;
    expect(await provokes('R1008', async () => first.data)).toContain('was released');
    const numbers = [...second.data];
    await session.dispose();
    expect([...second.data]).toEqual(numbers);
  });
});
