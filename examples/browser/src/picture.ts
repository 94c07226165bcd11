/**
 * Pictures as the model wants them: decoded by the runtime, so that a file gives the same numbers as in `mdl generate`, on
 * white and upright as the nano config says. What the runtime does not read (AVIF, GIF, SVG) the browser decodes.
 */
import {
  decodeImage,
  type HostTensor,
  loadImageDecoders,
  normaliseImage,
  RuntimeError,
  resizeBicubic,
} from 'mdl-compiler/runtime';

type RgbImage = Parameters<typeof resizeBicubic>[0];

export interface Picture {
  readonly name: string;
  /** what it shows, where that is known */
  readonly noun?: string;
  readonly image: RgbImage;
  /** to show and to move about: at most SHOWN pixels a side */
  readonly small: RgbImage;
}

const SHOWN = 512;
const READ = { background: [255, 255, 255], exif_orientation: true } as const;

/** @throws RuntimeError R0402–R0404, R0409; DOMException when it is no picture that this browser reads */
export async function readPicture(name: string, blob: Blob): Promise<Picture> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  await loadImageDecoders([bytes]);
  const image = ownDecoder(bytes) ?? (await browserDecoder(blob));
  const scale = Math.min(1, SHOWN / Math.max(image.width, image.height));
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  return { name, image, small: scale < 1 ? resizeBicubic(image, side(image.width), side(image.height)) : image };
}

/** Undefined for formats that are left to the browser (R0401); a damaged file is nobody's. */
function ownDecoder(bytes: Uint8Array): RgbImage | undefined {
  try {
    return decodeImage(bytes, READ);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'R0401') return undefined;
    throw error;
  }
}

async function browserDecoder(blob: Blob): Promise<RgbImage> {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  pen.fillStyle = 'white';
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) rgb[3 * i + c] = data[4 * i + c]!;
  return { width, height, data: rgb };
}

/** What `encode_image` takes: f32 [1, 3, size, size]. */
export function pixelsOf({ image }: Picture, size: number): HostTensor {
  return normaliseImage(resizeBicubic(image, size, size));
}

/** The picture on a white square, smaller and elsewhere: so that a lesson is about the thing and not its place. */
export function placed(picture: Picture, size: number, place: { x: number; y: number; side: number }): RgbImage {
  const small = resizeBicubic(picture.small, place.side, place.side);
  const data = new Uint8Array(3 * size * size).fill(255);
  for (let line = 0; line < place.side; line++) {
    const row = small.data.subarray(3 * line * place.side, 3 * (line + 1) * place.side);
    data.set(row, 3 * ((place.y + line) * size + place.x));
  }
  return { width: size, height: size, data };
}

/** Shows a picture on a canvas of its own size. */
export function show(canvas: HTMLCanvasElement, { small: image }: Picture): void {
  canvas.width = image.width;
  canvas.height = image.height;
  const shown = new ImageData(image.width, image.height);
  for (let i = 0; i < image.width * image.height; i++) {
    for (let c = 0; c < 3; c++) shown.data[4 * i + c] = image.data[3 * i + c]!;
    shown.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d')!.putImageData(shown, 0, 0);
}
