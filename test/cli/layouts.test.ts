/**
 * Layouts against parts of TinyGPT-V that PyTorch and transformers wrote (test/fixtures/layouts/make.py): what is put together is
 * the whole checkpoint bit for bit, its logits are those of transformers' own Phi-2, and what is written back is what was read.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import exportCommand from '../../src/compiler/cli/commands/export.ts';
import type { Turn } from '../../src/compiler/elaborate/layout.ts';
import { back, forth, type Part, wholeOf } from '../../src/compiler/workbench/layouts/laid-out.ts';
import { loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { openForRun } from '../../src/compiler/workbench/session.ts';
import { encodeSafetensors, type HostTensor, openCheckpoint, writeSafetensors } from '../../src/runtime/index.ts';
import { fixture, readTensors, relativeError } from '../support/reference.ts';
import { configFile, WEIGHTS } from '../tinygptv/support.ts';
import { recordingOutput } from './output.ts';
import { f32, folderWith } from './support.ts';

const part = (name: string): string => fixture(`layouts/${name}`);
const PARTS = ['phi-2', 'eva_vit_g.pth', 'blip2.pth', 'stage4.pth'].map(part);
const tiny = (set: readonly string[] = []) =>
  loadModel('models/tinygpt-v.mdl', { configFile: configFile(), set }, recordingOutput());

async function opened(weights: readonly string[], set: readonly string[] = []) {
  const said = recordingOutput();
  const { model } = tiny(set);
  const provider = await openWeights(model, { weights }, said);
  return { model, weights: provider!, notes: said.notes };
}

/** A thrown CliError or RuntimeError, as data. */
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'nothing was thrown', message: '', notes: [] as string[] }),
    (error: { code: string; message: string; notes?: string[] }) => ({
      code: error.code,
      message: error.message,
      notes: error.notes ?? [],
    }),
  );

describe("TinyGPT-V's parts", () => {
  const [phi, eva, blip2, stage4] = PARTS as [string, string, string, string];
  it.each([
    ['q, k and v apart, in shards', phi],
    ['Wqkv in three blocks', part('phi-2-wqkv.bin')],
  ])('are the whole checkpoint: Phi-2 with %s', async (_, phi2) => {
    const { model, weights, notes } = await opened([phi2, eva, blip2, stage4]);
    const whole = await openCheckpoint(WEIGHTS);
    for (const key of model.parameters.keys()) expect(await weights.read(key), key).toEqual(await whole.read(key));
    expect(model.parameters.size).toBe(whole.tensors.size);
    expect(notes.map((note) => /layout (\w+ of \w+)/.exec(note)?.[1])).toEqual([
      phi2 === phi ? 'phi2 of PhiForCausalLM' : 'phi2_wqkv of PhiForCausalLM',
      'eva_clip of EvaViT',
      'blip2 of TinyGPTV',
      'stages of TinyGPTV',
    ]);
    await weights.close();
    await whole.close();
  });

  it("compute transformers' logits", async () => {
    const set = ['lora=false', 'qk_norm=false', 'rms_norm=false'];
    const loaded = tiny(set);
    const said = recordingOutput();
    const allowUnexpected = ['**.lora_*'];
    const weights = await openWeights(
      loaded.model,
      { weights: [phi, eva, blip2], allowMissing: ['llama_proj*'], allowUnexpected },
      said,
    );
    const session = await openForRun(loaded, weights!, {
      backend: 'onnx',
      opset: 17,
      entries: ['embed_tokens', 'decode'],
    });
    const expected = readTensors(part('expected.safetensors'));
    const [B, T] = [2, 9];
    const input_ids = {
      dtype: 'i64',
      shape: [B, T],
      data: BigInt64Array.from(expected.get('input_ids')!.data as never),
    } as HostTensor;
    const { inputs_embeds } = await session.run('embed_tokens', { input_ids });
    const ones = { dtype: 'i64', shape: [B, T], data: new BigInt64Array(B * T).fill(1n) } as HostTensor;
    const position_ids = {
      dtype: 'i64',
      shape: [B, T],
      data: BigInt64Array.from({ length: B * T }, (_, i) => BigInt(i % T)),
    } as HostTensor;
    const { logits } = await session.run('decode', {
      inputs_embeds: inputs_embeds!,
      attention_mask: ones,
      position_ids,
    });
    expect(relativeError(logits!.data as Float32Array, expected.get('logits')!.data as never)).toBeLessThan(1e-5);
    await session.dispose();
    await weights!.close();
  });

  it('without what the stages trained have initial norms, which are named', async () => {
    const stage1 = part('stage1.pth');
    const { weights, notes } = await opened([phi, eva, blip2, stage1], ['lora=false']);
    const whole = await openCheckpoint(WEIGHTS);
    const key = 'llama_model.base_model.model.model.layers.1.post_layernorm.weight';
    expect(await weights.read(key)).toEqual(await whole.read(key));
    expect(notes.join('\n')).not.toMatch('initial values');
    const { model: other } = tiny(['lora=false']);
    const said = recordingOutput();
    const bare = await openWeights(other, { weights: [phi, eva, blip2], allowMissing: ['llama_proj*'] }, said);
    expect(Array.from((await bare!.read(key)).data, Number)).toEqual(new Array(64).fill(1));
    const initial = said.notes.find((note) => note.startsWith('initial values'))!.split('\n');
    expect(initial[0]).toBe('initial values: 15 keys that no source has, as the layout phi2 says:');
    expect(initial).toContain(`  ${key}`);
    await Promise.all([weights.close(), bare!.close(), whole.close()]);
  });
});

describe('what is written back', () => {
  async function exported(layout: string, weights: readonly string[], set: readonly string[] = []): Promise<string> {
    const out = join(folderWith({}), 'out.safetensors');
    const options = { configFile: configFile(), set, weights, layout, out };
    await exportCommand(recordingOutput(), ['models/tinygpt-v.mdl'], options);
    return out;
  }

  it.each([
    ['phi2', 'phi-2', /^$/],
    ['phi2_wqkv', 'phi-2-wqkv.bin', /^$/],
    ['eva_clip', 'eva_vit_g.pth', /^(blocks\.3|norm|head)\./],
    [
      'blip2',
      'blip2.pth',
      /^model\.(t5_proj|Qformer\.cls|.*(word|position)_embeddings|.*\.layer\.\d\.(intermediate|output)\.)/,
    ],
    ['stages', 'stage4.pth', /^optimizer\./],
  ])('%s: the keys and bytes of %s', async (layout, name, unused) => {
    const others = PARTS.filter((path) => path !== part(name) && !(layout === 'phi2_wqkv' && path === PARTS[0]));
    const file = await openCheckpoint(
      await exported(
        layout,
        [part(name), ...others].sort((a, b) => Number(a === PARTS[3]) - Number(b === PARTS[3])),
      ),
    );
    const source = await openCheckpoint(part(name));
    const kept = [...source.tensors.keys()].filter((key) => !unused.test(key));
    expect([...file.tensors.keys()].sort()).toEqual(kept.sort());
    for (const key of kept) {
      expect(file.tensors.get(key)!.dtype, key).toBe(source.tensors.get(key)!.dtype);
      expect(await file.read(key), key).toEqual(await source.read(key));
    }
    await Promise.all([file.close(), source.close()]);
  });

  it('of a turned whole is the inverse, whatever the pieces that are asked for', async () => {
    const turn: Turn = { sizes: [3, 4, 5, 7], order: [1, 3, 0, 2] };
    const stored = Uint8Array.from({ length: 3 * 4 * 5 * 7 * 2 }, (_, i) => (i * 37) % 251);
    const partOf = (bytes: Uint8Array): Part => ({
      byteLength: bytes.byteLength,
      stream: async function* (byte, chunk) {
        for (let at = byte; at < bytes.byteLength; at += chunk)
          yield bytes.slice(at, Math.min(bytes.byteLength, at + chunk));
      },
    });
    const read = async (whole: Part, from: number, chunk: number): Promise<number[]> => {
      const found: number[] = [];
      for await (const piece of whole.stream(from, chunk)) found.push(...piece);
      return found;
    };
    const model = Uint8Array.from(
      await read(wholeOf([partOf(stored.slice(0, 100)), partOf(stored.slice(100))], 2, forth(turn)), 0, 64),
    );
    // element (a, b, c, d) of the stored tensor is element (b, d, a, c) of the model's
    const at = (b: number, d: number, a: number, c: number) => 2 * (((b * 7 + d) * 3 + a) * 5 + c);
    expect(model[at(2, 6, 1, 3)]).toBe(stored[2 * (((1 * 4 + 2) * 5 + 3) * 7 + 6)]);
    expect(await read(wholeOf([partOf(model)], 2, back(turn)), 0, 10)).toEqual([...stored]);
    expect(await read(wholeOf([partOf(model)], 2, back(turn)), 22, 10)).toEqual([...stored.slice(22)]);
  });
});

const PAIR = `
module Part(d) {
  param qkv: [3 * d, d] = zeros()
  param norm: [d] = ones()
  forward(x: [B, d]) -> [B, d] { linear(x, qkv)[:, 0:d] * norm }
}
model Pair {
  a = Part(2)
  entry run(x: [B, 2]) -> (y: [B, 2]) { a(x) }
}
`;

/** A model with layouts, and weights by key. */
function pair(layouts: string, ...files: Readonly<Record<string, HostTensor>>[]) {
  const sources = files.map((tensors, index) => [
    `${index}.safetensors`,
    encodeSafetensors(new Map(Object.entries(tensors))),
  ]);
  const folder = folderWith({ 'pair.mdl': PAIR + layouts, ...Object.fromEntries(sources) });
  const { model } = loadModel(join(folder, 'pair.mdl'), {}, recordingOutput());
  return openWeights(
    model,
    { weights: files.map((_, index) => join(folder, `${index}.safetensors`)) },
    recordingOutput(),
  );
}

const rows = (start: number): HostTensor => f32([2, 2], [start, start + 1, start + 2, start + 3]);

describe('which layout a file has', () => {
  const APART = 'layout apart for Pair { "{q,k,v}" -> a.qkv\n "n" -> a.norm }';
  const whole = { q: rows(0), k: rows(4), v: rows(8), n: f32([2], [1, 2]) };

  it('is told by its keys', async () => {
    const weights = await pair(APART, whole);
    expect(Array.from((await weights!.read('a.qkv')).data, Number)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    await weights!.close();
  });

  it('C0460 says which keys decided where none fits', async () => {
    const { k: _, ...some } = whole;
    expect(await refusal(pair(APART, { ...some, w: rows(0) }))).toMatchObject({
      code: 'C0460',
      notes: [
        'apart (Pair) reads 3 of its keys: n',
        '  it needs k too, which the file lacks',
        '  it does not know w, which the file has',
      ],
    });
  });

  it('C0461 where two fit and read otherwise', async () => {
    const turned =
      'layout turned for Pair { "{q,k,v}" -> a.qkv by rearrange("(n i) o -> (i n) o", n = 3)\n "n" -> a.norm }';
    const { code, message } = await refusal(pair(`${APART}\n${turned}`, whole));
    expect([code, message]).toEqual(['C0461', expect.stringContaining('apart (Pair) and turned (Pair)')]);
  });

  describe('a file under own keys that a layout turns as well', () => {
    const TURNED =
      'layout hf for Pair { "a.qkv" -> a.qkv by rearrange("(n i) o -> (i n) o", n = 3)\n "{r...}" -> {r...} }';
    const qkv = f32([6, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const own = new Map([
      ['a.qkv', qkv],
      ['a.norm', f32([2], [1, 2])],
    ]);
    const files = (metadata: Readonly<Record<string, string>> = {}, by = '') => {
      const folder = folderWith({ 'pair.mdl': PAIR + TURNED, 'w.safetensors': encodeSafetensors(own, metadata) });
      return { model: join(folder, 'pair.mdl'), weights: [join(folder, `w.safetensors${by}`)], folder };
    };
    const numbers = async ({ model: file, weights }: Pick<ReturnType<typeof files>, 'model' | 'weights'>) => {
      const { model } = loadModel(file, {}, recordingOutput());
      const provider = (await openWeights(model, { weights }, recordingOutput()))!;
      const found = Array.from((await provider.read('a.qkv')).data, Number);
      await provider.close();
      return found;
    };
    const plain = Array.from(qkv.data, Number);
    const turned = [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11];

    it('is C0461, which says how to choose', async () => {
      const { code, message, notes } = await refusal(numbers(files()));
      expect([code, message]).toEqual(['C0461', expect.stringContaining("hf (Pair) and the model's own keys")]);
      expect(notes.join()).toMatch(/--weights \S*w\.safetensors@hf or \S*w\.safetensors@own/);
    });

    it('is read as FILE@LAYOUT says', async () => {
      expect(await numbers(files({}, '@own'))).toEqual(plain);
      expect(await numbers(files({}, '@hf'))).toEqual(turned);
      expect(await numbers(files({}, '@Pair.hf'))).toEqual(turned);
      expect((await refusal(numbers(files({}, '@other')))).code).toBe('C0464');
    });

    it('is read as it was written where MDL wrote it, and exported the same', async () => {
      const given = files({ 'mdl.layout': 'own' });
      expect(await numbers(given)).toEqual(plain);
      for (const layout of [undefined, 'hf']) {
        const out = join(given.folder, `${layout}.safetensors`);
        const options = { weights: given.weights, out, ...(layout === undefined ? {} : { layout }) };
        await exportCommand(recordingOutput(), [given.model], options);
        expect(await numbers({ model: given.model, weights: [out] })).toEqual(plain);
        const file = await openCheckpoint(out);
        const written = Array.from((await file.read('a.qkv')).data, Number);
        expect(written).toEqual(layout === undefined ? plain : [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
        await file.close();
      }
    });
  });

  it('export names what a layout does not write', async () => {
    const initial = 'layout some for Pair { "w" -> a.qkv\n initial a.norm }';
    const folder = folderWith({ 'pair.mdl': PAIR + initial });
    const output = recordingOutput();
    const options = { init: 1, layout: 'some', out: join(folder, 'x.safetensors') };
    await exportCommand(output, [join(folder, 'pair.mdl')], options);
    expect(output.notes).toEqual([
      'not written: a parameter of the model lies outside of the layout some, or as `initial` in it: a.norm',
    ]);
  });

  it('C0462 for a tensor that does not make the whole', async () => {
    expect(await refusal(pair(APART, { ...whole, k: f32([1, 2], [0, 0]) }))).toMatchObject({
      code: 'C0462',
      notes: ['k is [1, 2] and the layout makes it [2, 2]'],
    });
  });

  it('C0463 for keys that share a tensor and differ', async () => {
    const aliased = APART.replace('}', '}').replace(/\}$/, '\n alias "tied" = "n" }');
    const weights = await pair(aliased, { ...whole, tied: whole.n });
    await weights!.close();
    expect(await refusal(pair(aliased, { ...whole, tied: f32([2], [1, 3]) }))).toMatchObject({ code: 'C0463' });
  });

  it('takes a key that another shares from the metadata of safetensors', async () => {
    const folder = folderWith({ 'pair.mdl': `${PAIR}layout old for Pair { "w" -> a.qkv\n "n" -> a.norm }` });
    const file = join(folder, 'w.safetensors');
    await writeSafetensors(
      file,
      new Map([
        ['kept', f32([6, 2], new Array(12).fill(3))],
        ['n', whole.n],
      ]),
      { w: 'kept' },
    );
    const { model } = loadModel(join(folder, 'pair.mdl'), {}, recordingOutput());
    const weights = await openWeights(model, { weights: [file] }, recordingOutput());
    expect(Array.from((await weights!.read('a.qkv')).data, Number)).toEqual(new Array(12).fill(3));
    await weights!.close();
  });

  it('R0115 for a key in two sources, unless the later overlays', async () => {
    expect(await refusal(pair(APART, whole, { 'a.norm': f32([2], [5, 6]) }))).toMatchObject({ code: 'R0115' });
    const over = `${APART}\nlayout later for Pair overlay { own **\n optional ** }`;
    const weights = await pair(over, whole, { 'a.norm': f32([2], [5, 6]) });
    expect(Array.from((await weights!.read('a.norm')).data, Number)).toEqual([5, 6]);
    await weights!.close();
  });

  it('C0464 for a name that no layout has', async () => {
    const options = {
      configFile: configFile(),
      weights: PARTS,
      layout: 'phi3',
      out: join(folderWith({}), 'x.safetensors'),
    };
    const { code, message } = await refusal(exportCommand(recordingOutput(), ['models/tinygpt-v.mdl'], options));
    expect([code, message]).toEqual([
      'C0464',
      expect.stringContaining('PhiForCausalLM.phi2, PhiForCausalLM.phi2_wqkv'),
    ]);
  });
});
