/** Models of models/ in PyTorch against transformers in float64: logits, losses, gradients, a step with a cache, encoders. */
import { beforeAll, expect, it } from 'vitest';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { fixture, type ReferenceTensor, readTensors, relativeError } from '../support/reference.ts';
import { columns, i64, sizesOf } from '../zoo/support.ts';
import { describeTorch, type Job, type Result, runJobs, written } from './support.ts';

const TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;
const PREFILL = 5;

const DECODERS = [
  ['llama', 'llama.mdl'],
  ['smollm2', 'llama.mdl'],
  ['llama3', 'llama.mdl'],
  ['mistral', 'llama.mdl'],
  ['qwen2', 'llama.mdl'],
  ['qwen3', 'llama.mdl'],
  ['gemma', 'gemma.mdl'],
  ['gemma2', 'gemma-2.mdl'],
  ['gpt2', 'gpt2.mdl'],
] as const;

/** Of texts and pictures: with the features of the pictures in the place of their tokens. */
const WITH_PICTURES = [
  ['smolvlm', 'smolvlm.mdl'],
  ['llava', 'llava.mdl'],
] as const;

const TEXT = ['input_ids', 'attention_mask', 'token_type_ids'];
const ENCODERS: readonly (readonly [string, string, readonly string[], string])[] = [
  ['bert', 'encode', TEXT, 'last_hidden_state'],
  ['bert', 'pool', TEXT, 'pooler_output'],
  ['bert', 'sentence', TEXT, 'embedding'],
  ['vit', 'encode', ['pixel_values'], 'last_hidden_state'],
  ['vit', 'classify', ['pixel_values'], 'logits'],
  ['clip', 'encode_image', ['pixel_values'], 'image_embeds'],
  ['clip', 'encode_text', ['input_ids', 'attention_mask'], 'text_embeds'],
  ['clip', 'compare', ['pixel_values', 'input_ids', 'attention_mask'], 'logits_per_image'],
  ['siglip', 'encode_image', ['pixel_values'], 'image_embeds'],
  ['siglip', 'encode_text', ['input_ids'], 'text_embeds'],
  ['siglip', 'compare', ['pixel_values', 'input_ids'], 'logits_per_image'],
];

const expectedOf = new Map<string, ReadonlyMap<string, ReferenceTensor>>();
function expected(name: string): ReadonlyMap<string, ReferenceTensor> {
  const found = expectedOf.get(name) ?? readTensors(fixture(`zoo/${name}/expected.safetensors`));
  expectedOf.set(name, found);
  return found;
}

const given = (name: string, inputs: readonly string[]): Record<string, HostTensor> =>
  Object.fromEntries(
    inputs.map((input) => {
      const { shape, data } = expected(name).get(input)!;
      const dtype = data instanceof BigInt64Array ? 'i64' : 'f32';
      return [input, { dtype, shape, data: data as BigInt64Array | Float32Array }];
    }),
  );

const folderOf = (name: string, file: string): Promise<string> =>
  written(`models/${file}`, {
    configFile: fixture(`zoo/${name}/config.json`),
    weights: [fixture(`zoo/${name}/weights.safetensors`)],
  });

/** Padding has numbers that mean nothing. */
function counts(name: string, width: number): (index: number) => boolean {
  const mask = expected(name).get('attention_mask')?.data;
  return (index) => mask === undefined || Number(mask[Math.floor(index / width)]) === 1;
}

const asHost = ({ shape, data }: ReferenceTensor): HostTensor =>
  ({ dtype: data instanceof BigInt64Array ? 'i64' : 'f32', shape, data }) as HostTensor;

describeTorch('the zoo', () => {
  let results: { readonly [name: string]: () => Result };
  let next: { readonly [name: string]: () => Result };

  beforeAll(async () => {
    const first: Record<string, Job> = {};
    const folders = new Map<string, string>();
    const step = (name: string, from: number, to: number) => {
      const part = (input: string, start: number) => i64(columns(expected(name).get(input)!, start, to));
      return { ids: part('input_ids', from), mask: part('attention_mask', 0), positions: part('position_ids', from) };
    };
    for (const [name, file] of DECODERS) {
      const folder = await folderOf(name, file);
      folders.set(name, folder);
      const inputs = given(name, ['input_ids', 'attention_mask', 'position_ids', 'labels']);
      first[name] = { folder, entry: 'loss', inputs, gradients: true };
      const length = expected(name).get('input_ids')!.shape[1]!;
      first[`${name} embeds 0`] = { folder, entry: 'embed_tokens', inputs: { input_ids: step(name, 0, PREFILL).ids } };
      first[`${name} embeds 1`] = {
        folder,
        entry: 'embed_tokens',
        inputs: { input_ids: step(name, PREFILL, length).ids },
      };
    }
    for (const [name, file] of WITH_PICTURES) {
      const folder = await folderOf(name, file);
      const inputs = given(name, ['input_ids', 'attention_mask', 'position_ids', 'labels', 'pixel_values']);
      first[name] = { folder, entry: 'loss', inputs, gradients: true };
      first[`${name} features`] = { folder, entry: 'encode_image', inputs: given(name, ['pixel_values']) };
    }
    for (const name of new Set(ENCODERS.map(([one]) => one))) folders.set(name, await folderOf(name, `${name}.mdl`));
    for (const [name, entry, inputs] of ENCODERS)
      first[`${name} ${entry}`] = { folder: folders.get(name)!, entry, inputs: given(name, inputs) };
    results = runJobs(first);
    const decode = (
      name: string,
      at: 0 | 1,
      from: number,
      to: number,
      past: Readonly<Record<string, HostTensor>>,
    ): Job => {
      const { mask, positions } = step(name, from, to);
      const inputs_embeds = asHost(results[`${name} embeds ${at}`]!().get('0')!);
      const inputs = { inputs_embeds, attention_mask: mask, position_ids: positions, ...past };
      const folder = folders.get(name)!;
      const names = Object.keys(past);
      return {
        folder,
        entry: 'decode',
        inputs,
        ...(names.length > 0 ? { past: ['past_key_values', names] as const } : {}),
      };
    };
    const prefilled = runJobs(Object.fromEntries(DECODERS.map(([name]) => [name, decode(name, 0, 0, PREFILL, {})])));
    next = runJobs(
      Object.fromEntries(
        DECODERS.map(([name]) => {
          const length = expected(name).get('input_ids')!.shape[1]!;
          const kept = [...prefilled[name]!()].filter(([key]) => key.startsWith('1.'));
          kept.sort(([a], [b]) => Number(a.slice(2)) - Number(b.slice(2)));
          const past = Object.fromEntries(kept.map(([key, tensor]) => [`past ${key}`, asHost(tensor)]));
          return [name, decode(name, 1, PREFILL, length, past)];
        }),
      ),
    );
  }, 300_000);

  it.each(WITH_PICTURES)('%s: features of pictures', (name) => {
    const want = expected(name).get('image_features')!;
    const found = results[`${name} features`]!().get('0')!;
    expect(found.shape).toEqual(want.shape);
    expect(relativeError(found.data, want.data)).toBeLessThan(TOLERANCE);
  });

  it.each([...DECODERS, ...WITH_PICTURES])('%s: logits, loss and gradients', (name) => {
    const found = results[name]!();
    const vocab = sizesOf(name).vocab_size;
    const logits = relativeError(found.get('1')!.data, expected(name).get('logits')!.data, counts(name, vocab));
    expect(logits).toBeLessThan(TOLERANCE);
    expect(relativeError(found.get('0')!.data, expected(name).get('loss')!.data)).toBeLessThan(TOLERANCE);
    const wanted = [...expected(name)].filter(([key]) => key.startsWith('gradient.'));
    expect([...found.keys()].filter((key) => key.startsWith('gradient.'))).toHaveLength(wanted.length);
    for (const [key, want] of wanted)
      expect(relativeError(found.get(key)!.data, want.data), key).toBeLessThan(GRADIENT_TOLERANCE);
  });

  it.each(DECODERS)('%s: a step with a cache', (name) => {
    const length = expected(name).get('input_ids')!.shape[1]!;
    const want = columns(expected(name).get('logits')!, PREFILL, length);
    const found = next[name]!().get('0')!;
    expect(found.shape).toEqual(want.shape);
    expect(relativeError(found.data, want.data)).toBeLessThan(TOLERANCE);
  });

  it.each(ENCODERS)('%s: %s', (name, entry, _, output) => {
    const want = expected(name).get(output)!;
    const found = results[`${name} ${entry}`]!().get('0')!;
    const real = output === 'last_hidden_state' ? counts(name, want.shape.at(-1)!) : undefined;
    expect(found.shape).toEqual(want.shape);
    expect(relativeError(found.data, want.data, real)).toBeLessThan(TOLERANCE);
  });
});
