/** Batches of any size made of formulas, for models whose loss takes tokens and, maybe, one image a row. */
import type { ConfigValue } from '../../src/shared/artifact.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';

type Config = { readonly [name: string]: ConfigValue };

export interface BatchSize {
  readonly rows: number;
  readonly length: number;
}

const section = (config: Config, name: string): Config | undefined => config[name] as unknown as Config | undefined;

/** Tokens that are all labels; in a model with a Q-Former an image, its tokens after the first, and no label for them. */
export function batchOf(
  config: Config,
  { rows, length }: BatchSize,
): { readonly feeds: Readonly<Record<string, HostTensor>>; readonly tokens: number } {
  const [vit, qformer, phi] = ['vit', 'qformer', 'phi'].map((name) => section(config, name));
  const vocabulary = phi!.vocab_size as number;
  const slots = vit && qformer ? (qformer.num_query_tokens as number) : 0;
  const i64 = (value: (at: number, row: number) => number): HostTensor => {
    const data = BigInt64Array.from({ length: rows * length }, (_, i) =>
      BigInt(value(i % length, Math.floor(i / length))),
    );
    return { dtype: 'i64', shape: [rows, length], data };
  };
  const isImage = (at: number): boolean => at >= 1 && at <= slots;
  const token = (at: number, row: number): number => (at * 31 + row * 17 + 7) % vocabulary;
  const side = (vit?.image_size as number | undefined) ?? 0;
  const pixels: HostTensor = {
    dtype: 'f32',
    shape: [rows, 3, side, side],
    data: Float32Array.from({ length: rows * 3 * side * side }, (_, i) => Math.sin(i)),
  };
  const feeds = {
    ...(slots > 0 ? { pixel_values: pixels } : {}),
    input_ids: i64((at, row) => (isImage(at) ? (config.image_token_id as number) : token(at, row))),
    attention_mask: i64(() => 1),
    position_ids: i64((at) => at),
    labels: i64((at, row) => (at === 0 || isImage(at) ? -100 : token(at, row))),
  };
  return { feeds, tokens: rows * (length - 1 - slots) };
}
