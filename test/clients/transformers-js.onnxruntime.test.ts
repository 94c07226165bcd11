/**
 * The real @huggingface/transformers loads what `mdl compile` writes, with no edits and no options, and says what transformers and
 * our own runtime say.
 */
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForImageClassification,
  AutoModelForImageTextToText,
  AutoProcessor,
  AutoTokenizer,
  type Message,
  pipeline,
  RawImage,
  Tensor,
} from '@huggingface/transformers';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  decodeImage,
  generate,
  openSession,
  preprocessImage,
  type Session,
  Tokenizer,
} from '../../src/package/runtime.ts';
import { folderWith, mdl, PRETRAINED, TINYGPTV } from '../cli/support.ts';
import { fixture, readTensors, relativeError } from '../support/reference.ts';
import { expectedOf, openFrom, PICTURES } from './support.ts';

let root: string;
const compile = async (name: string, ...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await mdl(root, 'compile', ...args, '--out', name);
  expect({ code, stderr }).toMatchObject({ code: 0 });
};
type Options = Readonly<Record<string, unknown>>;
const idsOf = (tensor: Tensor): number[] => (tensor.tolist() as bigint[][])[0]!.map(Number);

beforeAll(() => {
  root = folderWith({});
  openFrom(root);
});

describe('text generation from a compiled folder of transformers', () => {
  it.each(['smollm2', 'qwen2', 'qwen3', 'gpt2'])('%s: the tokens of transformers', async (name) => {
    await compile(name, fixture(`folders/${name}`));
    expect(existsSync(join(root, name, 'onnx/model.onnx_data'))).toBe(true);
    const { prompt, ids, tokens } = expectedOf(name);
    const [tokenizer, model] = await Promise.all([
      AutoTokenizer.from_pretrained(name),
      AutoModelForCausalLM.from_pretrained(name),
    ]);
    const inputs = await tokenizer(prompt);
    expect(idsOf(inputs.input_ids as Tensor)).toEqual(ids);
    const found = (await model.generate({ ...inputs, max_new_tokens: 24, do_sample: false })) as Tensor;
    expect(idsOf(found).slice(ids.length)).toEqual(tokens);
    await model.dispose();
  });

  it('with caches of halves, which it makes as the graph says', async () => {
    await compile('smollm2-f16', fixture('folders/smollm2'), '--cache-dtype', 'f16');
    const model = await AutoModelForCausalLM.from_pretrained('smollm2-f16');
    const { ids, tokens } = expectedOf('smollm2');
    const input_ids = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
    const found = (await model.generate({ input_ids, max_new_tokens: 10, do_sample: false })) as Tensor;
    expect(idsOf(found).slice(ids.length)).toEqual(tokens.slice(0, 10));
    await model.dispose();
  });

  it('a batch of two prompts, one padded on its left, through an empty cache of two rows', async () => {
    const model = await AutoModelForCausalLM.from_pretrained('smollm2');
    const { ids, tokens } = expectedOf('smollm2');
    const i64 = (rows: readonly (readonly number[])[]): Tensor =>
      new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);
    const padded = [0, 0, ...ids];
    const inputs = {
      input_ids: i64([padded, [7, 8, ...ids]]),
      attention_mask: i64([padded.map((_, at) => Number(at > 1)), padded.map(() => 1)]),
    };
    const found = (await model.generate({ ...inputs, max_new_tokens: 10, do_sample: false })) as Tensor;
    expect(idsOf(found).slice(padded.length)).toEqual(tokens.slice(0, 10));
    await model.dispose();
  });

  it('the chat template of the folder, in the pipeline, up to the end tokens of generation_config.json', async () => {
    const chat = expectedOf('smollm2').chat!;
    const generator = await pipeline('text-generation', 'smollm2');
    const messages: Message[] = [{ role: 'user', content: expectedOf('smollm2').prompt }];
    const ids = generator.tokenizer.apply_chat_template(messages, { add_generation_prompt: true, return_dict: false });
    expect(idsOf(ids as unknown as Tensor)).toEqual(chat.ids);
    const [answer] = (await generator(messages, { max_new_tokens: 24, do_sample: false })) as [
      { generated_text: { role: string; content: string }[] },
    ];
    const said = generator.tokenizer.decode([...chat.tokens], { skip_special_tokens: true });
    expect(answer.generated_text.at(-1)!.content.trim()).toBe(said.trim());
    await generator.dispose();
  });
});

describe('encoders from compiled folders of transformers', () => {
  it('minilm: feature-extraction gives the mean states of transformers, of two texts of other lengths', async () => {
    await compile('minilm', fixture('folders/minilm'));
    const { texts } = JSON.parse(readFileSync(fixture('folders/minilm/expected.json'), 'utf8')) as { texts: string[] };
    const expected = readTensors(fixture('folders/expected/minilm.safetensors'));
    const states = expected.get('last_hidden_state')!;
    const mask = expected.get('attention_mask')!;
    const [rows, length, width] = states.shape as [number, number, number];
    const means = Array.from({ length: rows }, (_, row) => {
      const seen = Array.from({ length }, (__, at) => at).filter((at) => Number(mask.data[row * length + at]) === 1);
      const of = (c: number): number =>
        seen.reduce((sum, at) => sum + Number(states.data[(row * length + at) * width + c]), 0) / seen.length;
      const mean = Array.from({ length: width }, (__, c) => of(c));
      return mean.map((value) => value / Math.hypot(...mean));
    });
    const extractor = await pipeline('feature-extraction', 'minilm');
    const found = await extractor(texts, { pooling: 'mean', normalize: true });
    expect(found.dims).toEqual([rows, width]);
    expect(relativeError(found.data as Float32Array, Float64Array.from(means.flat()))).toBeLessThan(1e-5);
    await extractor.dispose();
  });

  it('vit: image-classification gives the logits of transformers, and names their classes', async () => {
    const folder = folderWith({
      'preprocessor_config.json': JSON.stringify({
        image_processor_type: 'ViTImageProcessor',
        size: { height: 8, width: 8 },
      }),
    });
    cpSync(fixture('folders/vit/config.json'), join(folder, 'config.json'));
    cpSync(fixture('zoo/vit/weights.safetensors'), join(folder, 'model.safetensors'));
    await compile('vit', folder);
    const expected = readTensors(fixture('zoo/vit/expected.safetensors'));
    const { data, shape } = expected.get('pixel_values')!;
    const model = await AutoModelForImageClassification.from_pretrained('vit');
    const { logits } = (await model({ pixel_values: new Tensor('float32', data as Float32Array, [...shape]) })) as {
      logits: Tensor;
    };
    expect(relativeError(logits.data as Float32Array, expected.get('logits')!.data)).toBeLessThan(1e-5);
    await model.dispose();
    const classifier = await pipeline('image-classification', 'vit');
    const picture = new RawImage(
      Uint8ClampedArray.from({ length: 3 * 20 * 20 }, (_, at) => (at * 7) % 256),
      20,
      20,
      3,
    );
    const { pixel_values } = (await classifier.processor!(picture)) as { pixel_values: Tensor };
    const session = await openSession(join(root, 'vit'));
    const pixels = { dtype: 'f32', shape: pixel_values.dims, data: pixel_values.data as Float32Array } as const;
    const ours = (await session.run('classify', { pixel_values: pixels })).logits!.data as Float32Array;
    await session.dispose();
    const best = ours.indexOf(Math.max(...ours));
    const total = ours.reduce((sum, logit) => sum + Math.exp(logit - ours[best]!), 0);
    const [first] = (await classifier(picture)) as { label: string; score: number }[];
    expect(first).toEqual({ label: `LABEL_${best}`, score: expect.closeTo(1 / total, 5) });
    await classifier.dispose();
  });

  it('llava: image-text-to-text gives the tokens of transformers for its pixels and ids', async () => {
    await compile('llava', fixture('folders/llava'));
    const { ids, tokens } = expectedOf('llava');
    const { data, shape } = readTensors(fixture('folders/expected/llava.safetensors')).get('pixel_values')!;
    const model = await AutoModelForImageTextToText.from_pretrained('llava');
    const found = (await model.generate({
      input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
      attention_mask: new Tensor(
        'int64',
        BigInt64Array.from(ids, () => 1n),
        [1, ids.length],
      ),
      pixel_values: new Tensor('float32', data as Float32Array, [...shape]),
      max_new_tokens: 12,
      do_sample: false,
    } as Options)) as Tensor;
    expect(idsOf(found).slice(ids.length)).toEqual(tokens);
    await model.dispose();
  });
});

describe('a model of an .mdl file', () => {
  it('is driven by its ports: a decoder of any make generates what our runtime does', async () => {
    const sizes = ['vocab_size=259', 'hidden_size=16', 'intermediate_size=24', 'num_hidden_layers=2', 'head_dim=4'];
    const heads = ['num_attention_heads=4', 'num_key_value_heads=2', 'max_position_embeddings=64'];
    const args = [...sizes, ...heads].flatMap((one) => ['--set', one]);
    await compile('made', join(TINYGPTV, '../llama.mdl'), ...args, '--init', '3');
    const session = await openSession(join(root, 'made'));
    const ids = [5, 77, 200];
    const ours = await generate(session, { input_ids: [ids] }, { max_new_tokens: 12 });
    await session.dispose();
    const model = await AutoModelForCausalLM.from_pretrained('made');
    const input_ids = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, 3]);
    const found = (await model.generate({ inputs: input_ids, max_new_tokens: 12, do_sample: false })) as Tensor;
    expect(idsOf(found).slice(3)).toEqual(ours.rows[0]!.tokens);
    await model.dispose();
  });

  it('of one entry is onnx/model.onnx, for AutoModel', async () => {
    const text = `config c { d = 4 }
model Twice {
  param scale: [d] = ones()
  entry run(x: [B, d]) -> (y: [B, d]) { x * scale * 2.0 }
}
`;
    const folder = folderWith({ 'twice.mdl': text });
    await compile('twice', join(folder, 'twice.mdl'), '--init', '0');
    const model = await AutoModel.from_pretrained('twice');
    const { y } = await model({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [1, 4]) });
    expect((y as Tensor).tolist()).toEqual([[2, 4, 6, 8]]);
    await model.dispose();
  });

  it('whose entries do not fit together says why there is no graph for other programs', async () => {
    const text = `model Two {
  entry a(x: [B, 4]) -> (y: [B, 4]) { x }
  entry b(x: [B, 5]) -> (z: [B, 5]) { x }
}
`;
    const folder = folderWith({ 'two.mdl': text });
    const { code, stdout } = await mdl(folder, 'compile', 'two.mdl', '--out', 'out', '--init', '0');
    expect(code).toBe(0);
    expect(stdout).toContain('no graph for other programs: x is f32[B, 4] in a and f32[B, 5] in b');
    expect(existsSync(join(folder, 'out/onnx/a.onnx'))).toBe(true);
    expect(existsSync(join(folder, 'out/config.json'))).toBe(false);
  });
});

describe('nano TinyGPT-V: pictures and questions', () => {
  const QUESTION = 'what is this?';
  /** text that no answer has: clients end at tokens alone */
  const NO_END = '\0';
  const picture = (name: string) =>
    decodeImage(
      readFileSync(new URL(`../../node_modules/emoji-datasource-twitter/img/twitter/64/${name}.png`, import.meta.url)),
      {
        background: [255, 255, 255],
      },
    );
  let session: Session;
  let codec: Tokenizer;

  beforeAll(async () => {
    const weights = ['--weights', PRETRAINED, '--allow-missing', '**.lora_*', '--shard-mb', '1'];
    await compile('nano', TINYGPTV, '--config', 'nano', ...weights);
    session = await openSession(join(root, 'nano'));
    codec = Tokenizer.from(readFileSync(join(root, 'nano/tokenizer.json'), 'utf8'));
    return () => session.dispose();
  });

  it('the folder has what transformers.js reads', async () => {
    const config = JSON.parse(readFileSync(join(root, 'nano/config.json'), 'utf8')) as Record<string, object>;
    expect(config['transformers.js_config']).toEqual({
      dtype: 'fp32',
      use_external_data_format: {
        'vision_encoder.onnx': 2,
        'embed_tokens.onnx': 1,
        'decoder_model_merged.onnx': 4,
      },
    });
    const files = readdirSync(join(root, 'nano/onnx')).filter((name) => name.startsWith('decoder_model_merged.onnx_'));
    expect(files.sort()).toEqual(['', '_1', '_2', '_3'].map((shard) => `decoder_model_merged.onnx_data${shard}`));
    for (const file of files) expect(statSync(join(root, 'nano/onnx', file)).size).toBeLessThanOrEqual(2 ** 20);
  });

  it('the pixels of our runtime: twelve of twelve tokens', async () => {
    const processor = await AutoProcessor.from_pretrained('nano');
    const model = await AutoModelForImageTextToText.from_pretrained('nano');
    const content = [{ type: 'image' }, { type: 'text', text: QUESTION }];
    const prompt = processor.apply_chat_template([{ role: 'user', content }] as unknown as Message[]) as string;
    for (const name of PICTURES) {
      const image = picture(name);
      const ours = await ask(
        session,
        codec,
        { prompt: QUESTION, images: [image], end: NO_END },
        { max_new_tokens: 12 },
      );
      expect(ours.prompt).toBe(prompt);
      expect(ours.tokens).toHaveLength(12);
      const raw = new RawImage(new Uint8ClampedArray(image.data), image.width, image.height, 3);
      const inputs = (await processor(raw, prompt)) as { input_ids: Tensor; pixel_values: Tensor };
      const { data, shape } = preprocessImage(image, { size: 56 });
      // ONNX Runtime has the same pixels; those of the client's own resize are below
      const pixel_values = new Tensor('float32', data as Float32Array, [...shape]);
      const found = (await model.generate({
        ...inputs,
        pixel_values,
        max_new_tokens: 12,
        do_sample: false,
      } as Options)) as Tensor;
      expect(idsOf(found).slice(inputs.input_ids.dims[1])).toEqual(ours.tokens);
      // sharp's bicubic filter is not Pillow's
      const theirs = inputs.pixel_values.data as Float32Array;
      const far = theirs.filter((value, at) => Math.abs(value - (data as Float32Array)[at]!) > 0.25).length;
      expect(far / theirs.length).toBeLessThan(0.05);
    }
    await model.dispose();
  });

  it.each(PICTURES.slice(0, 3))('%s through the client’s own processor: the same answer', async (name) => {
    const processor = await AutoProcessor.from_pretrained('nano');
    const model = await AutoModelForImageTextToText.from_pretrained('nano');
    const image = picture(name);
    const ours = await ask(session, codec, { prompt: QUESTION, images: [image], end: NO_END }, { max_new_tokens: 12 });
    const raw = new RawImage(new Uint8ClampedArray(image.data), image.width, image.height, 3);
    const inputs = (await processor(raw, ours.prompt)) as { input_ids: Tensor };
    const found = (await model.generate({ ...inputs, max_new_tokens: 12, do_sample: false } as Options)) as Tensor;
    // the client's resize gives other pixels, so nothing is said of what stands behind the answer
    const answer = (tokens: readonly number[]) => {
      const text = codec.decode([...tokens]);
      expect(text).toContain('\n');
      return text.slice(0, text.indexOf('\n'));
    };
    expect(answer(idsOf(found).slice(inputs.input_ids.dims[1]))).toBe(answer(ours.tokens));
    await model.dispose();
  });
});
