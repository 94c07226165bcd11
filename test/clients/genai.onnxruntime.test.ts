/**
 * genai_config.json of compiled decoders: its names are the graph's, its sizes those of the caches. onnxruntime-genai 0.18 itself was run on these
 * folders by hand (docs/clients.md).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { type GenaiTokens, genaiConfig } from '../../src/compiler/clients/genai.ts';
import type { ClientFile } from '../../src/compiler/targets/target.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { fixture } from '../support/reference.ts';

const CACHE = [0, 1].flatMap((layer) => ['key', 'value'].map((kept) => `${layer}.${kept}`));
const DECODER: ClientFile = {
  name: 'model',
  shards: 1,
  inputs: [
    { name: 'input_ids', dtype: 'i64', shape: ['B', 'T'] },
    { name: 'attention_mask', dtype: 'i64', shape: ['B', 'P + T'] },
    { name: 'position_ids', dtype: 'i64', shape: ['B', 'T'], range: { low: 0, high: 64 } },
    ...CACHE.map((name) => ({ name: `past_key_values.${name}`, dtype: 'f32' as const, shape: ['B', 2, 'P', 4] })),
  ],
  outputs: [{ name: 'logits', dtype: 'f32', shape: ['B', 'T', 50] }],
  cache: CACHE.map((name) => ({ past: `past_key_values.${name}`, present: `present.${name}`, axis: 2 })),
};
const TOKENS: GenaiTokens = { bos: 1, eos: [2], pad: undefined, positions: undefined, search: {} };

describe('a decoder', () => {
  it('of a folder has its ports, sizes, tokens and settings', async () => {
    const out = join(folderWith(), 'out');
    const { code } = await mdl(folderWith(), 'compile', fixture('folders/smollm2'), '--out', out);
    expect(code).toBe(0);
    const config = JSON.parse(readFileSync(join(out, 'genai_config.json'), 'utf8'));
    const { decoder } = config.model;
    expect(config.model).toMatchObject({
      type: 'llama',
      bos_token_id: 256,
      eos_token_id: [258, 59],
      vocab_size: 259,
      context_length: 128,
    });
    expect(decoder).toMatchObject({ num_hidden_layers: 2, num_key_value_heads: 2, head_size: 4 });
    expect(config.search).toEqual({ do_sample: false, max_length: 128, past_present_share_buffer: false });
    const session = await InferenceSession.create(join(out, decoder.filename));
    const { past_key_names, past_value_names, ...plain } = decoder.inputs;
    const { present_key_names, present_value_names, logits } = decoder.outputs;
    const layers = (...names: string[]) =>
      [0, 1].flatMap((layer) => names.map((name) => name.replace('%d', `${layer}`)));
    expect([...session.inputNames].sort()).toEqual(
      [...Object.values(plain), ...layers(past_key_names, past_value_names)].sort(),
    );
    expect([...session.outputNames].sort()).toEqual([logits, ...layers(present_key_names, present_value_names)].sort());
    await session.release();
  });

  it('has as many positions as its graph looks up, where nothing else says it', () => {
    expect(genaiConfig([DECODER], TOKENS)).toMatchObject({
      model: { context_length: 64, eos_token_id: 2, pad_token_id: 2, decoder: { filename: 'onnx/model.onnx' } },
      search: { max_length: 64 },
    });
    expect(genaiConfig([DECODER], { ...TOKENS, positions: 32, search: { top_k: 5 } })).toMatchObject({
      model: { context_length: 32 },
      search: { top_k: 5 },
    });
  });
});

describe('there is none', () => {
  const other = (changes: Partial<ClientFile>): ClientFile => ({ ...DECODER, ...changes });
  const CASES: readonly (readonly [string, readonly ClientFile[], Partial<GenaiTokens>])[] = [
    ['of several graphs', [DECODER, other({ name: 'embed_tokens' })], {}],
    ['of a graph without a cache', [other({ cache: [] })], {}],
    ['where nothing ends an answer', [DECODER], { eos: [] }],
    [
      'where it wants what genai does not feed',
      [other({ inputs: [...DECODER.inputs, { name: 'token_type_ids', dtype: 'i64', shape: ['B', 'T'] }] })],
      {},
    ],
    [
      'of embeddings in place of ids',
      [other({ inputs: DECODER.inputs.filter(({ name }) => name !== 'input_ids') })],
      {},
    ],
    [
      'where caches have other names',
      [other({ cache: DECODER.cache.map((port) => ({ ...port, present: port.present.replace('key', 'k') })) })],
      {},
    ],
    [
      'where layers keep caches of several sizes',
      [
        other({
          inputs: DECODER.inputs.map((port) =>
            port.name === 'past_key_values.1.key' ? { ...port, shape: ['B', 1, 'P', 4] } : port,
          ),
        }),
      ],
      {},
    ],
    [
      'where nobody says how many positions there are',
      [other({ inputs: DECODER.inputs.map(({ range: _, ...port }) => port) })],
      {},
    ],
  ];
  it.each(CASES)('%s', (_, files, tokens) => {
    expect(genaiConfig(files, { ...TOKENS, ...tokens })).toBeUndefined();
  });
});
