import { describe, expect, it } from 'vitest';
import {
  applyTemplate,
  conversationPrompt,
  embedPrompt,
  encodeImage,
  HUMAN_ASSISTANT,
  preparePrompt,
  promptIds,
  splitPrompt,
} from '../../../src/recipes/vision-language/prompt.ts';
import type { Feeds } from '../../../src/runtime/feeds.ts';
import type { Runner } from '../../../src/runtime/session.ts';
import type { TextCodec } from '../../../src/runtime/tokenizer/tokenizer.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { manifestOf } from '../../runtime/generate/fake-model.ts';
import { provokes } from '../../runtime/support.ts';

/** Each character is its own token. */
const codec: TextCodec = {
  encode: (text) => Array.from(text, (character) => character.charCodeAt(0)),
  decode: (ids) => String.fromCharCode(...ids),
};

/** Embeds token t as [t, 1]; encodes an image of value v into the two tokens [v, −1], [v + 1, −1]. */
const runner: Runner = {
  manifest: (() => {
    const manifest = manifestOf(4);
    const image = {
      file: 'image.onnx',
      inputs: [{ name: 'image', dtype: 'f32', shape: [1, 3, 1, 1] }],
      outputs: [{ name: 'tokens', dtype: 'f32', shape: [1, 2, 2] }],
      cache: [],
    } as const;
    return { ...manifest, entries: { ...manifest.entries, encode_image: image } };
  })(),
  run: async (entry: string, feeds: Feeds): Promise<Record<string, HostTensor>> => {
    if (entry === 'encode_image') {
      const value = Number(feeds.image!.data[0]);
      return { tokens: { dtype: 'f32', shape: [1, 2, 2], data: Float32Array.of(value, -1, value + 1, -1) } };
    }
    const ids = [...(feeds.input_ids!.data as BigInt64Array)].map(Number);
    return {
      inputs_embeds: { dtype: 'f32', shape: [1, ids.length, 2], data: Float32Array.from(ids.flatMap((id) => [id, 1])) },
    };
  },
};
const pixels = (value: number): HostTensor => ({
  dtype: 'f32',
  shape: [1, 3, 1, 1],
  data: Float32Array.of(value, 0, 0),
});

describe('templates', () => {
  it('wrap a text as the released code does', () => {
    expect(applyTemplate('inst', 'x')).toBe('[INST] x [/INST]');
    expect(applyTemplate('human', '<Img><ImageHere></Img> x')).toBe(
      '###Human: <Img><ImageHere></Img> x ###Assistant: ',
    );
    expect(applyTemplate('instruct', 'x')).toBe('Instruct: x /n Output: ');
    expect(applyTemplate('none', '{} $& $1')).toBe('{} $& $1');
  });
  it('R0603: unknown names', async () => {
    expect(await provokes('R0603', () => applyTemplate('humam', 'x'))).toContain('did you mean human');
    await provokes('R0603', () => applyTemplate('toString', 'x'));
  });
});

describe('conversations', () => {
  it('are system, roles and separators, open at the end', () => {
    const format = { ...HUMAN_ASSISTANT, system: 'S' };
    expect(conversationPrompt([{ question: 'q', images: 1 }], format)).toBe(
      'S###Human: <Img><ImageHere></Img> q###Assistant: ',
    );
    expect(conversationPrompt([{ question: 'q', images: 2, answer: 'a' }, { question: 'r' }], format)).toBe(
      'S###Human: <Img><ImageHere></Img> <Img><ImageHere></Img> q###Assistant: a###Human: r###Assistant: ',
    );
    expect(conversationPrompt([{ question: 'q' }])).toContain('Give the following image: <Img>ImageContent</Img>.');
  });
});

describe('splitting and ids', () => {
  it('puts image places between the texts', () => {
    expect(splitPrompt('a<ImageHere>b<ImageHere>', 2)).toEqual(['a', 'b', '']);
    expect(promptIds('ab<ImageHere>c', [3], codec)).toEqual([97, 98, -1, -1, -1, 99]);
    expect(promptIds('<ImageHere><ImageHere>c', [1, 2], codec)).toEqual([-1, -1, -1, 99]);
    expect(promptIds('c', [], codec)).toEqual([99]);
  });
  it('R0601: another count of images', async () => {
    await provokes('R0601', () => splitPrompt('a<ImageHere>b', 2));
    await provokes('R0601', () => splitPrompt('a', 1));
    await provokes('R0601', () => preparePrompt(runner, codec, 'a', [pixels(1)]));
  });
});

describe('embedding', () => {
  it('splices image tokens in among token embeddings', async () => {
    const { shape, data } = await preparePrompt(runner, codec, 'A<ImageHere>BC<ImageHere>', [pixels(500), pixels(700)]);
    expect(shape).toEqual([7, 2]);
    expect([...data]).toEqual([65, 1, 500, -1, 501, -1, 66, 1, 67, 1, 700, -1, 701, -1]);
  });
  it('works without text and without images', async () => {
    expect([...(await embedPrompt(runner, [-1, -1], [await encodeImage(runner, pixels(3))])).data]).toEqual([
      3, -1, 4, -1,
    ]);
    expect([...(await embedPrompt(runner, [7])).data]).toEqual([7, 1]);
  });
  it('R0602, R0604, R0303: tokens that do not fill the places, other widths, no such entry', async () => {
    const image = await encodeImage(runner, pixels(1));
    await provokes('R0602', () => embedPrompt(runner, [1, -1], [image]));
    await provokes('R0602', () => embedPrompt(runner, [1], [image]));
    await provokes('R0604', () =>
      embedPrompt(runner, [1, -1], [{ dtype: 'f32', shape: [1, 3], data: new Float32Array(3) }]),
    );
    await provokes('R0303', () => encodeImage({ ...runner, manifest: manifestOf(4) }, pixels(1)));
  });
});
