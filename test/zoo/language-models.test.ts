/**
 * Decoders of models/ against transformers in float64: logits of two rows, one of them padded on the left, and each with a picture where
 * the model sees some; the last tokens once more with a cache; the loss and the gradient of every parameter.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { Decoder } from '../../src/runtime/generate/decoder.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { relativeError } from '../support/reference.ts';
import { TARGETS } from '../support/targets.ts';
import { CASES, FIRST_OF_FILE, gradientsTest, lossInputs } from './language-models.ts';
import { columns, i64, inputsOf, type Opened, openCase, sizesOf, TOLERANCE } from './support.ts';

/** Tokens that the cache holds before the last are fed. */
const PREFILL = 5;

describe.each(CASES)('$name', (model) => {
  describe.each(TARGETS)('%s', (target) => {
    let opened: Promise<Opened> | undefined;
    const open = (): Promise<Opened> => {
      opened ??= openCase(model, target);
      return opened;
    };
    afterAll(async () => (await opened)?.close());

    const vocab = sizesOf(model.name).vocab_size;
    /** padding has logits that mean nothing */
    const counts = (mask: ArrayLike<number | bigint>) => (index: number) =>
      Number(mask[Math.floor(index / vocab)]) === 1;

    it('logits and loss', async () => {
      const all = await open();
      const { loss, logits } = await all.session.run('loss', inputsOf(all, lossInputs(model)));
      const mask = all.expected.get('attention_mask')!.data;
      expect(relativeError(logits!.data, all.expected.get('logits')!.data, counts(mask))).toBeLessThan(TOLERANCE);
      expect(relativeError(loss!.data, all.expected.get('loss')!.data)).toBeLessThan(TOLERANCE);
    });

    it('with a cache', async () => {
      const { session, expected } = await open();
      const length = expected.get('input_ids')!.shape[1]!;
      const part = (name: string, from: number, to: number) => i64(columns(expected.get(name)!, from, to));
      const seen = model.imageToken ? await featuresOf(await open(), model.imageToken) : undefined;
      const decode = async (from: number, to: number, past: Record<string, never> | object) => {
        const { inputs_embeds } = await session.run('embed_tokens', { input_ids: part('input_ids', from, to) });
        seen?.place(inputs_embeds!, from, to);
        return session.run('decode', {
          inputs_embeds: inputs_embeds!,
          attention_mask: part('attention_mask', 0, to),
          position_ids: part('position_ids', from, to),
          ...past,
        });
      };
      const first = await decode(0, PREFILL, {});
      const past = Object.entries(first).flatMap(([name, tensor]) =>
        name.startsWith('present') ? [[name.replace('present', 'past_key_values'), tensor] as const] : [],
      );
      expect(past.length).toBeGreaterThan(0);
      const { logits } = await decode(PREFILL, length, Object.fromEntries(past));
      const want = columns(expected.get('logits')!, PREFILL, length);
      expect(logits!.shape).toEqual(want.shape);
      expect(relativeError(logits!.data, want.data)).toBeLessThan(TOLERANCE);
    });

    it('a prompt in parts has the logits of a prompt in one piece, and so has the token after it', async () => {
      const { session, expected } = await open();
      const ids = expected.get('input_ids')!;
      const [rows, length] = ids.shape as [number, number];
      const text = i64(columns(ids, 0, length));
      // a picture's token is outside of the table
      const known = { ...text, data: (text.data as BigInt64Array).map((id) => (id < vocab ? id : 1n)) };
      const { inputs_embeds } = await session.run('embed_tokens', { input_ids: known });
      const seen = Array.from(expected.get('attention_mask')!.data, Number);
      const mask = Array.from({ length: rows }, (_, row) => seen.slice(row * length, (row + 1) * length));
      const answers = async (chunk: number) => {
        const decoder = new Decoder(session, 1, chunk);
        try {
          const prompt = await decoder.prefill({ inputs_embeds: inputs_embeds!, mask });
          return [...prompt, ...(await decoder.step(mask.map(() => 1)))];
        } finally {
          decoder.dispose();
        }
      };
      const whole = await answers(0);
      for (const chunk of [1, 3]) {
        for (const [row, logits] of (await answers(chunk)).entries())
          expect(relativeError(logits, whole[row]!), `chunk ${chunk}, row ${row}`).toBeLessThan(TOLERANCE);
      }
    });

    if (target !== 'webgpu' || FIRST_OF_FILE.has(model)) gradientsTest(model, open);
  });
});

/** Features of the rows' pictures, checked against transformers', and how they take the places of their tokens. */
async function featuresOf({ session, expected, loaded }: Opened, imageToken: string) {
  const token = Number(loaded.model.config()[imageToken]);
  const { image_features } = await session.run('encode_image', inputsOf({ expected }, ['pixel_values']));
  const want = expected.get('image_features')!;
  expect(image_features!.shape).toEqual(want.shape);
  expect(relativeError(image_features!.data, want.data)).toBeLessThan(TOLERANCE);
  const [rows, each, width] = want.shape as [number, number, number];
  const ids = expected.get('input_ids')!;
  const length = ids.shape[1]!;
  /** of the columns from … to of all rows */
  const place = (embeds: HostTensor, from: number, to: number): void => {
    for (let row = 0; row < rows; row++) {
      let next = row * each;
      for (let at = 0; at < to; at++) {
        if (Number(ids.data[row * length + at]) !== token) continue;
        const values = (image_features!.data as Float32Array).subarray(next * width, ++next * width);
        if (at >= from) (embeds.data as Float32Array).set(values, (row * (to - from) + at - from) * width);
      }
    }
  };
  return { place };
}
