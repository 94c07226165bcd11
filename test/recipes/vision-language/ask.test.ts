/** ask(): one question from files to text, on a runner that records what it is given. */

import { readFileSync } from 'node:fs';
import { encode as encodePng } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../src/recipes/vision-language/ask.ts';
import type { Feeds } from '../../../src/runtime/feeds.ts';
import type { DecodeOptions } from '../../../src/runtime/image/options.ts';
import { preprocessImage } from '../../../src/runtime/image/preprocess.ts';
import type { Runner } from '../../../src/runtime/session.ts';
import { Tokenizer } from '../../../src/runtime/tokenizer/tokenizer.ts';
import type { ConfigValue, Manifest } from '../../../src/shared/artifact.ts';
import { provokes } from '../../runtime/support.ts';
import { readJson } from '../../support/reference.ts';

const tokenizer = Tokenizer.from(readFileSync(new URL('../../../models/tokenizer-nano.json', import.meta.url), 'utf8'));
const VOCAB = 512;
const IMAGE_TOKENS = 3;

interface Recorded {
  readonly runner: Runner;
  readonly pixels: (readonly number[])[];
  /** what `encode_image` got */
  readonly images: Float32Array[];
  /** lengths of the prompts that `decode` got first */
  readonly prompts: number[];
}

/** A model that always says the tokens of `says`, then 0. */
const recipeOf = (settings: Values | undefined) => (settings ? { recipe: { name: 'vision-language', settings } } : {});
type Values = { readonly [name: string]: ConfigValue };

function model(says: string, config: Values, settings?: Values): Recorded {
  const script = [...tokenizer.encode(says), 0];
  const pixels: (readonly number[])[] = [];
  const images: Float32Array[] = [];
  const prompts: number[] = [];
  let step = 0;
  const port = (name: string, dtype: 'f32' | 'i64', ...shape: (number | string)[]) => ({ name, dtype, shape });
  const manifest: Manifest = {
    format: 'mdl',
    version: 2,
    compiler: 'test',
    targets: { onnx: { opset: 17, files: {}, weights: [] } },
    weights: null,
    model: { name: 'fake', source: 'fake.mdl', config_name: '', flags: {}, config, ...recipeOf(settings) },
    entries: {
      encode_image: {
        inputs: [port('pixel_values', 'f32', 'N', 3, 'H', 'W')],
        outputs: [port('image_embeds', 'f32', 'N', IMAGE_TOKENS, 2)],
        cache: [],
      },
      embed_tokens: {
        inputs: [port('input_ids', 'i64', 'B', 'T')],
        outputs: [port('inputs_embeds', 'f32', 'B', 'T', 2)],
        cache: [],
      },
      decode: {
        inputs: [port('inputs_embeds', 'f32', 'B', 'T', 2)],
        outputs: [port('logits', 'f32', 'B', 'T', VOCAB)],
        cache: [],
      },
    },
  };
  const run = async (name: string, feeds: Feeds) => {
    if (name === 'encode_image') {
      pixels.push(feeds.pixel_values!.shape);
      images.push(feeds.pixel_values!.data as Float32Array);
      return {
        image_embeds: { dtype: 'f32' as const, shape: [1, IMAGE_TOKENS, 2], data: new Float32Array(2 * IMAGE_TOKENS) },
      };
    }
    if (name === 'embed_tokens') {
      const { shape, data } = feeds.input_ids!;
      return {
        inputs_embeds: { dtype: 'f32' as const, shape: [...shape, 2], data: new Float32Array(2 * data.length) },
      };
    }
    const [, steps] = feeds.inputs_embeds!.shape as [number, number];
    if (step === 0) prompts.push(steps);
    const data = new Float32Array(steps * VOCAB);
    data[(steps - 1) * VOCAB + (script[step++] ?? 0)] = 10;
    return { logits: { dtype: 'f32' as const, shape: [1, steps, VOCAB], data } };
  };
  return { runner: { manifest, run }, pixels, images, prompts };
}

const CONFIG = { vit: { image_size: 28 }, tokens: { eos: 0 }, prompt: { template: 'human', end: '###' } };
const png = (): Uint8Array => encodePng({ width: 2, height: 2, data: new Uint8Array(12).fill(90), channels: 3 });

describe('ask', () => {
  it('wraps the prompt as the config says, puts images in front of it, and preprocesses them', async () => {
    const { runner, pixels, prompts } = model('a dog', CONFIG);
    const answer = await ask(runner, tokenizer, { prompt: 'what?', images: [png()] });
    expect(answer).toMatchObject({
      text: 'a dog',
      prompt: '###Human: <Img><ImageHere></Img> what? ###Assistant: ',
      finish: expect.any(String),
    });
    expect(pixels).toEqual([[1, 3, 28, 28]]);
    const texts = answer.prompt.split('<ImageHere>');
    expect(prompts).toEqual([IMAGE_TOKENS + texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0)]);
  });

  it('stops at the end text of the config, which is cut off', async () => {
    const { runner } = model('a cat###Human: more', CONFIG);
    expect((await ask(runner, tokenizer, { prompt: 'what?' })).text).toBe('a cat');
  });

  it('reads special tokens in the prompt as text where it is asked to', async () => {
    const written = '<|endoftext|>'; // one token; as text it is several
    for (const [split_special_tokens, length] of [
      [false, 1],
      [true, tokenizer.encode(written, { split_special_tokens: true }).length],
    ] as const) {
      const { runner, prompts } = model('x', CONFIG);
      await ask(runner, tokenizer, { prompt: written, template: 'none', split_special_tokens });
      expect(prompts).toEqual([length]);
    }
  });

  it('gives the text as it comes, whole characters and nothing of the end', async () => {
    const pieces: string[] = [];
    const { runner } = model('hi 🙂###more', CONFIG);
    const { text } = await ask(runner, tokenizer, { prompt: 'x', onText: (piece) => void pieces.push(piece) });
    expect([pieces.join(''), text]).toEqual(['hi 🙂', 'hi 🙂']);
  });

  it('takes the template and the options of the caller', async () => {
    const { runner } = model('a b c d e f g h', CONFIG);
    const answer = await ask(runner, tokenizer, { prompt: 'x', template: 'none' }, { max_new_tokens: 2 });
    expect(answer.prompt).toBe('x');
    expect(answer.tokens).toHaveLength(2);
  });

  it('keeps images where the prompt has their places', async () => {
    const { runner, pixels } = model('two', CONFIG);
    const answer = await ask(runner, tokenizer, {
      prompt: '<ImageHere> and <ImageHere>',
      template: 'none',
      images: [png(), png()],
    });
    expect(answer.prompt).toBe('<ImageHere> and <ImageHere>');
    expect(pixels).toHaveLength(2);
  });

  it('does without a config: 224 pixels, no template, no end', async () => {
    const { runner, pixels } = model('plain', {});
    const answer = await ask(runner, tokenizer, { prompt: 'x', images: [png()] }, { max_new_tokens: 1 });
    expect(answer.prompt).toBe('<Img><ImageHere></Img> x');
    expect(pixels).toEqual([[1, 3, 224, 224]]);
  });

  it('refuses what it cannot use', async () => {
    const { runner } = model('x', { ...CONFIG, phi: { max_position_embeddings: 16 } });
    await provokes('R0601', () => ask(runner, tokenizer, { prompt: '<ImageHere>', template: 'none' }));
    await provokes('R0401', () => ask(runner, tokenizer, { prompt: 'x', images: [new Uint8Array([1, 2, 3])] }));
    await provokes('R0603', () => ask(runner, tokenizer, { prompt: 'x', template: 'humn' }));
    expect(
      await provokes('R0306', () => ask(runner, tokenizer, { prompt: 'x', template: 'none' }, { max_new_tokens: 17 })),
    ).toMatch(/^the prompt has 1 tokens and 17 new ones may follow, and the model has 16 positions/);
    // the last token needs no position
    await ask(runner, tokenizer, { prompt: 'x', template: 'none' }, { max_new_tokens: 16 });
  });
});

describe('a model whose file names a recipe', () => {
  const settings = { image_size: 6, template: 'inst', end: '#', eos: 0, max_positions: 100 };

  it('is asked by its settings, whatever its config is called', async () => {
    const { runner, pixels } = model('a dog#more', { tower: { side: 6 } }, settings);
    const { text, prompt } = await ask(runner, tokenizer, { prompt: 'what?', images: [png()] });
    expect(text).toBe('a dog');
    expect(prompt).toContain('[INST]');
    expect(pixels).toEqual([[1, 3, 6, 6]]);
    expect(await provokes('R0306', () => ask(runner, tokenizer, { prompt: 'x' }, { max_new_tokens: 120 }))).toContain(
      '100',
    );
  });

  it('says what size its pictures have', async () => {
    const { runner } = model('x', { vit: { image_size: 6 } }, { eos: 0 });
    const said = await provokes('R1122', () => ask(runner, tokenizer, { prompt: 'what?', images: [png()] }));
    expect(said).toContain('image_size');
  });
});

describe('the pictures of a model, by its config', () => {
  // one transparent pixel and one opaque, both black; a JPEG that is stored on its side (see formats.py)
  const halfClear = encodePng({ width: 2, height: 1, data: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 255), channels: 4 });
  const formats = readJson<{ oriented: { name: string; file: string }[] }>('image/formats.json');
  const sideways = new Uint8Array(Buffer.from(formats.oriented.find(({ name }) => name === 'JPEG 6')!.file, 'base64'));
  const seen = async (
    file: Uint8Array,
    image: { readonly [name: string]: ConfigValue } | undefined,
    decode: DecodeOptions = {},
  ): Promise<readonly number[]> => {
    const config = { vit: { image_size: 4 }, ...(image ? { image } : {}) };
    const { runner, images } = model('x', config);
    await ask(runner, tokenizer, { prompt: 'x', images: [file], decode }, { max_new_tokens: 1 });
    return [...images[0]!];
  };
  const expected = (file: Uint8Array, options: DecodeOptions): readonly number[] => [
    ...(preprocessImage(file, { size: 4, ...options }).data as Float32Array),
  ];

  it('background: what transparent pixels show', async () => {
    const white = expected(halfClear, { background: [255, 255, 255] });
    const dropped = expected(halfClear, {});
    expect(white).not.toEqual(dropped);
    expect(await seen(halfClear, { background: [255, 255, 255] })).toEqual(white);
    expect(await seen(halfClear, { background: null })).toEqual(dropped);
    expect(await seen(halfClear, undefined)).toEqual(dropped);
    expect(await seen(halfClear, undefined, { background: [255, 255, 255] })).toEqual(white);
  });

  it('exif_orientation: photographs are upright unless the config, or the caller, says otherwise', async () => {
    const upright = expected(sideways, { exif_orientation: true });
    const stored = expected(sideways, {});
    expect(upright).not.toEqual(stored);
    expect(await seen(sideways, undefined)).toEqual(upright);
    expect(await seen(sideways, { exif_orientation: false })).toEqual(stored);
    expect(await seen(sideways, undefined, { exif_orientation: false })).toEqual(stored);
    expect(await seen(sideways, { exif_orientation: false }, { exif_orientation: true })).toEqual(upright);
  });

  it('R0402: max_pixels of the caller', async () => {
    expect(await provokes('R0402', () => seen(sideways, undefined, { max_pixels: 14 }))).toContain('at most 14');
  });

  it.each([
    [{ background: [255, 255] }, 'three integers from 0 to 255, or none'],
    [{ background: [0, 0, 256] }, 'three integers from 0 to 255, or none'],
    [{ background: 'white' }, 'three integers from 0 to 255, or none'],
    [{ exif_orientation: 1 }, 'true or false'],
    [{ mean: [0, 0] }, 'three numbers'],
    [{ std: [1, 1, 0] }, 'three numbers above 0'],
  ])('R0406: %j is none of them', async (image, wanted) => {
    expect(await provokes('R0406', () => seen(sideways, image))).toContain(`${wanted} is expected`);
  });
});
