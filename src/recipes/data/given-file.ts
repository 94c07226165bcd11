/** Files that are given for an input of an entry (`mdl run --input NAME=FILE`): a picture or a text as one row of it. */
import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import { decodeImage } from '../../runtime/image/decode.ts';
import type { DecodeOptions } from '../../runtime/image/options.ts';
import type { Rgb, RgbImage } from '../../runtime/image/rgb.ts';
import type { EncodeOptions, TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { TensorPort } from '../../shared/artifact.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import type { GivenFile, InputRequest } from '../recipe.ts';
import { byteTokenizer } from './bytes.ts';
import { normaliseInto } from './pixels.ts';

const fits = ({ dtype, shape }: TensorPort, wanted: TensorPort): boolean =>
  dtype === wanted.dtype &&
  shape.length === wanted.shape.length &&
  shape.every(
    (size, axis) => typeof size === 'string' || typeof wanted.shape[axis] === 'string' || size === wanted.shape[axis],
  );

/** @throws RuntimeError R0530 where the input takes no such rows */
function checkPort(file: GivenFile, port: TensorPort, dtype: TensorPort['dtype'], shape: TensorPort['shape']): void {
  if (fits(port, { name: port.name, dtype, shape })) return;
  const text = (one: Pick<TensorPort, 'dtype' | 'shape'>): string => `${one.dtype} [${one.shape.join(', ')}]`;
  const details = { file: file.name, kind: file.kind, input: port.name };
  throw runtimeError('given_file_form', { ...details, found: text({ dtype, shape }), expected: text(port) });
}

export interface PictureForm {
  /** side of the square that the model takes, in pixels */
  readonly size: number;
  readonly decode: DecodeOptions;
  readonly mean?: Rgb | undefined;
  readonly std?: Rgb | undefined;
  /** from the decoded picture to such squares, one row each */
  squares(image: RgbImage): readonly RgbImage[];
}

/** f32 [N, 3, size, size], a row for each square. @throws RuntimeError R0530, R1127 (a file that is no picture) */
export function pictureRow(file: GivenFile, port: TensorPort, form: PictureForm): HostTensor {
  const { size, mean, std } = form;
  checkPort(file, port, 'f32', ['N', 3, size, size]);
  let image: RgbImage;
  try {
    image = decodeImage(file.bytes, form.decode);
  } catch (error) {
    throw runtimeError('file_not_used', { file: file.name, reason: reasonOf(error) }, error);
  }
  const squares = form.squares(image);
  const data = new Float32Array(squares.length * 3 * size * size);
  for (const [index, square] of squares.entries()) normaliseInto(data, index, square, mean, std);
  return { dtype: 'f32', shape: [squares.length, 3, size, size], data };
}

/** i64 [1, T], the tokens of a text as it stands. @throws RuntimeError R0530, R0531 */
export function textRow(file: GivenFile, port: TensorPort, tokenizer: TextCodec, encoding?: EncodeOptions): HostTensor {
  checkPort(file, port, 'i64', ['B', 'T']);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(file.bytes);
  } catch (error) {
    throw runtimeError('file_not_used', { file: file.name, reason: 'it is no UTF-8' }, error);
  }
  const ids = tokenizer.encode(text, encoding);
  if (ids.length === 0) throw runtimeError('given_file_empty', { file: file.name, input: port.name });
  return { dtype: 'i64', shape: [1, ids.length], data: BigInt64Array.from(ids, BigInt) };
}

/** Of recipes whose models read text alone: a text as it stands, encoded as a prompt is. @throws as `textRow` */
export async function textInput({ port, file, settings, tokenizer }: InputRequest): Promise<HostTensor | undefined> {
  if (file.kind !== 'text') return undefined;
  return textRow(file, port, byteTokenizer(settings) ?? (await tokenizer()));
}
