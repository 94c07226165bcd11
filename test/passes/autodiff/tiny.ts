/** TinyGPT-V at the fixture's sizes: the model, its weights and the main batch of the reference. */
import type { Model } from '../../../src/compiler/elaborate/model.ts';
import type { DType } from '../../../src/shared/dtype.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { compileOk, repository } from '../../support/project.ts';
import { fixture, type ReferenceTensor, readJson, readTensors } from '../../support/reference.ts';

interface TinyConfig {
  readonly vit: Readonly<Record<string, unknown>>;
  readonly qformer: Readonly<Record<string, unknown>> & { readonly num_query_tokens: number };
  readonly proj: { readonly mid: number };
  readonly phi: Readonly<Record<string, unknown>>;
  readonly lora: { readonly r: number; readonly alpha: number };
  readonly tokens: { readonly bos_id: number; readonly pad_id: number };
}

const config = readJson<TinyConfig>('tinygptv-tiny/config.json');
const pick = (record: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, record[name]]));

const VALUES = {
  vit: pick(config.vit, ['image_size', 'patch_size', 'embed_dim', 'depth', 'num_heads', 'mlp_ratio']),
  qformer: pick(config.qformer, [
    ...['hidden_size', 'num_layers', 'num_heads', 'intermediate_size'],
    ...['num_query_tokens', 'cross_attention_freq'],
  ]),
  proj: { mid: config.proj.mid },
  phi: pick(config.phi, [
    ...['hidden_size', 'num_heads', 'num_layers', 'intermediate_size', 'vocab_size'],
    ...['partial_rotary_factor', 'max_position_embeddings'],
  ]),
  lora: { r: config.lora.r, alpha: config.lora.alpha, dropout: 0 },
};

/** models/tinygpt-v.mdl at these sizes. */
export function tinyModel(flags: Readonly<Record<string, boolean>> = {}): Model {
  // `lora` is a flag and a record of the config; `set` means the flag
  const set = Object.entries(flags).map(([name, on]) => ({ name, text: String(on) }));
  return compileOk('models/tinygpt-v.mdl', repository, { values: VALUES, set });
}

const wide = (dtype: DType, { shape, data }: ReferenceTensor): WideTensor => ({
  dtype,
  shape,
  data: Float64Array.from(data as ArrayLike<number | bigint>, Number),
});

/** A fixture's tensors by name, all as f32. */
export function tinyTensors(file: string): Map<string, WideTensor> {
  const stored = readTensors(fixture(`tinygptv-tiny/${file}`));
  return new Map([...stored].map(([name, tensor]) => [name, wide(tensor.dtype === 'F32' ? 'f32' : 'i64', tensor)]));
}

/** The inputs of the `loss` entry: [bos] [prompt before] [image] [prompt after] [answer] [padding] per row. */
export function tinyBatch(): Map<string, WideTensor> {
  const stored = readTensors(fixture('tinygptv-tiny/inputs.safetensors'));
  const get = (name: string): ReferenceTensor => stored.get(name)!;
  const [rows, length] = get('attention_mask').shape as [number, number];
  const ids = new Float64Array(rows * length).fill(config.tokens.pad_id);
  for (let row = 0; row < rows; row++) {
    const part = (name: string): number[] => {
      const { shape, data } = get(`${name}_ids`);
      const start = row * shape[1]!;
      return Array.from(data.slice(start, start + Number(get(`${name}_len`).data[row])), Number);
    };
    const image = new Array<number>(config.qformer.num_query_tokens).fill(-1);
    const sequence = [
      config.tokens.bos_id,
      ...part('prompt_before'),
      ...image,
      ...part('prompt_after'),
      ...part('answer'),
    ];
    ids.set(sequence, row * length);
  }
  const positions = Float64Array.from(ids, (_, i) => i % length);
  return new Map<string, WideTensor>([
    ['pixel_values', wide('f32', get('image'))],
    ['input_ids', { dtype: 'i64', shape: [rows, length], data: ids }],
    ['attention_mask', wide('i64', get('attention_mask'))],
    ['position_ids', { dtype: 'i64', shape: [rows, length], data: positions }],
    ['labels', wide('i64', get('targets'))],
  ]);
}
