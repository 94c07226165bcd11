/** TinyGPT-V in PyTorch against the authors' numbers: forward, modules inside, loss, gradients, ablations, the cache. */
import { beforeAll, expect, it } from 'vitest';
import type { FeedTensor } from '../../src/runtime/feeds.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { fixture, type ReferenceTensor, readTensors, relativeError } from '../support/reference.ts';
import { ABLATIONS, configFile, input, lossInputs, OUTPUTS, TINY, unmasked, WEIGHTS } from '../tinygptv/support.ts';
import { describeTorch, type Job, type Result, runJobs, written } from './support.ts';

const TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;

const ABLATED = {
  no_lora: ['lora'],
  no_post_layernorm: ['rms_norm'],
  no_qk_layernorm: ['qk_norm'],
  no_input_layernorm: ['input_norm'],
} as const;

const PHI = 'llama_model.base_model.model.model';
/** the fixture's name → the module whose output it is */
const TAPS: Readonly<Record<string, string>> = {
  'vit/patch_embed': 'visual_encoder.patch_embed',
  'vit/blocks.0/norm1': 'visual_encoder.blocks.0.norm1',
  'vit/blocks.0/attn': 'visual_encoder.blocks.0.attn',
  'vit/blocks.2': 'visual_encoder.blocks.2',
  ln_vision: 'ln_vision',
  'qformer/embeddings': 'Qformer.bert.embeddings',
  'qformer/layers.0/attention': 'Qformer.bert.encoder.layer.0.attention',
  'qformer/layers.0/crossattention': 'Qformer.bert.encoder.layer.0.crossattention',
  llama_proj: 'llama_proj',
  llama_proj2: 'llama_proj2',
  'phi/layers.0/input_layernorm': `${PHI}.layers.0.input_layernorm`,
  'phi/layers.0/query_key_value': `${PHI}.layers.0.self_attn.query_key_value`,
  'phi/layers.0/dense': `${PHI}.layers.0.self_attn.dense`,
  'phi/layers.0/post_layernorm': `${PHI}.layers.0.post_layernorm`,
  'phi/layers.0': `${PHI}.layers.0`,
  'phi/final_layernorm': `${PHI}.final_layernorm`,
};

const asHost = (tensor: FeedTensor): HostTensor =>
  tensor.dtype === 'i32'
    ? { dtype: 'i64', shape: tensor.shape, data: BigInt64Array.from(tensor.data as Int32Array, BigInt) }
    : (tensor as HostTensor);

const batch = (): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(lossInputs('')).map(([name, tensor]) => [name, asHost(tensor)]));

describeTorch('TinyGPT-V', () => {
  let results: { readonly [name: string]: () => Result };
  const mask = input('attention_mask');
  const counts = unmasked(mask, TINY.phi.vocab_size!);

  beforeAll(async () => {
    const options = { configFile: configFile(), weights: WEIGHTS as never };
    const folder = await written('models/tinygpt-v.mdl', options);
    const loss = { folder, entry: 'loss', inputs: batch() };
    const jobs: Record<string, Job> = {
      loss: { ...loss, taps: Object.values(TAPS), gradients: true },
      compiled: { ...loss, how: 'compile' },
      exported: {
        ...loss,
        how: 'export',
        dynamic: {
          pixel_values: [0],
          ...Object.fromEntries(
            ['input_ids', 'attention_mask', 'position_ids', 'labels'].map((name) => [name, [0, 1]]),
          ),
        },
      },
      bf16: { ...loss, how: 'bf16' },
    };
    for (const [name, flags] of Object.entries(ABLATED)) {
      const ablated = await written('models/tinygpt-v.mdl', { ...options, set: flags.map((flag) => `${flag}=false`) });
      jobs[name] = { ...loss, folder: ablated };
    }
    results = runJobs(jobs);
  }, 300_000);

  it('logits and loss', () => {
    const found = results.loss!();
    expect(relativeError(found.get('1')!.data, OUTPUTS.get('logits')!.data, counts)).toBeLessThan(TOLERANCE);
    expect(relativeError(found.get('0')!.data, OUTPUTS.get('loss')!.data)).toBeLessThan(TOLERANCE);
    expect(relativeError(found.get('2')!.data, OUTPUTS.get('inputs_embeds')!.data)).toBeLessThan(TOLERANCE);
  });

  it.each(Object.keys(TAPS))('the module behind %s', (name) => {
    const want = OUTPUTS.get(name)!;
    const row = (index: number): boolean =>
      !name.startsWith('phi/') || Number(mask.data[Math.floor(index / (want.data.length / mask.data.length))]) === 1;
    expect(relativeError(results.loss!().get(`tap.${TAPS[name]}`)!.data, want.data, row)).toBeLessThan(TOLERANCE);
  });

  it('gradients', () => {
    const found = results.loss!();
    const wanted = [...readTensors(fixture('tinygptv-tiny/grads.safetensors'))].filter(
      ([name]) => name.startsWith('stage2/') && name !== 'stage2/loss',
    );
    expect(wanted.length).toBeGreaterThan(20);
    for (const [name, want] of wanted) {
      const gradient: ReferenceTensor | undefined = found.get(`gradient.${name.slice('stage2/'.length)}`);
      expect(gradient, name).toBeDefined();
      expect(relativeError(gradient!.data, want.data), name).toBeLessThan(GRADIENT_TOLERANCE);
    }
  });

  it.each(Object.keys(ABLATED))('ablation %s', (name) => {
    const found = results[name]!();
    expect(relativeError(found.get('1')!.data, ABLATIONS.get(`${name}/logits`)!.data, counts)).toBeLessThan(TOLERANCE);
    expect(relativeError(found.get('0')!.data, ABLATIONS.get(`${name}/loss`)!.data)).toBeLessThan(TOLERANCE);
  });

  it.each(['compiled', 'exported'])('%s', (name) => {
    expect(relativeError(results[name]!().get('0')!.data, OUTPUTS.get('loss')!.data)).toBeLessThan(TOLERANCE);
  });

  it('bf16', () => {
    expect(relativeError(results.bf16!().get('0')!.data, OUTPUTS.get('loss')!.data)).toBeLessThan(0.05);
  });
});
