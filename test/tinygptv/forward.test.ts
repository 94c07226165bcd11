/**
 * TinyGPT-V's forward pass, layer by layer, against the authors' PyTorch code: every tensor of outputs.safetensors
 * that a forward pass makes, on every backend and opset. Generation is in generate.test.ts.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { relativeError } from '../support/reference.ts';
import {
  ABLATIONS,
  describeTargets,
  feed,
  ids,
  input,
  ints,
  lossInputs,
  OUTPUTS,
  openTiny,
  output,
  TINY,
  type Tiny,
  TOLERANCE,
  unmasked,
} from './support.ts';

const phi = (rest: string): string => `llama_model.model.${rest}`;
const layers = (count: number, name: (index: number) => readonly [string, string]): (readonly [string, string])[] =>
  Array.from({ length: count }, (_, index) => name(index));

/** The fixture's name → the path that `--tap` takes. */
const TAPS: Readonly<Record<string, string>> = Object.fromEntries([
  ['vit/patch_embed', 'visual_encoder.patch_embed'],
  ['vit/blocks.0/norm1', 'visual_encoder.blocks.0.norm1'],
  ['vit/blocks.0/attn', 'visual_encoder.blocks.0.attn'],
  ['vit/blocks.0/mlp', 'visual_encoder.blocks.0.mlp'],
  ...layers(TINY.vit.depth!, (i) => [`vit/blocks.${i}`, `visual_encoder.blocks.${i}`]),
  ['vit/output', 'visual_encoder'],
  ['ln_vision', 'ln_vision'],
  ['qformer/embeddings', 'Qformer.bert.embeddings'],
  ['qformer/layers.0/attention', 'Qformer.bert.encoder.layer.0.attention'],
  ['qformer/layers.0/crossattention', 'Qformer.bert.encoder.layer.0.crossattention'],
  ...layers(TINY.qformer.num_layers!, (i) => [`qformer/layers.${i}`, `Qformer.bert.encoder.layer.${i}`]),
  ['qformer/last_hidden_state', 'Qformer'],
  ['llama_proj', 'llama_proj'],
  ['llama_proj2', 'llama_proj2'],
  ['phi/layers.0/input_layernorm', phi('layers.0.input_layernorm')],
  ['phi/layers.0/query_key_value', phi('layers.0.self_attn.query_key_value')],
  ['phi/layers.0/q_layernorm', phi('layers.0.self_attn.q_layernorm')],
  ['phi/layers.0/k_layernorm', phi('layers.0.self_attn.k_layernorm')],
  ['phi/layers.0/q_rot', phi('layers.0.self_attn.q_rot')],
  ['phi/layers.0/k_rot', phi('layers.0.self_attn.k_rot')],
  ['phi/layers.0/dense', phi('layers.0.self_attn.dense')],
  ['phi/layers.0/post_layernorm', phi('layers.0.post_layernorm')],
  ['phi/layers.0/mlp', phi('layers.0.mlp')],
  ...layers(TINY.phi.num_layers, (i) => [`phi/layers.${i}`, phi(`layers.${i}`)]),
  ['phi/final_layernorm', phi('final_layernorm')],
]);

const { head_dim, rotary_dim, num_heads } = TINY.phi;

/** The first rotary_dim elements of each head: what the authors' function rotates. */
function rotatedPart({ data }: HostTensor): Float64Array {
  return Float64Array.from((data as Float32Array).filter((_, i) => i % head_dim < rotary_dim));
}

/** softmax(q·k / sqrt(head_dim)) with future and padded keys left out; q, k [B, heads, T, head_dim]. */
function attentionProbs(q: HostTensor, k: HostTensor, mask: ArrayLike<number | bigint>): Float64Array {
  const [batch, heads, steps] = q.shape as [number, number, number];
  const probs = new Float64Array(batch * heads * steps * steps);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < steps; t++) {
        const row = (b * heads + h) * steps;
        const scores = Array.from({ length: steps }, (_, s) => {
          if (s > t || Number(mask[b * steps + s]) === 0) return Number.NEGATIVE_INFINITY;
          let dot = 0;
          for (let c = 0; c < head_dim; c++)
            dot += Number(q.data[(row + t) * head_dim + c]) * Number(k.data[(row + s) * head_dim + c]);
          return dot / Math.sqrt(head_dim);
        });
        const largest = Math.max(...scores);
        const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
        scores.forEach((score, s) => {
          probs[(row + t) * steps + s] = Math.exp(score - largest) / total;
        });
      }
    }
  }
  return probs;
}

const numbers = (tensor: HostTensor | undefined): Float64Array => Float64Array.from(tensor?.data ?? [], Number);

describeTargets('', (target) => {
  let tiny: Tiny;
  let results: Record<string, HostTensor>;

  beforeAll(async () => {
    tiny = await openTiny({ ...target, entries: ['loss'], taps: Object.values(TAPS) });
    results = await tiny.session.run('loss', lossInputs(''));
  });
  afterAll(() => tiny?.close());

  it.each(Object.entries(TAPS))('%s', (name, path) => {
    const expected = output(name);
    const found = results[path]!;
    if (/_rot$/.test(name)) {
      expect(found.shape).toEqual([...expected.shape.slice(0, -1), head_dim]);
      expect(relativeError(rotatedPart(found), expected.data)).toBeLessThan(TOLERANCE);
      return;
    }
    expect(found.shape).toEqual(expected.shape);
    expect(relativeError(numbers(found), expected.data)).toBeLessThan(TOLERANCE);
  });

  it('phi/layers.0/attention_probs', () => {
    const [q, k] = ['q_rot', 'k_rot'].map((name) => results[phi(`layers.0.self_attn.${name}`)]!);
    const expected = output('phi/layers.0/attention_probs');
    expect(expected.shape.slice(0, 2)).toEqual([q!.shape[0], num_heads]);
    expect(relativeError(attentionProbs(q!, k!, input('attention_mask').data), expected.data)).toBeLessThan(TOLERANCE);
  });

  it.each(['', 'noprompt/', 'conv/'] as const)('%sloss, logits and inputs_embeds', async (batch) => {
    const { loss, logits, inputs_embeds } = await tiny.session.run('loss', lossInputs(batch), {
      fetch: ['loss', 'logits', 'inputs_embeds'],
    });
    const expected = output(`${batch}logits`);
    expect(logits!.shape).toEqual(expected.shape);
    expect(loss!.shape).toEqual([]);
    const counted = unmasked(input(`${batch}attention_mask`), expected.shape[2]!);
    expect(relativeError(numbers(logits), expected.data, counted)).toBeLessThan(TOLERANCE);
    // masked positions have no use, and agree all the same
    expect(relativeError(numbers(logits), expected.data)).toBeLessThan(TOLERANCE);
    expect(relativeError(numbers(loss), output(`${batch}loss`).data)).toBeLessThan(TOLERANCE);
    expect(relativeError(numbers(inputs_embeds), output(`${batch}inputs_embeds`).data)).toBeLessThan(TOLERANCE);
  });

  it('a batch without images: the loss entry with N = 0', async () => {
    const [rows, steps] = input('text_only_ids').shape as [number, number];
    const labels = Array.from({ length: rows * steps }, (_, i) => (i % steps < 7 ? 3 : -100));
    const { logits, loss } = await tiny.session.run(
      'loss',
      {
        pixel_values: {
          dtype: 'f32',
          shape: [0, 3, TINY.vit.image_size!, TINY.vit.image_size!],
          data: new Float32Array(0),
        },
        input_ids: feed(input('text_only_ids')),
        attention_mask: feed(input('text_only_mask')),
        position_ids: ints(
          [rows, steps],
          Array.from({ length: rows * steps }, (_, i) => i % steps),
        ),
        labels: ints([rows, steps], labels),
      },
      { fetch: ['logits', 'loss'] },
    );
    const expected = output('text_only/logits');
    expect(
      relativeError(numbers(logits), expected.data, unmasked(input('text_only_mask'), expected.shape[2]!)),
    ).toBeLessThan(TOLERANCE);
    // cross-entropy of the label 3 at each of the positions before a labelled one
    const vocab = expected.shape[2]!;
    const terms = Array.from({ length: rows * 6 }, (_, i) => {
      const start = (Math.floor(i / 6) * steps + (i % 6)) * vocab;
      const row = Array.from(expected.data.subarray(start, start + vocab) as Float32Array);
      return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[3]!;
    });
    expect(Number(loss!.data[0])).toBeCloseTo(terms.reduce((sum, x) => sum + x, 0) / terms.length, 4);
  });
});

describeTargets('text only, ', (target) => {
  let tiny: Tiny;
  beforeAll(async () => {
    tiny = await openTiny({ ...target, entries: ['embed_tokens', 'decode'] });
  });
  afterAll(() => tiny?.close());

  const decode = async (
    rows: readonly (readonly number[])[],
    mask: readonly (readonly number[])[],
  ): Promise<HostTensor> => {
    const shape = [rows.length, rows[0]!.length];
    const { inputs_embeds } = await tiny.session.run('embed_tokens', { input_ids: ints(shape, rows.flat()) });
    const { logits } = await tiny.session.run('decode', {
      inputs_embeds: inputs_embeds!,
      attention_mask: ints(shape, mask.flat()),
      position_ids: ints(
        shape,
        rows.flatMap((row) => row.map((_, t) => t)),
      ),
    });
    return logits!;
  };

  it('text_only/logits, padded', async () => {
    const steps = input('text_only_ids').shape[1]!;
    const mask = [0, 1].map((row) => ids('text_only_mask', row, steps));
    const logits = await decode(
      [0, 1].map((row) => ids('text_only_ids', row, steps)),
      mask,
    );
    const expected = output('text_only/logits');
    expect(logits.shape).toEqual(expected.shape);
    expect(
      relativeError(numbers(logits), expected.data, unmasked(input('text_only_mask'), expected.shape[2]!)),
    ).toBeLessThan(TOLERANCE);
  });

  it.each([0, 1])('text_only/single.%d/logits, alone', async (row) => {
    const steps = Number(input('text_only_len').data[row]);
    const logits = await decode([ids('text_only_ids', row, steps)], [Array<number>(steps).fill(1)]);
    const expected = output(`text_only/single.${row}/logits`);
    expect(logits.shape).toEqual(expected.shape);
    expect(relativeError(numbers(logits), expected.data)).toBeLessThan(TOLERANCE);
  });

  it('an id outside of the vocabulary is an error', async () => {
    await expect(tiny.session.run('embed_tokens', { input_ids: ints([1, 1], [TINY.phi.vocab_size!]) })).rejects.toThrow(
      /embed_tokens/,
    );
  });
});

const ABLATED = {
  no_lora: ['lora'],
  no_post_layernorm: ['rms_norm'],
  no_qk_layernorm: ['qk_norm'],
  no_input_layernorm: ['input_norm'],
  // the Phi layer as its authors published it: nothing of what TinyGPT-V adds inside attention
  stock_phi: ['lora', 'rms_norm', 'qk_norm'],
} as const;

it('there is an ablation for each of the fixture', () => {
  expect([...new Set([...ABLATIONS.keys()].map((key) => key.split('/')[0]))].sort()).toEqual(
    Object.keys(ABLATED).sort(),
  );
});

describeTargets('ablations, ', (target) => {
  it.each(Object.entries(ABLATED))('%s', async (name, flags) => {
    const tiny = await openTiny({ ...target, entries: ['loss'], set: flags.map((flag) => `${flag}=false`) });
    try {
      // the keys of what is off are in the checkpoint: unused, and no error
      expect(tiny.notes.join()).toMatch(
        new RegExp(`^unused: \\d+ keys of components that are switched off \\(.*${flags[0]}`),
      );
      const { loss, logits } = await tiny.session.run('loss', lossInputs(''));
      const expected = ABLATIONS.get(`${name}/logits`)!;
      expect(
        relativeError(numbers(logits), expected.data, unmasked(input('attention_mask'), expected.shape[2]!)),
      ).toBeLessThan(TOLERANCE);
      expect(relativeError(numbers(loss), ABLATIONS.get(`${name}/loss`)!.data)).toBeLessThan(TOLERANCE);
    } finally {
      await tiny.close();
    }
  });
});

it('every tensor of the fixture is compared, here or in generate.test.ts', () => {
  const batches = ['', 'noprompt/', 'conv/'].flatMap((batch) =>
    ['loss', 'logits', 'inputs_embeds'].map((name) => batch + name),
  );
  const texts = ['text_only/logits', 'text_only/single.0/logits', 'text_only/single.1/logits'];
  const here = new Set([...Object.keys(TAPS), 'phi/layers.0/attention_probs', ...batches, ...texts]);
  const left = [...OUTPUTS.keys()].filter((name) => !here.has(name) && !/^generate(_text)?\//.test(name));
  expect(left).toEqual([]);
});
