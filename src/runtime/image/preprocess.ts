/** From an image file to what `encode_image` takes: decode, resize, scale to 0 … 1, normalise, channels first. */
import type { HostTensor } from '../../shared/tensor.ts';
import { runtimeError } from '../errors.ts';
import { decodeImage } from './decode.ts';
import { checkStatistics, type DecodeOptions, resolveDecodeOptions } from './options.ts';
import { type PassOrder, resizeBicubic } from './resize.ts';
import type { Rgb, RgbImage } from './rgb.ts';

/** CLIP's statistics, which EVA ViT-g was trained with. */
export const CLIP_MEAN: Rgb = [0.48145466, 0.4578275, 0.40821073];
/** Standard deviations beside CLIP_MEAN, of pixels from 0 to 1. */
export const CLIP_STD: Rgb = [0.26862954, 0.26130258, 0.27577711];

export interface PreprocessOptions extends DecodeOptions {
  /** side of the square, or [height, width], in pixels */
  readonly size: number | readonly [number, number];
  readonly mean?: Rgb;
  readonly std?: Rgb;
  /** which Pillow the resize equals; `pillow-13` when absent */
  readonly order?: PassOrder;
}

/** What preprocessImage takes beside the options of decodeImage. */
const OWN_OPTIONS = ['size', 'mean', 'std', 'order'];

/** (v / 255 − mean) / std of each channel: f32 [1, 3, H, W], each step rounded to f32 as torchvision does. */
export function normaliseImage(
  { width, height, data }: RgbImage,
  mean: Rgb = CLIP_MEAN,
  std: Rgb = CLIP_STD,
): HostTensor {
  const pixels = width * height;
  const values = new Float32Array(3 * pixels);
  for (let c = 0; c < 3; c++) {
    const [centre, spread] = [Math.fround(mean[c]!), Math.fround(std[c]!)];
    // a byte has 256 values: each is computed once
    const table = Float32Array.from({ length: 256 }, (_, v) => Math.fround(Math.fround(v / 255) - centre) / spread);
    for (let i = 0; i < pixels; i++) values[c * pixels + i] = table[data[3 * i + c]!]!;
  }
  return { dtype: 'f32', shape: [1, 3, height, width], data: values };
}

/**
 * A PNG, JPEG or WebP, or a picture that is decoded already, as f32 [1, 3, H, W]. The aspect ratio is not kept, as in the authors' code. In a page JPEG and WebP need
 * `await loadImageDecoders()` first.
 * @throws RuntimeError R0401–R0405, R0407, R0408, R0410
 */
export function preprocessImage(file: Uint8Array | RgbImage, options: PreprocessOptions): HostTensor {
  const { size, mean, std, order, ...decode } = options;
  resolveDecodeOptions(decode, OWN_OPTIONS);
  checkStatistics(mean, std);
  const [height, width] = Array.isArray(size) ? size : [size, size];
  if (![height, width].every((side) => Number.isSafeInteger(side) && side > 0 && side <= 8192)) {
    throw runtimeError('image_size', { size: `${width} × ${height}` });
  }
  return normaliseImage(
    resizeBicubic(file instanceof Uint8Array ? decodeImage(file, decode) : file, width, height, order),
    mean,
    std,
  );
}
