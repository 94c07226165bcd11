/** Adapters of a session: what is read, fed and refused, over a backend that gives back what it is fed. */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openAdapter as openByUrl } from '../../src/runtime/adapter.browser.ts';
import { openAdapter } from '../../src/runtime/adapter.node.ts';
import type { AdapterBytes } from '../../src/runtime/adapters.ts';
import { hostBackend } from '../../src/runtime/backend.host.ts';
import { parseManifest } from '../../src/runtime/manifest.ts';
import { Session } from '../../src/runtime/session.ts';
import { encodeSafetensors } from '../../src/runtime/weights/encode.ts';
import type { EntryManifest, Manifest, TensorPort } from '../../src/shared/artifact.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { folderWith } from '../support/folder.ts';
import { TINY } from './support.onnx.ts';
import { provokes } from './support.ts';

const f32 = (shape: number[], ...values: number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});
const port = (name: string, ...shape: (number | string)[]): TensorPort => ({ name, dtype: 'f32', shape });

const A = { input: 'parameter.fc.lora_A.default.weight', key: 'fc.lora_A.default.weight', shape: [1, 2] };
const B = { input: 'parameter.fc.lora_B.default.weight', key: 'fc.lora_B.default.weight', shape: [3, 1] };
const main: EntryManifest = {
  inputs: [port('x', 'B', 2), port(A.input, ...A.shape), port(B.input, ...B.shape)],
  outputs: [port('a', 1, 2), port('b', 3, 1)],
  cache: [],
  adapters: [A, B],
};
const MANIFEST: Manifest = {
  ...TINY,
  entries: { ...TINY.entries, main },
  adapter: { type: 'LORA', r: 1, alpha: 2, others: ['gate.lora_A.default.weight'] },
};

const CONFIG = { peft_type: 'LORA', r: 1, lora_alpha: 2 };
const KEYS = {
  a: 'base_model.model.fc.lora_A.weight',
  b: 'base_model.model.fc.lora_B.weight',
  other: 'base_model.model.gate.lora_A.weight',
};
const tensorsOf = (factor: number): Record<string, HostTensor> => ({
  [KEYS.a]: f32([1, 2], factor, 2 * factor),
  [KEYS.b]: f32([3, 1], 3 * factor, 4 * factor, 5 * factor),
  [KEYS.other]: f32([1], 7),
});
const adapter = (tensors: Record<string, HostTensor>, config: unknown = CONFIG): AdapterBytes => ({
  config: typeof config === 'string' ? config : JSON.stringify(config),
  weights: encodeSafetensors(new Map(Object.entries(tensors))),
});

const open = (manifest: Manifest, files: Partial<Parameters<typeof Session.open>[1]> = {}): Session =>
  Session.open(manifest, {
    ...files,
    backend: hostBackend({
      name: 'echo',
      loadEntry: async () => ({
        run: async (feeds) => ({ a: feeds[A.input]!, b: feeds[B.input]! }),
        dispose: async () => {},
      }),
    }),
  });
const x = f32([1, 2], 0, 0);
const fed = async (session: Session): Promise<number[]> => {
  const { a, b } = await session.run('main', { x });
  return [...a!.data, ...b!.data].map(Number);
};
const NONE = [0, 0, 0, 0, 0];

let folder: string;
beforeAll(async () => {
  folder = folderWith();
  const { config, weights } = adapter(tensorsOf(10));
  await writeFile(join(folder, 'adapter_config.json'), config);
  await writeFile(join(folder, 'adapter_model.safetensors'), weights);
});

describe('swapping', () => {
  it('feeds the current adapter, zeros without one, and what the caller gives before either', async () => {
    const session = open(MANIFEST);
    expect(session.adapters()).toEqual([]);
    expect(await fed(session)).toEqual(NONE);
    await session.addAdapter('one', adapter(tensorsOf(1)));
    await session.addAdapter('two', adapter(tensorsOf(2)));
    expect(await fed(session)).toEqual(NONE);
    session.setAdapter('one');
    expect(await fed(session)).toEqual([1, 2, 3, 4, 5]);
    session.setAdapter('two');
    expect(session.adapters()).toEqual([
      { name: 'one', active: false },
      { name: 'two', active: true },
    ]);
    expect(await fed(session)).toEqual([2, 4, 6, 8, 10]);
    const { a } = await session.run('main', { x, [A.input]: f32([1, 2], 8, 9) });
    expect([...a!.data]).toEqual([8, 9]);
    session.setAdapter(null);
    expect(await fed(session)).toEqual(NONE);
  });

  it('adapts some of the modules and leaves the others as they are, which it tells', async () => {
    const { [KEYS.other]: _, ...main } = tensorsOf(1);
    const session = open(MANIFEST);
    await session.addAdapter('main', adapter(main));
    session.setAdapter('main');
    expect(session.adapters()).toEqual([{ name: 'main', active: true, without: ['base_model.model.gate'] }]);
    expect(await fed(session)).toEqual([1, 2, 3, 4, 5]);
    await session.addAdapter('gate', adapter({ [KEYS.other]: tensorsOf(1)[KEYS.other]! }));
    session.setAdapter('gate');
    expect(await fed(session)).toEqual(NONE);
  });

  it('takes a run’s adapter when the run begins, and replaces one of the same name', async () => {
    const session = open(MANIFEST);
    await session.addAdapter('one', adapter(tensorsOf(1)));
    session.setAdapter('one');
    const running = fed(session);
    session.setAdapter(null);
    expect(await running).toEqual([1, 2, 3, 4, 5]);
    session.setAdapter('one');
    await session.addAdapter('one', adapter(tensorsOf(3)));
    expect(await fed(session)).toEqual([3, 6, 9, 12, 15]);
  });

  it('reads a folder, in Node and over http', async () => {
    const session = open(MANIFEST, { openAdapter });
    await session.addAdapter('folder', folder);
    session.setAdapter('folder');
    expect(await fed(session)).toEqual([10, 20, 30, 40, 50]);
    const { config, weights } = adapter(tensorsOf(5));
    const server = createServer((request, response) => {
      if (request.url === '/a%20b/adapter_config.json') response.end(config);
      else if (request.url === '/a%20b/adapter_model.safetensors') response.end(weights);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const page = open(MANIFEST, { openAdapter: openByUrl });
      await page.addAdapter('url', `${url}/a b/`);
      page.setAdapter('url');
      expect(await fed(page)).toEqual([5, 10, 15, 20, 25]);
      expect(await provokes('R0219', () => page.addAdapter('none', `${url}/none`))).toContain(
        'adapter_config.json: the server answers 404',
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    await provokes('R0219', () => openByUrl(`${url}/none`));
  });

  it('starts with the folder’s own adapter, read at the first run', async () => {
    const manifest = { ...MANIFEST, adapter: { ...MANIFEST.adapter!, default: 'adapters/default' } };
    const asked: string[] = [];
    let missing = true;
    const session = open(manifest, {
      read: async (file) => {
        asked.push(file);
        if (missing) throw new Error('no such file');
        const { config, weights } = adapter(tensorsOf(4));
        return file.endsWith('.json') ? new TextEncoder().encode(config as string) : weights;
      },
    });
    expect(session.adapters()).toEqual([{ name: 'default', active: true }]);
    expect(asked).toEqual([]);
    await provokes('R0219', () => fed(session));
    missing = false;
    asked.length = 0;
    expect(await fed(session)).toEqual([4, 8, 12, 16, 20]);
    expect(await fed(session)).toEqual([4, 8, 12, 16, 20]);
    expect(asked).toEqual(['adapters/default/adapter_config.json', 'adapters/default/adapter_model.safetensors']);
    session.setAdapter(null);
    expect(await fed(session)).toEqual(NONE);
    expect(await provokes('R0219', () => fed(open(manifest)))).toContain('without its files');
  });
});

describe('what is refused', () => {
  const add = (bytes: AdapterBytes) => open(MANIFEST).addAdapter('spoiled', bytes);

  it('R0217: a name that was not added', async () => {
    const session = open(MANIFEST);
    await provokes('R0217', () => session.setAdapter('cats'));
    await session.addAdapter('cats', adapter(tensorsOf(1)));
    expect(await provokes('R0217', () => session.setAdapter('cat'))).toContain('did you mean cats');
    await provokes('R0217', () => session.setAdapter('default'));
  });

  it('R0218: a model with its adapters inside', async () => {
    const session = open(TINY);
    await provokes('R0218', () => session.addAdapter('one', adapter(tensorsOf(1))));
    expect(await provokes('R0218', () => session.setAdapter(null))).toContain('--swap-adapters');
    expect(session.adapters()).toEqual([]);
  });

  it('R0219: what cannot be read', async () => {
    expect(await provokes('R0219', () => openAdapter(join(folder, 'nowhere')))).toContain('no such file or directory');
    await provokes('R0219', () => open(MANIFEST).addAdapter('one', folder));
    await provokes('R0219', () => add(adapter(tensorsOf(1), '{')));
    await provokes('R0219', () => add(adapter(tensorsOf(1), [])));
    await provokes('R0101', () => add({ config: JSON.stringify(CONFIG), weights: new Uint8Array(3) }));
  });

  const CONFIGS: Readonly<Record<string, readonly [object, string]>> = {
    'another rank': [{ r: 8 }, 'has r 8 and the model was compiled with 1'],
    'another alpha': [{ lora_alpha: 16 }, 'has lora_alpha 16 and the model was compiled with 2'],
    'no alpha': [{ lora_alpha: undefined }, 'has lora_alpha none'],
    'another kind': [{ peft_type: 'IA3' }, 'has peft_type "IA3"'],
    DoRA: [{ use_dora: true }, 'has use_dora true'],
    'ranks by layer': [{ rank_pattern: { fc: 4 } }, 'has rank_pattern'],
    'another scaling': [{ use_rslora: true, lora_alpha: 3 }, 'has scaling 3 and the model was compiled with 2'],
  };
  it.each(Object.entries(CONFIGS))('R0220: %s', async (_, [changes, says]) => {
    expect(await provokes('R0220', () => add(adapter(tensorsOf(1), { ...CONFIG, ...changes })))).toContain(says);
  });
  it('but not another way to write the same', async () => {
    await add(adapter(tensorsOf(1), { ...CONFIG, use_rslora: true, use_dora: false, rank_pattern: {} }));
  });

  it('R0221: all tensors that are missing, unexpected, of another shape, or not finite', async () => {
    const { [KEYS.b]: b, [KEYS.a]: a, ...others } = tensorsOf(1);
    const spoiled = { ...others, [KEYS.a]: f32([2, 1], ...(a!.data as Float32Array)), 'base_model.model.x': b! };
    expect(await provokes('R0221', () => add(adapter(spoiled)))).toContain(
      `in 3 of its tensors, so train it on this model: ${KEYS.a} has shape [2, 1] and not [1, 2]; ${KEYS.b} is missing; base_model.model.x is unexpected`,
    );
    expect(await provokes('R0221', () => add(adapter({})))).toContain('it has none');
    const { [KEYS.a]: _, ...half } = tensorsOf(1);
    expect(await provokes('R0221', () => add(adapter(half)))).toContain(`${KEYS.a} is missing`);
    const infinite = { ...tensorsOf(1), [KEYS.a]: f32([1, 2], 1, Number.POSITIVE_INFINITY) };
    expect(await provokes('R0221', () => add(adapter(infinite)))).toContain('is Infinity at element 1');
    const integers: HostTensor = { dtype: 'i64', shape: [1, 2], data: BigInt64Array.of(1n, 2n) };
    expect(await provokes('R0221', () => add(adapter({ ...tensorsOf(1), [KEYS.a]: integers })))).toContain(
      'is I64 and not a float',
    );
  });

  it('R0208: inputs that are misspelt are compared with the caller’s own', async () => {
    expect(await provokes('R0208', () => open(MANIFEST).run('main', { y: x }))).toMatch(/it takes x$/);
  });

  it('R0202: a manifest whose adapters are not as the compiler writes them', async () => {
    expect(parseManifest(JSON.stringify(MANIFEST), 'm')).toEqual(MANIFEST);
    const withMain = (change: object): object => ({ ...MANIFEST, entries: { main: { ...main, ...change } } });
    const { adapter: fixed } = MANIFEST;
    const spoiled: object[] = [
      withMain({ adapters: 1 }),
      withMain({ adapters: [1] }),
      withMain({ adapters: [{ ...A, input: 'nowhere' }] }),
      withMain({ adapters: [{ ...A, input: 'x', shape: ['B', 2] }] }),
      withMain({ adapters: [{ ...A, shape: [2, 1] }] }),
      withMain({ adapters: [{ ...A, key: 1 }] }),
      { ...MANIFEST, adapter: undefined },
      { ...MANIFEST, adapter: 1 },
      { ...MANIFEST, adapter: { ...fixed, type: 'IA3' } },
      { ...MANIFEST, adapter: { ...fixed, r: 0 } },
      { ...MANIFEST, adapter: { ...fixed, alpha: '2' } },
      { ...MANIFEST, adapter: { ...fixed, others: 1 } },
      { ...MANIFEST, adapter: { ...fixed, default: '../secrets' } },
    ];
    for (const manifest of spoiled) await provokes('R0202', () => parseManifest(JSON.stringify(manifest), 'm'));
  });
});
