/**
 * The scaled-down TinyGPT-V of the reference numbers (test/fixtures/tinygptv-tiny), opened the way `mdl run` opens a
 * model: models/tinygpt-v.mdl, sizes from a JSON file, weights from a checkpoint. No code here knows its sizes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { loadModel, openWeights, type WeightsOptions } from '../../src/compiler/workbench/model.ts';
import { openForRun, type RunRequest } from '../../src/compiler/workbench/session.ts';
import type { FeedTensor } from '../../src/runtime/feeds.ts';
import { Session } from '../../src/runtime/index.ts';
import { recordingOutput } from '../cli/output.ts';
import { unavailable } from '../support/adapter.ts';
import { buildWebGpu } from '../support/build.ts';
import { atFileEnd } from '../support/file-end.ts';
import { folderWith } from '../support/folder.ts';
import { fixture, type ReferenceTensor, readJson, readTensors } from '../support/reference.ts';
import { backendOf, gpuOf, manifestOf } from '../support/webgpu.ts';

interface TinyConfig {
  readonly vit: Record<string, number>;
  readonly qformer: Record<string, number> & { readonly num_query_tokens: number };
  readonly proj: { readonly mid: number };
  readonly phi: Record<string, number> & {
    readonly num_layers: number;
    readonly num_heads: number;
    readonly rotary_dim: number;
    readonly head_dim: number;
  };
  readonly lora: { readonly r: number; readonly alpha: number };
  readonly tokens: { readonly bos_id: number; readonly pad_id: number };
}

export const TINY = readJson<TinyConfig>('tinygptv-tiny/config.json');
export const WEIGHTS = fixture('tinygptv-tiny/weights.safetensors');
export const INPUTS = readTensors(fixture('tinygptv-tiny/inputs.safetensors'));
export const OUTPUTS = readTensors(fixture('tinygptv-tiny/outputs.safetensors'));
export const ABLATIONS = readTensors(fixture('tinygptv-tiny/ablations.safetensors'));

/** |actual − expected| ≤ this × the largest |expected|. */
export const TOLERANCE = 1e-5;

export function input(name: string): ReferenceTensor {
  const tensor = INPUTS.get(name);
  if (!tensor) throw new Error(`inputs.safetensors has no ${name}`);
  return tensor;
}

export function output(name: string): ReferenceTensor {
  const tensor = OUTPUTS.get(name);
  if (!tensor) throw new Error(`outputs.safetensors has no ${name}`);
  return tensor;
}

/** What differs from the released sizes, as a user would write it for `--config-file`. */
export const TINY_SETTINGS = {
  vit: pick(TINY.vit, ['image_size', 'patch_size', 'embed_dim', 'depth', 'num_heads', 'mlp_ratio']),
  qformer: pick(TINY.qformer, [
    'hidden_size',
    'num_layers',
    'num_heads',
    'intermediate_size',
    'num_query_tokens',
    'cross_attention_freq',
  ]),
  proj: { mid: TINY.proj.mid },
  phi: pick(TINY.phi, [
    'hidden_size',
    'num_heads',
    'num_layers',
    'intermediate_size',
    'vocab_size',
    'partial_rotary_factor',
    'max_position_embeddings',
  ]),
  lora: { r: TINY.lora.r, alpha: TINY.lora.alpha, dropout: 0 },
};

function pick(record: Record<string, number>, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, record[name]!]));
}

let scratch: string | undefined;
/** A folder that is gone when the test file is done. */
export function scratchFolder(): string {
  if (scratch === undefined) {
    const made = folderWith();
    scratch = made;
    atFileEnd(() => {
      scratch = undefined;
    });
  }
  return scratch;
}

/** TINY_SETTINGS in a file. */
export function configFile(): string {
  const file = join(scratchFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(TINY_SETTINGS));
  return file;
}

export interface OpenOptions extends WeightsOptions, Partial<Omit<RunRequest, 'backend'>> {
  readonly backend?: RunRequest['backend'] | 'webgpu';
  readonly set?: readonly string[];
  readonly mergeLora?: boolean;
}

export interface Tiny {
  readonly session: Session;
  /** what the command would have said on stderr */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** Opens the tiny model; the fixture's own weights unless told otherwise. */
export async function openTiny({
  backend = 'onnx',
  opset = 17,
  entries,
  taps,
  weights = WEIGHTS,
  ...options
}: OpenOptions = {}): Promise<Tiny> {
  const said = recordingOutput();
  const settings = {
    configFile: configFile(),
    ...(options.set ? { set: options.set } : {}),
    ...(options.mergeLora ? { mergeLora: true } : {}),
  };
  const loaded = loadModel('models/tinygpt-v.mdl', settings, said);
  const provider = await openWeights(
    loaded.model,
    options.init === undefined ? { ...options, weights } : options,
    said,
  );
  if (backend === 'webgpu') {
    const plan = buildWebGpu(loaded.model, { ...(entries ? { entries } : {}), ...(taps ? { taps } : {}) })!;
    const backend = backendOf(await gpuOf('software'), plan, (key) => provider!.read(key));
    const session = Session.open(manifestOf(plan), { backend });
    const close = async () => {
      await session.dispose();
      await provider!.close();
    };
    return { session, notes: said.notes, close };
  }
  const target = { backend, opset, ...(entries ? { entries } : {}), ...(taps ? { taps } : {}) };
  const session = await openForRun(loaded, provider!, target);
  return {
    session,
    notes: said.notes,
    async close() {
      await session.dispose();
      await provider!.close();
    },
  };
}

export const TARGETS = [
  { backend: 'reference', opset: 17 },
  { backend: 'onnx', opset: 17 },
  { backend: 'onnx', opset: 23 },
] as const;

export type Target = Pick<OpenOptions, 'backend'> & { readonly opset?: 17 | 23 };

/**
 * `describe` for each target. WebGPU's kernels are those for software adapters, which compile them soonest; those for GPUs: webgpu.test.ts
 * and test/training/webgpu-gradients.slow.test.ts.
 */
export function describeTargets(title: string, body: (target: Target) => void): void {
  describe.each(TARGETS)(`${title}$backend, opset $opset`, body);
  describe.skipIf(unavailable)(`${title}webgpu`, { timeout: 180_000 }, () => body({ backend: 'webgpu' }));
}

// --- batches -----------------------------------------------------------------------------------------------------

export const ints = (shape: readonly number[], data: Int32Array | readonly number[]): FeedTensor => ({
  dtype: 'i32',
  shape,
  data: Int32Array.from(data),
});

/** One of the fixture's tensors as an input of an entry. */
export function feed({ shape, data }: ReferenceTensor): FeedTensor {
  if (data instanceof BigInt64Array) return { dtype: 'i64', shape, data };
  return data instanceof Int32Array ? { dtype: 'i32', shape, data } : { dtype: 'f32', shape, data };
}

/** The first `length` ids of row `row`. */
export function ids(name: string, row: number, length: number): number[] {
  const { shape, data } = input(name);
  return Array.from(data.subarray(row * shape[1]!, row * shape[1]! + length) as Int32Array);
}

const { bos_id, pad_id } = TINY.tokens;
const IMAGE = Array<number>(TINY.qformer.num_query_tokens).fill(-1);
const length = (name: string, row: number): number => Number(input(name).data[row]);
const all = (name: string): number[] => Array.from(input(name).data as Int32Array);

const SEQUENCES = {
  '': (row: number) => [
    bos_id,
    ...ids('prompt_before_ids', row, length('prompt_before_len', row)),
    ...IMAGE,
    ...ids('prompt_after_ids', row, length('prompt_after_len', row)),
    ...ids('answer_ids', row, length('answer_len', row)),
  ],
  'noprompt/': (row: number) => [bos_id, ...IMAGE, ...ids('answer_ids', row, length('answer_len', row))],
  'conv/': (row: number) => {
    const name = `conv/sample${row}/`;
    const turns = [...INPUTS.keys()].filter((key) => key.startsWith(`${name}answer`)).length;
    const later = Array.from({ length: turns - 1 }, (_, i) => [
      bos_id,
      ...all(`${name}question${i + 1}_ids`),
      ...all(`${name}answer${i + 1}_ids`),
    ]);
    return [
      bos_id,
      ...all(`${name}prompt_before_ids`),
      ...IMAGE,
      ...all(`${name}prompt_after_ids`),
      ...all(`${name}answer0_ids`),
      ...later.flat(),
    ];
  },
};

export type Batch = keyof typeof SEQUENCES;

/** Inputs of `loss` for one of the fixture's batches: rows padded on the right, positions 0..T−1. */
export function lossInputs(batch: Batch): Record<string, FeedTensor> {
  const mask = input(`${batch}attention_mask`);
  const [rows, steps] = mask.shape as [number, number];
  const input_ids = Array.from({ length: rows }, (_, row) => {
    const sequence = SEQUENCES[batch](row);
    return [...sequence, ...Array<number>(steps - sequence.length).fill(pad_id)];
  });
  return {
    pixel_values: feed(input('image')),
    input_ids: ints([rows, steps], input_ids.flat()),
    attention_mask: feed(mask),
    position_ids: ints(
      [rows, steps],
      Array.from({ length: rows * steps }, (_, i) => i % steps),
    ),
    labels: feed(input(`${batch}targets`)),
  };
}

/** Whether element i of [B, T, width] belongs to a position with mask 1. */
export function unmasked(mask: ReferenceTensor, width: number): (index: number) => boolean {
  return (index) => Number(mask.data[Math.floor(index / width)]) === 1;
}
