/** What an entry is run on: tensors of a file, by name, and files of one input each. */
import { readFile } from 'node:fs/promises';
import type { InputRequest } from '../../recipes/recipe.ts';
import { pictureFormat } from '../../runtime/image/decode.ts';
import { fileSource, openCheckpoint, SafetensorsFile } from '../../runtime/index.ts';
import type { TensorPort } from '../../shared/artifact.ts';
import { nearest } from '../../shared/nearest.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { cliError, reasonOf } from './errors.ts';
import { type Json, tensorOfJson } from './json-tensor.ts';

/** @throws CliError C0104 when there is no such file, RuntimeError R01xx when it is no safetensors file */
export async function readInputs(path: string): Promise<Record<string, HostTensor>> {
  const source = await fileSource(path).catch((error: unknown) => {
    const { cause } = error as { cause?: unknown };
    throw cliError('file_not_read', { what: 'the inputs', file: path, reason: reasonOf(cause ?? error) }, [], error);
  });
  try {
    const file = await SafetensorsFile.open(source);
    const tensors = Object.create(null) as Record<string, HostTensor>;
    for (const name of file.tensors.keys()) tensors[name] = await file.read(name);
    return tensors;
  } finally {
    await source.close();
  }
}

/** What stands behind a file that is no tensor: the recipe's reading of it. */
export type ReadGiven = (request: Pick<InputRequest, 'port' | 'file'>) => Promise<HostTensor>;

const TENSORS = /\.(safetensors|npy|npz)(#.*)?$/;

/**
 * Inputs from files, as `--input NAME=FILE` gives them. A file is a tensor (.safetensors, .npy, .npz; FILE#KEY is one of several),
 * lists of numbers (.json), or what the recipe reads: a picture by its first bytes, else a text. Several of one input are its rows, in order.
 * @throws CliError C0103, C0104, C0550, C0551, and as `read`
 */
export async function readGiven(
  given: readonly string[],
  ports: readonly TensorPort[],
  read: ReadGiven,
): Promise<Record<string, HostTensor>> {
  const rows = new Map<string, { readonly tensor: HostTensor; readonly file: string }[]>();
  for (const text of given) {
    const at = text.indexOf('=');
    const [name, file] = [text.slice(0, at), text.slice(at + 1)];
    if (at < 1 || file === '')
      throw cliError('option_value', { option: '--input', text, expected: 'NAME=FILE, such as pixel_values=cat.png' });
    const known = ports.map((port) => port.name);
    const port = ports.find((one) => one.name === name);
    if (!port) throw cliError('input_unknown', { name, known, near: nearest(name, known) });
    rows.set(name, [...(rows.get(name) ?? []), { tensor: await readOne(file, port, read), file }]);
  }
  return Object.fromEntries([...rows].map(([name, parts]) => [name, stacked(name, parts)]));
}

async function readOne(file: string, port: TensorPort, read: ReadGiven): Promise<HostTensor> {
  if (TENSORS.test(file)) return readTensorFile(file, port.name);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw cliError('file_not_read', { what: `the input ${port.name}`, file, reason: reasonOf(error) }, [], error);
  });
  if (!file.endsWith('.json')) {
    const kind = pictureFormat(bytes) === undefined ? 'text' : 'picture';
    return read({ port, file: { name: file, kind, bytes } });
  }
  let value: Json;
  try {
    value = JSON.parse(bytes.toString('utf8')) as Json;
  } catch (error) {
    throw cliError('input_form', { file, input: port.name, reason: `it is no JSON (${reasonOf(error)})` }, [], error);
  }
  return tensorOfJson(value, port.dtype, (reason) => cliError('input_form', { file, input: port.name, reason }));
}

/** The tensor of a file, or of its key. */
async function readTensorFile(file: string, input: string): Promise<HostTensor> {
  const checkpoint = await openCheckpoint(file).catch((error: unknown) => {
    throw cliError('input_form', { file, input, reason: reasonOf(error) }, [], error);
  });
  try {
    const keys = [...checkpoint.tensors.keys()];
    if (keys.length !== 1) {
      const reason = `it has ${keys.length} tensors, ${keys.slice(0, 5).join(', ')}: give --inputs, or one of them alone`;
      throw cliError('input_form', { file, input, reason });
    }
    return await checkpoint.read(keys[0]!);
  } finally {
    await checkpoint.close();
  }
}

/** Along the first axis. */
function stacked(input: string, parts: readonly { readonly tensor: HostTensor; readonly file: string }[]): HostTensor {
  const [{ tensor: first, file: firstFile }, ...more] = parts as [(typeof parts)[number], ...typeof parts];
  if (more.length === 0) return first;
  const textOf = ({ shape }: HostTensor): string => `[${shape.slice(1).join(', ')}]`;
  for (const { tensor, file } of more)
    if (tensor.shape.length === 0 || tensor.dtype !== first.dtype || textOf(tensor) !== textOf(first)) {
      const reason = `its rows are ${tensor.dtype} ${textOf(tensor)}, and those of ${firstFile} ${first.dtype} ${textOf(first)}`;
      throw cliError('input_form', { file, input, reason });
    }
  const all = [first, ...more.map(({ tensor }) => tensor)];
  const Data = first.data.constructor as new (length: number) => HostTensor['data'];
  const data = new Data(all.reduce((sum, { data: { length } }) => sum + length, 0));
  let at = 0;
  for (const { data: part } of all) {
    (data as Float32Array).set(part as Float32Array, at);
    at += part.length;
  }
  const rows = all.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return { ...first, shape: [rows, ...first.shape.slice(1)], data } as HostTensor;
}
