/**
 * Pictures as the model wants them. The browser decodes (so WebP, AVIF or SVG do as well), transparency becomes white as
 * in training, and the longer side is cut to LARGEST before the model's own bicubic filter makes the small square.
 */
import { type HostTensor, normaliseImage, resizeBicubic } from 'mdl-compiler/runtime';

type RgbImage = Parameters<typeof resizeBicubic>[0];

export interface Picture {
  readonly name: string;
  /** what it shows, where that is known */
  readonly noun?: string;
  readonly image: RgbImage;
}

/** Pixels of a side that are kept: more make no difference at the model's size, and cost memory. */
const LARGEST = 512;

/** @throws DOMException when it is no picture that this browser reads */
export async function readPicture(name: string, blob: Blob): Promise<Picture> {
  const bitmap = await createImageBitmap(blob);
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext('2d', { willReadFrequently: true })!;
  pen.fillStyle = 'white';
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) rgb[3 * i + c] = data[4 * i + c]!;
  return { name, image: { width, height, data: rgb } };
}

/** What `encode_image` takes: f32 [1, 3, size, size]. */
export function pixelsOf({ image }: Picture, size: number): HostTensor {
  return normaliseImage(resizeBicubic(image, size, size));
}

/** The picture on a white square, smaller and elsewhere: so that a lesson is about the thing and not its place. */
export function placed({ image }: Picture, size: number, place: { x: number; y: number; side: number }): RgbImage {
  const small = resizeBicubic(image, place.side, place.side);
  const data = new Uint8Array(3 * size * size).fill(255);
  for (let line = 0; line < place.side; line++) {
    const row = small.data.subarray(3 * line * place.side, 3 * (line + 1) * place.side);
    data.set(row, 3 * ((place.y + line) * size + place.x));
  }
  return { width: size, height: size, data };
}

/** Shows a picture on a canvas of its own size. */
export function show(canvas: HTMLCanvasElement, { image }: Picture): void {
  canvas.width = image.width;
  canvas.height = image.height;
  const shown = new ImageData(image.width, image.height);
  for (let i = 0; i < image.width * image.height; i++) {
    for (let c = 0; c < 3; c++) shown.data[4 * i + c] = image.data[3 * i + c]!;
    shown.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d')!.putImageData(shown, 0, 0);
}
