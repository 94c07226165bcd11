/** Inputs of an entry: random ones within the ranges that its manifest tells, or what was chosen. */
import type { Manifest } from 'mdl-compiler/runtime';
import {
  type HostTensor,
  initialise,
  loadImageDecoders,
  type PreprocessOptions,
  preprocessImage,
} from 'mdl-compiler/runtime';
import { evaluateDim } from '../../../../src/shared/dim.ts';
import { parseDim } from '../../../../src/shared/dim-text.ts';
import { sizeOf } from '../../../../src/shared/tensor.ts';
import type { InputChoice } from './protocol.ts';

type Port = Manifest['entries'][string]['inputs'][number];
type Sizes = Readonly<Record<string, number>>;

export interface InputRequest {
  readonly sizes: Sizes;
  readonly seed: number;
  /** of the model's recipe, where it has one: how pictures are read */
  readonly recipe: NonNullable<Manifest['model']['recipe']>['settings'] | undefined;
}

/** @throws Error where what was chosen does not fill the input; RuntimeError R04xx of a picture */
export async function inputOf(
  port: Port,
  choice: InputChoice,
  { sizes, seed, recipe }: InputRequest,
): Promise<HostTensor> {
  const shape = port.shape.map((dim) => sizeOfDim(dim, sizes));
  const count = sizeOf(shape);
  switch (choice.kind) {
    case 'all':
      return tensor(port, shape, new Array<number>(count).fill(choice.value));
    case 'values':
      if (choice.values.length !== count)
        throw new Error(`${port.name} takes ${count} numbers, [${shape.join(', ')}], and gets ${choice.values.length}`);
      return tensor(port, shape, choice.values);
    case 'picture':
      return picture(port, shape, choice.bytes, recipe);
    case 'random':
      return random(port, shape, sizes, seed);
    default:
      return choice satisfies never;
  }
}

function sizeOfDim(dim: number | string, sizes: Sizes): number {
  return evaluateDim(parseDim(dim)!, new Map(Object.entries(sizes)));
}

function tensor({ dtype }: Port, shape: readonly number[], values: readonly number[]): HostTensor {
  if (dtype === 'f32') return { dtype, shape, data: Float32Array.from(values) };
  if (dtype === 'i64') return { dtype, shape, data: BigInt64Array.from(values, (x) => BigInt(Math.trunc(x))) };
  return { dtype, shape, data: Uint8Array.from(values, (x) => Number(x !== 0)) };
}

/** Normal numbers; integers of the range that they have; where any will do, ones (a mask that hides nothing). */
function random(port: Port, shape: readonly number[], sizes: Sizes, seed: number): HostTensor {
  const target = { seed, key: `input ${port.name}`, shape };
  if (port.dtype === 'f32') {
    const data = initialise({ kind: 'normal', mean: 0, std: 1 }, target);
    return { dtype: 'f32', shape, data };
  }
  if (port.dtype === 'bool' || !port.range) return tensor(port, shape, new Array<number>(sizeOf(shape)).fill(1));
  const { low, high } = port.range;
  const end = sizeOfDim(high, sizes);
  const uniform = initialise({ kind: 'uniform', low: 0, high: 1 }, target);
  return tensor(
    port,
    shape,
    Array.from(uniform, (x) => low + Math.floor(x * Math.max(end - low, 1))),
  );
}

/** As the model's recipe reads pictures; what it does not say is CLIP's, and white behind what is transparent. */
async function picture(
  { name }: Port,
  shape: readonly number[],
  bytes: Uint8Array,
  recipe: InputRequest['recipe'] = {},
): Promise<HostTensor> {
  const [n, channels, height, width] = shape;
  if (shape.length !== 4 || n !== 1 || channels !== 3 || height !== width)
    throw new Error(`${name} is [${shape.join(', ')}], and one picture is [1, 3, S, S]`);
  await loadImageDecoders([bytes]);
  const given = Object.entries(recipe).filter(([setting]) => PICTURE_SETTINGS.includes(setting));
  const settings = Object.fromEntries(given) as Omit<PreprocessOptions, 'size'>;
  return preprocessImage(bytes, { background: [255, 255, 255], ...settings, size: width! });
}

/** Settings of recipes that are options of reading a picture. */
const PICTURE_SETTINGS = ['mean', 'std', 'background', 'exif_orientation'];
