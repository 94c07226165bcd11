/** Models, sessions and quiet output for the training tests. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Output } from '../../src/compiler/cli/output.ts';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import type { TrainingOptions } from '../../src/compiler/workbench/training/options.ts';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { folderWith } from '../support/folder.ts';
import { compileOk, memory, repository } from '../support/project.ts';
import { fixture, type ReferenceTensor, readJson, readTensors } from '../support/reference.ts';

/** Two linear layers with LoRA and dropout on the first: everything a run needs, in a few hundred numbers. */
export const MICRO = `import { LayerNorm, Linear, LoRA } from "std"

flag lora = true

config micro { d = 8, classes = 5, dropout = 0.25 }

module Block(d) {
  norm = LayerNorm(d)
  fc = Linear(d, d)

  forward(x: [B, d]) -> [B, d] { relu(fc(norm(x))) + x }
}

model Micro {
  first = Linear(d, d)
  layers = [Block(d) for i in range(2)]
  head = Linear(d, classes)

  entry loss(x: [B, d], labels: int[B]) -> (loss: []) {
    let h = first(x)
    for layer in layers { h = layer(h) }
    cross_entropy(head(h), labels)
  }
}

adapt first with LoRA(r = 2, alpha = 4, dropout = dropout) when lora

stage one {
  train head
  set lora = false
  optimize adamw(weight_decay = 0.05)
  schedule linear_warmup_cosine(warmup_lr = 1e-4, lr = 1e-2, min_lr = 1e-3, warmup = 5, iters = 40)
  clip 1.0
}

stage two {
  train head, layers, **.lora_*
  optimize adamw(betas = (0.9, 0.99))
  schedule constant(lr = 1e-2, iters = 40)
  accumulate 2
}

stage nothing {
  train **.lora_*
  set lora = false
  schedule constant(lr = 1e-2)
}
`;

export const micro = (set: { name: string; text: string }[] = []): Model =>
  compileOk('micro.mdl', memory({ 'micro.mdl': MICRO }), { set });

/** Numbers that look random and are the same everywhere: frac(sin) hashing, only for tests. */
export function noise(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return (x - Math.floor(x)) * 2 - 1;
  });
}

export function microBatch(seed = 0, rows = 6): Record<string, HostTensor> {
  return {
    x: { dtype: 'f32', shape: [rows, 8], data: noise(rows * 8, seed) },
    labels: { dtype: 'i64', shape: [rows], data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i % 5)) },
  };
}

/** Writes the micro model and a batch to a new folder. */
export function microFolder(batch = microBatch(), source = MICRO): { folder: string; file: string; batch: string } {
  const folder = folderWith();
  const file = join(folder, 'micro.mdl');
  writeFileSync(file, source);
  const path = join(folder, 'batch.safetensors');
  writeFileSync(path, encodeSafetensors(new Map(Object.entries(batch))));
  return { folder, file, batch: path };
}

export interface Recorded extends Output {
  readonly notes: string[];
  readonly results: unknown[];
}

export function recorder(): Recorded {
  const [notes, results] = [[] as string[], [] as unknown[]];
  return {
    notes,
    results,
    quiet: true,
    json: false,
    colour: false,
    result: (_, data) => void results.push(data),
    piece: () => {},
    note: (text) => void notes.push(text),
    warn: () => {},
    progress: () => ({ update: () => {}, stop: () => {} }),
  };
}

export const DEFAULTS: TrainingOptions = { seed: 0, checkpointEvery: 10, keep: 3, backend: 'onnx', opset: '17' };

// ── TinyGPT-V, scaled down ─────────────────────────────────────────────────────────────────────
interface TinyConfig {
  readonly vit: Record<string, number>;
  readonly qformer: Record<string, number>;
  readonly proj: Record<string, number>;
  readonly phi: Record<string, number>;
  readonly lora: Record<string, number>;
  readonly tokens: Record<string, number>;
}

const pick = (from: Record<string, number>, ...names: string[]): Record<string, number> =>
  Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]!]));

export const tinyFile = (name: string): string => fixture(`tinygptv-tiny/${name}.safetensors`);

export function tinyModel(lora: boolean): Model {
  const { vit, qformer, proj, phi, lora: adapters } = readJson<TinyConfig>('tinygptv-tiny/config.json');
  const values = {
    vit: pick(vit, 'image_size', 'patch_size', 'embed_dim', 'depth', 'num_heads', 'mlp_ratio'),
    qformer: pick(
      qformer,
      'hidden_size',
      'num_layers',
      'num_heads',
      'intermediate_size',
      'num_query_tokens',
      'cross_attention_freq',
    ),
    proj: pick(proj, 'mid'),
    phi: pick(
      phi,
      'hidden_size',
      'num_heads',
      'num_layers',
      'intermediate_size',
      'vocab_size',
      'partial_rotary_factor',
      'max_position_embeddings',
    ),
    lora: { ...pick(adapters, 'r', 'alpha'), dropout: 0 },
  };
  return compileOk('models/tinygpt-v.mdl', repository, {
    values,
    valuesOrigin: 'config.json',
    set: [{ name: 'lora', text: String(lora) }],
  });
}

const integers = (data: ArrayLike<number | bigint>): BigInt64Array => BigInt64Array.from(Array.from(data), BigInt);

/** The main batch as the README of the fixtures lays it out. */
export function tinyBatch(): Record<string, HostTensor> {
  const { qformer, tokens } = readJson<TinyConfig>('tinygptv-tiny/config.json');
  const inputs = readTensors(tinyFile('inputs'));
  const get = (name: string): ReferenceTensor => inputs.get(name)!;
  const [rows, length] = get('attention_mask').shape as [number, number];
  const ids = new Array<number>(rows * length).fill(tokens.pad_id!);
  for (let row = 0; row < rows; row++) {
    const part = (name: string): number[] => {
      const { data, shape } = get(`${name}_ids`);
      const start = row * shape[1]!;
      return Array.from(data.slice(start, start + Number(get(`${name}_len`).data[row])), Number);
    };
    const image = new Array<number>(qformer.num_query_tokens!).fill(-1);
    const sequence = [tokens.bos_id!, ...part('prompt_before'), ...image, ...part('prompt_after'), ...part('answer')];
    sequence.forEach((id, at) => {
      ids[row * length + at] = id;
    });
  }
  const shape = [rows, length];
  return {
    pixel_values: { dtype: 'f32', shape: get('image').shape, data: get('image').data as Float32Array },
    input_ids: { dtype: 'i64', shape, data: integers(ids) },
    attention_mask: { dtype: 'i64', shape, data: integers(get('attention_mask').data) },
    position_ids: { dtype: 'i64', shape, data: integers(ids.map((_, i) => i % length)) },
    labels: { dtype: 'i64', shape, data: integers(get('targets').data) },
  };
}

/** The fixture's weights by the model's keys. */
export function tinyWeights(model: Model): (key: string) => HostTensor {
  const stored = readTensors(tinyFile('weights'));
  return (key) => {
    const found = model.parameters.get(key)!.keys.find((name) => stored.has(name))!;
    const { shape, data } = stored.get(found)!;
    return { dtype: 'f32', shape, data: Float32Array.from(data as Float32Array) };
  };
}
