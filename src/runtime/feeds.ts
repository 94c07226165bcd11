/**
 * Checks what a caller gives to an entry against the manifest, before any backend sees it: names, dtypes, ranks,
 * sizes. Backends then may trust their feeds, and a mistake reads the same on all of them.
 */
import type { IntegerRange, TensorPort } from '../shared/artifact.ts';
import {
  type Binding,
  bindDims,
  type DimClash,
  explain,
  type Measured,
  sizeUnder,
  unknownOf,
} from '../shared/bind-dims.ts';
import { printAtLeastZero, printDim } from '../shared/dim.ts';
import { parseDim } from '../shared/dim-text.ts';
import type { DType } from '../shared/dtype.ts';
import { isObject } from '../shared/kind-of.ts';
import { nearest } from '../shared/nearest.ts';
import type { HostTensor } from '../shared/tensor.ts';
import { sizeOf } from '../shared/tensor.ts';
import { checkArgument } from './arguments.ts';
import type { EntryPorts } from './backend.ts';
import { type AnyTensor, type DeviceTensor, isOnDevice } from './device-tensor.ts';
import { runtimeError } from './errors.ts';
import { allocate } from './weights/dtypes.ts';

/** What a caller may give: a HostTensor, or 32-bit integers where the entry wants i64. Bools: every byte but 0 is true. */
export interface FeedTensor {
  readonly dtype: DType | 'i32';
  readonly shape: readonly number[];
  readonly data: HostTensor['data'] | Int32Array;
}

export type Feeds = Readonly<Record<string, FeedTensor>>;

/** Feeds of which some may be on the device. */
export type AnyFeeds = Readonly<Record<string, FeedTensor | DeviceTensor>>;

/** Feeds of the caller's at this moment: what happens to its arrays afterwards changes no run. */
export function copyFeeds(feeds: AnyFeeds): AnyFeeds {
  const copies = Object.entries(feeds).map(([name, feed]) => {
    if (!isHostTensor(feed)) return [name, feed] as const; // checkFeeds refuses what is none
    return [name, { ...feed, shape: [...feed.shape], data: copyOf(feed.data) }] as const;
  });
  return Object.fromEntries(copies);
}

const isHostTensor = (feed: unknown): feed is FeedTensor =>
  isObject(feed) && 'data' in feed && Array.isArray((feed as Loose).shape);

interface Loose {
  readonly shape?: unknown;
  readonly data?: unknown;
  readonly read?: unknown;
}

/** @throws RuntimeError R0512 for what is no tensor on either side */
function checkForm(entry: string, input: string, feed: Loose): void {
  const call = `${entry}'s input ${input}`;
  checkArgument(call, 'a tensor', feed, isObject(feed), 'an object with dtype, shape and data');
  const { shape, data } = feed;
  checkArgument(call, 'its shape', shape, Array.isArray(shape), 'a list of sizes');
  const fits = typeof feed.read === 'function' || isObject(data) || ArrayBuffer.isView(data) || Array.isArray(data);
  checkArgument(call, 'its data', data, fits, 'a typed array');
}

/** By class: slice() of a Node Buffer, which is a Uint8Array too, shares its memory. */
function copyOf(data: FeedTensor['data']): FeedTensor['data'] {
  if (data instanceof Float32Array) return new Float32Array(data);
  if (data instanceof BigInt64Array) return new BigInt64Array(data);
  if (data instanceof Int32Array) return new Int32Array(data);
  return data instanceof Uint8Array ? new Uint8Array(data) : data; // anything else is refused by checkFeeds
}

/** The bytes of bools as 0 and 1: ONNX Runtime's kernels compute with whatever is in them. */
function truths(data: Uint8Array): Uint8Array {
  return data.every((byte) => byte <= 1) ? data : data.map((byte) => (byte === 0 ? 0 : 1));
}

const printPort = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** An entry's inputs as a backend may trust them, and the sizes of its symbols. */
export interface CheckedFeeds {
  readonly feeds: Record<string, AnyTensor>;
  readonly bindings: ReadonlyMap<string, Binding>;
}

/**
 * The complete, checked feeds of an entry. Absent cache inputs become tensors of length 0 along their growing axis.
 * @throws RuntimeError R0207–R0211, R0222, R0223, R0512
 */
export function checkFeeds(name: string, entry: EntryPorts, feeds: AnyFeeds): CheckedFeeds {
  const inputs = entry.inputs.map((port) => port.name);
  for (const given of Object.keys(feeds)) {
    if (!inputs.includes(given))
      throw runtimeError('unknown_input', {
        entry: name,
        input: given,
        near: nearest(given, inputs),
        inputs: own(entry),
      });
  }
  const checked: Record<string, AnyTensor> = {};
  const bindings = new Map<string, Binding>();
  // the caches of all layers say the same of B and P: once is enough
  const measured = new Map<string, Measured>();
  const note = (one: Measured): void => {
    const key = `${typeof one.dim === 'number' ? one.dim : printDim(one.dim)} ${one.size}`;
    if (!measured.has(key)) measured.set(key, one);
  };
  const absent: TensorPort[] = [];
  const caches = new Map(entry.cache.map((cache) => [cache.past, cache]));
  for (const port of entry.inputs) {
    const feed = Object.hasOwn(feeds, port.name) ? feeds[port.name] : undefined;
    if (feed) {
      checked[port.name] = checkTensor(name, port, feed);
      measure(name, port, feed.shape).forEach(note);
      continue;
    }
    const cache = caches.get(port.name);
    if (!cache) throw runtimeError('missing_input', { entry: name, input: port.name, shape: printPort(port.shape) });
    absent.push(port);
    const dim = parseDim(port.shape[cache.axis]!);
    if (dim !== undefined) note({ input: `the empty ${port.name}`, axis: cache.axis, dim, size: 0 });
  }
  const clash = bindDims([...measured.values()], bindings);
  if (clash) throw dimConflict(name, entry.inputs, clash);
  for (const one of measured.values()) if (unknownOf(one.dim, bindings)) throw wrongSize(name, one, printDim(one.dim));
  checkSizes(name, entry, bindings);
  for (const port of entry.inputs) {
    const feed = checked[port.name];
    if (port.range && feed && !isOnDevice(feed)) checkRange(name, port.name, boundsOf(port.range, bindings), feed);
  }
  for (const port of absent) {
    const shape = port.shape.map((text) => sizeUnder(parseDim(text) ?? 0, bindings));
    if (shape.includes(undefined))
      throw runtimeError('missing_input', { entry: name, input: port.name, shape: printPort(port.shape) });
    checked[port.name] = {
      dtype: port.dtype,
      shape: shape as number[],
      data: allocate(port.dtype, sizeOf(shape as number[])),
    };
  }
  return { feeds: checked, bindings };
}

/** R0211 */
export function dimConflict(entry: string, inputs: readonly TensorPort[], clash: DimClash): Error {
  const { input, axis, size: found } = clash;
  const dim = String(inputs.find((port) => port.name === input)?.shape[axis] ?? 'the length of the cache');
  return runtimeError('dim_conflict', { ...clash, entry, dim, found });
}

/** The first requirement that the sizes do not meet, with its dim. */
function unmet({ requires = [] }: EntryPorts, bindings: ReadonlyMap<string, Binding>) {
  for (const requirement of requires) {
    const dim = parseDim(requirement.dim);
    if (dim !== undefined && (sizeUnder(dim, bindings) ?? 0) < 0) return { ...requirement, dim };
  }
  return undefined;
}

export const meetsRequirements = (entry: EntryPorts, bindings: ReadonlyMap<string, Binding>): boolean =>
  unmet(entry, bindings) === undefined;

/** @throws RuntimeError R0223 at the first requirement that the sizes do not meet */
function checkSizes(entry: string, ports: EntryPorts, bindings: ReadonlyMap<string, Binding>): void {
  const found = unmet(ports, bindings);
  if (!found) return;
  const { dim, what, source } = found;
  const because = explain(dim, bindings);
  throw runtimeError('size_requirement', { entry, needs: printAtLeastZero(dim), what, source, because });
}

/** Inputs that callers give; the session feeds those of adapters. */
function own({ inputs, adapters = [] }: EntryPorts): string[] {
  const fed = new Set(adapters.map(({ input }) => input));
  return inputs.flatMap(({ name }) => (fed.has(name) ? [] : [name]));
}

function checkTensor(entry: string, port: TensorPort, feed: FeedTensor | DeviceTensor): AnyTensor {
  const { name: input, dtype } = port;
  checkForm(entry, input, feed);
  if (isOnDevice(feed)) {
    if (feed.dtype !== dtype)
      throw runtimeError('input_dtype', { entry, input, found: `${feed.dtype} on the device`, expected: dtype });
    checkRank(entry, port, feed.shape);
    return feed;
  }
  const data = dtype === 'i64' && feed.data instanceof Int32Array ? BigInt64Array.from(feed.data, BigInt) : feed.data;
  const fits =
    dtype === 'f32'
      ? data instanceof Float32Array
      : dtype === 'i64'
        ? data instanceof BigInt64Array
        : data instanceof Uint8Array;
  const declared = feed.dtype === 'i32' ? 'i64' : feed.dtype;
  if (!fits || declared !== dtype) {
    throw runtimeError('input_dtype', {
      entry,
      input,
      found: `${feed.dtype} in a ${feed.data.constructor.name}`,
      expected: dtype,
    });
  }
  checkRank(entry, port, feed.shape);
  if (!feed.shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || sizeOf(feed.shape) !== data.length) {
    const found = `${data.length} elements`;
    throw runtimeError('input_shape', {
      entry,
      input,
      found,
      expected: `the product of its shape [${feed.shape.join(', ')}]`,
    });
  }
  return { dtype, shape: feed.shape, data: data instanceof Uint8Array ? truths(data) : (data as HostTensor['data']) };
}

/** A range under a run's sizes. */
export interface Bounds extends Omit<IntegerRange, 'high'> {
  readonly high: number;
}

function boundsOf(range: IntegerRange, bindings: ReadonlyMap<string, Binding>): Bounds {
  const dim = parseDim(range.high);
  return { ...range, high: (dim === undefined ? undefined : sizeUnder(dim, bindings)) ?? Number.NEGATIVE_INFINITY };
}

/** Tensors on a device that were read and checked before, and against what. */
const CHECKED = new WeakMap<DeviceTensor, Set<string>>();

/**
 * Checks integers that stayed on a device, such as the tokens that another entry chose: once for each tensor and range,
 * because it reads them back. @throws RuntimeError R0222
 */
export async function checkDeviceRanges(
  name: string,
  { inputs }: EntryPorts,
  { feeds, bindings }: CheckedFeeds,
): Promise<void> {
  for (const { name: input, range } of inputs) {
    const feed = feeds[input];
    if (!range || !feed || !isOnDevice(feed)) continue;
    const bounds = boundsOf(range, bindings);
    const key = JSON.stringify(bounds);
    const before = CHECKED.get(feed) ?? new Set();
    if (before.has(key)) continue;
    checkRange(name, input, bounds, await feed.read());
    CHECKED.set(feed, before.add(key));
  }
}

/** Integers that the graph looks up in a table. @throws RuntimeError R0222 at the first that is outside */
function checkRange(entry: string, input: string, bounds: Bounds, tensor: HostTensor): void {
  const found = firstOutside(bounds, tensor);
  if (found) throw runtimeError('input_range', { entry, input, ...found });
}

/** The first integer of a tensor that is outside of its range. */
export function firstOutside(
  { low, high, also = [], from }: Bounds,
  { shape, data }: HostTensor,
): (Required<Omit<Bounds, 'from'>> & { readonly place: readonly number[]; readonly found: string }) | undefined {
  for (const [index, x] of (data as BigInt64Array).entries()) {
    if ((x >= low && x < high) || also.includes(Number(x))) continue;
    const place = placeOf(index, shape);
    if (!from?.some((first, axis) => place[axis]! < first)) return { place, found: String(x), low, high, also };
  }
  return undefined;
}

/** Where the element of a row-major tensor is, by axis. */
function placeOf(index: number, shape: readonly number[]): number[] {
  let rest = index;
  return shape.map((_, axis) => {
    const stride = sizeOf(shape.slice(axis + 1));
    const at = Math.floor(rest / stride);
    rest -= at * stride;
    return at;
  });
}

/** @throws RuntimeError R0210 */
function checkRank(entry: string, port: TensorPort, shape: readonly number[]): void {
  if (shape.length === port.shape.length) return;
  const found = `shape [${shape.join(', ')}] of rank ${shape.length}`;
  const expected = `rank ${port.shape.length} ${printPort(port.shape)}`;
  throw runtimeError('input_shape', { entry, input: port.name, found, expected });
}

/** The dynamic axes of a tensor. @throws RuntimeError R0210 when a static axis does not fit */
function measure(entry: string, port: TensorPort, shape: readonly number[]): Measured[] {
  const measured: Measured[] = [];
  port.shape.forEach((expected, axis) => {
    const size = shape[axis]!;
    const dim = parseDim(expected);
    if (dim === undefined) return;
    const one = { input: port.name, axis, dim, size };
    if (typeof expected === 'number' && expected !== size)
      throw wrongSize(entry, one, `${expected} of ${printPort(port.shape)}`);
    measured.push(one);
  });
  return measured;
}

/** R0210 */
const wrongSize = (entry: string, { input, axis, size }: Measured, expected: string): Error =>
  runtimeError('input_shape', { entry, input, found: `size ${size} on axis ${axis}`, expected });
