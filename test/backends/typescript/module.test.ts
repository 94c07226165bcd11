/** The module of a plan: what tsc accepts and refuses, names that try to be code, its size, and that it runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { generateModule } from '../../../src/compiler/backends/typescript/index.ts';
import type { WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { unavailable } from '../../support/adapter.ts';
import { bundle, bundleInChunks, folderOf, generated, planOfText, typeErrors } from './support.ts';

const SOURCE = `import { Embedding, Linear } from "std"

config base { d = 4, classes = 3, words = 7 }

model Tagger {
  embed = Embedding(words, d)
  down = Linear(d, classes)

  entry embed_tokens(input_ids: int[B, T]) -> (inputs_embeds: [B, T, d]) { embed(input_ids) }
  entry tag(inputs_embeds: [B, T, d]) -> (logits: [B, T, classes], best: int[B, T]) {
    let scores = down(inputs_embeds)
    (scores, argmax(scores, axis = -1))
  }
}
`;
const PLAN = planOfText(SOURCE, 'models/tag-ger.mdl');
const GENERATED = generated(PLAN);

const renamed = (model: Partial<WebGpuPlan['model']>, entries: WebGpuPlan['entries'] = PLAN.entries): WebGpuPlan => ({
  ...PLAN,
  model: { ...PLAN.model, ...model },
  entries,
});

describe('types', () => {
  it('fit what the entries take and give', () => {
    const program = `
import { createTagger, plan, type Tagger, type TagInputs } from './tag-ger.js';

const model: Tagger = await createTagger(undefined, 'weights.safetensors');
const input_ids = { dtype: 'i64', shape: [1, 2], data: new BigInt64Array(2) } as const;
const { inputs_embeds } = await model.embedTokens({ input_ids });
const floats: Float32Array = inputs_embeds.data;
await model.embedTokens({ input_ids: { dtype: 'i32', shape: [1, 2], data: new Int32Array(2) } });
const { best } = await model.tag({ inputs_embeds }, { fetch: ['best'] });
const integers: BigInt64Array = best.data;
const kept = await model.tag({ inputs_embeds }, { keep: ['logits'], profile: true });
if (kept.logits !== undefined && !('data' in kept.logits)) kept.logits.destroy();
const given: TagInputs = { inputs_embeds };
await (await createTagger({ powerPreference: 'high-performance' }, async () => inputs_embeds)).dispose();
declare const device: GPUDevice;
await (await createTagger(device, 'x')).recover();
console.log(floats, integers, given, plan.kernels.length, model.session.info().backend);

// REFUSED: no tensor of this name
await model.embedTokens({ input_id: input_ids });
// REFUSED: an input is missing
await model.tag({});
// REFUSED: another dtype
await model.embedTokens({ input_ids: { dtype: 'f32', shape: [1, 2], data: new Float32Array(2) } });
// REFUSED: an array of another kind
await model.tag({ inputs_embeds: { dtype: 'f32', shape: [1, 1, 4], data: new Float64Array(4) } });
// REFUSED: no output of this name
await model.tag({ inputs_embeds }, { fetch: ['bests'] });
// REFUSED: what is not fetched is not there
(await model.tag({ inputs_embeds }, { fetch: ['best'] })).logits;
// REFUSED: the model has no decode, so it does not generate
await model.generate({ input_ids: [[1]] });
// REFUSED: weights are needed
await createTagger(undefined);
`;
    // tsc checks that the line after each is refused
    expect(typeErrors(GENERATED, program.replaceAll('REFUSED:', `@ts-expect-${'error'}`))).toBe('');
  });

  it('a cache may be left out', () => {
    const state = { name: 'past.0', dtype: 'f32', shape: ['B', 'P', 2] } as const;
    const port = { name: 'x', dtype: 'f32', shape: ['B', 'T', 2] } as const;
    const entry = {
      ...PLAN.entries.tag!,
      inputs: [port, state],
      outputs: [],
      cache: [{ past: 'past.0', present: 'p', axis: 1 }],
    };
    const declarations = generated({ ...PLAN, entries: { step: entry } }).files.get('tag-ger.d.ts')!;
    expect(declarations).toContain(`  /** f32 [B, P, 2]; absent: empty */\n  readonly "past.0"?: Given<'f32'>;`);
    expect(declarations).toContain(`  readonly x: Given<'f32'>;`);
  });
});

describe('names', () => {
  it('that are no identifiers, or mean something already, never become code', () => {
    const { tag } = PLAN.entries;
    const evil = "x'];globalThis.broken=1;//";
    const port = {
      name: `${evil}"*/globalThis.broken=1;/*`,
      dtype: 'f32',
      shape: ['*/globalThis.broken=1;/*'],
    } as const;
    const names = [
      evil,
      'then',
      'constructor',
      'session',
      'dispose',
      'a_b',
      'aB',
      '__proto__',
      '*/globalThis.broken=1;/*',
    ];
    const entries = Object.fromEntries(names.map((name) => [name, { ...tag!, inputs: [port], outputs: [port] }]));
    const plan = renamed(
      { name: 'Promise', source: '../*/globalThis.broken=1;/*\n.mdl', config_name: "*/';" },
      entries,
    );
    const module = generateModule(plan, { command: '*/\nglobalThis.broken=1' });
    expect(module).toMatchObject({ name: 'model--', create: 'createPromise_2' });
    const script = module.files.get(`${module.name}.js`)!;
    const methods = [
      ...script.matchAll(/^ {4}(\w+): \(inputs, options\) => session\.run\((.*), inputs, options\),$/gm),
    ];
    expect(methods.map(([, method, entry]) => [JSON.parse(entry!), method])).toEqual([
      [evil, 'xGlobalThisBroken1'],
      ['then', 'then_2'],
      ['constructor', 'constructor_2'],
      ['session', 'session_2'],
      ['dispose', 'dispose_2'],
      ['a_b', 'aB'],
      ['aB', 'aB_2'],
      ['__proto__', 'proto'],
      ['*/globalThis.broken=1;/*', 'globalThisBroken1'],
    ]);
    expect(
      typeErrors(module, `import { createPromise_2 } from './${module.name}.js';\nconsole.log(createPromise_2);\n`),
    ).toBe('');
  });

  it('do nothing when the module is loaded', async () => {
    const name = '__proto__';
    const text = JSON.stringify(
      renamed({ name: "x';globalThis.broken=1;'", source: ['`$', '{globalThis.broken=1}`'].join('') }),
    );
    const plan = JSON.parse(text.replace('"tag":', `"${name}":`)) as WebGpuPlan;
    const module = generated(plan);
    const folder = folderOf(module.files);
    const loaded = (await import(pathToFileURL(join(folder, 'plan.js')).href)) as { default: WebGpuPlan };
    expect(Object.keys(loaded.default.entries)).toEqual(['embed_tokens', name]);
    await bundle(folder, `${module.name}.js`, 'browser');
    await import(pathToFileURL(join(folder, 'bundle.mjs')).href);
    expect(globalThis).not.toHaveProperty('broken');
  });

  it('the header says what made it', () => {
    expect(GENERATED.files.get('tag-ger.js')!.split('\n').slice(0, 10)).toEqual([
      '/**',
      ` * Tagger on WebGPU. Written by ${PLAN.compiler}; do not edit, but write it again:`,
      ' *',
      ' *     mdl compile',
      ' *',
      ' * source   models/tag-ger.mdl',
      ' * config   base',
      ' * flags    none',
      ' * weights  none written, f32',
      ' */',
    ]);
  });
});

describe('a page that uses it', () => {
  /** bytes, gzipped: what the issue allows for inference without plan and weights */
  const MOST = 40 * 1024;

  it('loads at most 40 KB of module and runtime, and nothing of the compiler or of ONNX', async () => {
    const { embed_tokens, tag } = PLAN.entries;
    const module = generated(renamed({}, { embed_tokens: embed_tokens!, decode: tag! })); // with generation
    const folder = folderOf(module.files);
    const { metafile } = await bundleInChunks(folder, 'tag-ger.js');
    // what the page loads at once: the entry and what it imports; the self-test's kernels come when they are asked for
    const loaded = new Set<string>();
    const load = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      for (const { path, kind } of metafile!.outputs[file]!.imports)
        if (kind === 'import-statement' && metafile!.outputs[path]) load(path);
    };
    load(Object.keys(metafile!.outputs).find((file) => metafile!.outputs[file]!.entryPoint?.endsWith('tag-ger.js'))!);
    const bytes = Buffer.concat([...loaded].map((file) => readFileSync(join(folder, file))));
    const size = gzipSync(bytes, { level: 9 }).length;
    const inputs = Object.keys(metafile!.inputs).map((path) => path.replace(/^(\.\.\/)+/, ''));
    expect(inputs.filter((path) => /node_modules\/(?!\.cache)|src\/compiler|onnx|chevrotain/.test(path))).toEqual([]);
    expect(size).toBeLessThanOrEqual(MOST);
    console.info(`module and runtime: ${(size / 1024).toFixed(1)} KB gzipped`);
  });
});

describe.skipIf(unavailable)('on a device', () => {
  it('runs in Node', async () => {
    const folder = folderOf(GENERATED.files);
    await bundle(folder, 'tag-ger.js', 'node');
    const { createTagger } = (await import(pathToFileURL(join(folder, 'bundle.mjs')).href)) as {
      createTagger: (
        device: undefined,
        weights: unknown,
      ) => Promise<Record<string, (...given: unknown[]) => Promise<never>>>;
    };
    const weights = async (key: string): Promise<unknown> => {
      const { shape } = PLAN.parameters.find((parameter) => parameter.key === key)!;
      const size = shape.reduce((product, dim) => product * dim, 1);
      return { dtype: 'f32', shape, data: Float32Array.from({ length: size }, (_, index) => index) };
    };
    const model = await createTagger(undefined, weights);
    const input_ids = { dtype: 'i64', shape: [1, 2], data: BigInt64Array.of(0n, 2n) };
    const { inputs_embeds } = (await model.embedTokens!({ input_ids })) as { inputs_embeds: { data: Float32Array } };
    expect([...inputs_embeds.data]).toEqual([0, 1, 2, 3, 8, 9, 10, 11]);
    const { logits, best } = (await model.tag!({ inputs_embeds })) as {
      logits: { data: Float32Array };
      best: { data: BigInt64Array };
    };
    expect([...logits.data]).toEqual([14, 39, 64, 62, 215, 368]);
    expect([...best.data]).toEqual([2n, 2n]);
    await model.dispose!();
  });
});
