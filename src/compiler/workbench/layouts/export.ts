/** The tensors that a file of a layout has, made from a model's weights: the inverse of reading it. */
import { bytesOf, ITEM_BYTES, type StoredDType } from '../../../runtime/weights/dtypes.ts';
import type { StreamedTensor } from '../../../runtime/weights/encode.ts';
import { CHUNK_BYTES } from '../../../runtime/weights/file.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Layout, Move } from '../../elaborate/layout.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError } from '../errors.ts';
import { openStored, openWeights, type StoredWeights, type WeightsOptions } from '../model.ts';
import type { Notes } from '../notes.ts';
import { checkpointWeights, type WeightProvider } from '../weights/provider.ts';
import { fullName, LAYOUT_KEY, OWN_KEYS } from './asked.ts';
import { back, type Part, sliceOf, wholeOf } from './laid-out.ts';

export interface ExportWeights {
  readonly model: Model;
  readonly stored: StoredWeights | undefined;
  readonly weights: WeightProvider;
  close(): Promise<void>;
}

export type SizedTensor = StreamedTensor & { readonly byteLength: number };

export interface Exported {
  readonly tensors: ReadonlyMap<string, SizedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** parameters that are no part of it, by key */
  readonly rest: readonly string[];
}

/** @throws CliError C0106 without weights, and as openWeights */
export async function openExport(model: Model, options: WeightsOptions, output: Notes): Promise<ExportWeights> {
  const stored = options.init === undefined ? await openStored(model, options, output) : undefined;
  const weights = stored
    ? checkpointWeights(model, stored.checkpoint, stored.match)
    : await openWeights(model, options, output);
  if (!weights) throw cliError('weights_needed', { weights: 'no weights were given' });
  return { model, stored, weights, close: () => weights.close() };
}

/** Under the model's own keys. */
export function exportedPlain(source: ExportWeights): Exported {
  const parameters = [...source.model.parameters.values()];
  const tensors = new Map(
    parameters.map((parameter) => {
      const { dtype, part } = tensorOf(source, parameter);
      return [parameter.keys[0], streamed(dtype, parameter.shape, part)];
    }),
  );
  return { tensors, metadata: OWN_KEYS, rest: [] };
}

/** As the layout has them: the first of a rule's keys, and aliases in the metadata, as `save_model` of safetensors writes them. */
export function exportedBy(layout: Layout, source: ExportWeights): Exported {
  const prefix = layout.under === undefined ? '' : `${layout.under}.`;
  const tensors = new Map<string, SizedTensor>();
  const written = new Set<string>();
  const parameters = source.model.parameters;
  for (const move of layout.moves) {
    // what flags leave out has no numbers
    if (!move.targets.every(({ keys: [key] }) => parameters.has(key))) continue;
    for (const { keys } of move.targets) written.add(keys[0]);
    const { dtype, part } = targetsOf(source, move);
    const stored = wholeOf([part], ITEM_BYTES[dtype], move.turn && back(move.turn));
    const bytes = sizeOf(move.shape) * ITEM_BYTES[dtype];
    move.sources[0]!.forEach((key, index) => {
      tensors.set(prefix + key, streamed(dtype, move.shape, sliceOf(stored, index * bytes, bytes)));
    });
  }
  const aliases = [...layout.aliases].filter(([alias, of]) => tensors.has(prefix + of) && !tensors.has(prefix + alias));
  const shared = Object.fromEntries(aliases.map(([alias, of]) => [prefix + alias, prefix + of]));
  const metadata = { ...shared, [LAYOUT_KEY]: fullName(layout) };
  return { tensors, metadata, rest: [...parameters.keys()].filter((key) => !written.has(key)) };
}

/** The parameters of a rule one after the other, of one dtype. */
function targetsOf(source: ExportWeights, { targets }: Move): { readonly dtype: StoredDType; readonly part: Part } {
  const found = targets.map((parameter) => tensorOf(source, parameter));
  const [{ dtype }] = found as [(typeof found)[0]];
  const same = found.every((tensor) => tensor.dtype === dtype);
  const all = same ? found : targets.map((parameter) => computed(source, parameter));
  return {
    dtype: all[0]!.dtype,
    part: wholeOf(
      all.map(({ part }) => part),
      ITEM_BYTES[all[0]!.dtype],
      undefined,
    ),
  };
}

const WRITTEN = { f32: 'F32', i64: 'I64', bool: 'BOOL' } as const;

/** As the checkpoint stores it, where the model has it as it is there. */
function tensorOf(
  source: ExportWeights,
  parameter: ParameterInfo,
): { readonly dtype: StoredDType; readonly part: Part } {
  const { checkpoint, match } = source.stored ?? {};
  const key = match?.sources.get(parameter.keys[0]);
  const stored = key === undefined ? undefined : checkpoint?.tensors.get(key);
  const asStored = stored && !parameter.merged && stored.shape.join() === parameter.shape.join();
  if (!checkpoint || key === undefined || !asStored) return computed(source, parameter);
  const part: Part = {
    byteLength: stored.byteLength,
    stream: (byte, chunkBytes) => checkpoint.streamFrom(key, byte, chunkBytes),
  };
  return { dtype: stored.dtype, part };
}

/** As the model computes with it. */
function computed(
  { weights }: ExportWeights,
  parameter: ParameterInfo,
): { readonly dtype: StoredDType; readonly part: Part } {
  const dtype = WRITTEN[parameter.dtype];
  const byteLength = sizeOf(parameter.shape) * ITEM_BYTES[dtype];
  return {
    dtype,
    part: { byteLength, stream: (byte, chunkBytes) => pieces(weights, parameter.keys[0], byte, chunkBytes) },
  };
}

/** The tensor that was computed last: a rule that turns it asks for it in pieces, in no order. */
const latest = new WeakMap<WeightProvider, { readonly key: string; readonly bytes: Promise<Uint8Array> }>();

async function* pieces(
  weights: WeightProvider,
  key: string,
  byte: number,
  chunkBytes: number,
): AsyncIterable<Uint8Array> {
  const before = latest.get(weights);
  const entry = before?.key === key ? before : { key, bytes: weights.read(key).then(({ data }) => bytesOf(data)) };
  latest.set(weights, entry);
  const bytes = await entry.bytes;
  for (let at = byte; at < bytes.byteLength; at += chunkBytes)
    yield bytes.subarray(at, Math.min(bytes.byteLength, at + chunkBytes));
}

function streamed(stored: StoredDType, shape: readonly number[], part: Part): SizedTensor {
  return { stored, shape, byteLength: part.byteLength, chunks: () => part.stream(0, CHUNK_BYTES) };
}
