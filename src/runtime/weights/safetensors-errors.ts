/** The codes R01: safetensors files and checkpoints of several. */
import { message } from '../message.ts';

type InFile = { readonly file: string };
type InTensor = { readonly file: string; readonly tensor: string };
const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');
const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

export const SAFETENSORS_MESSAGES = {
  file_too_short: message(
    'R0101',
    ({ file, size }: InFile & { size: number }) =>
      `${file} has ${size} bytes and a safetensors file has at least 8 for the header's length, so fetch the file again`,
  ),
  header_length: message(
    'R0102',
    ({ file, length, limit }: InFile & { length: string; limit: number }) =>
      `the header of ${file} claims ${length} bytes and at most ${limit} are possible here, so the file is cut short or is not safetensors`,
  ),
  header_not_json: message(
    'R0103',
    ({ file, reason }: InFile & { reason: string }) =>
      `the header of ${file} is not a valid JSON object (${reason}), so export the file again with a safetensors writer`,
  ),
  header_key_twice: message(
    'R0104',
    ({ file, key }: InFile & { key: string }) =>
      `the header of ${file} has the key ${key} twice and each key must be unique, so export the file again`,
  ),
  header_entry: message(
    'R0105',
    ({ file, tensor, reason }: InTensor & { reason: string }) =>
      `the header entry of ${tensor} in ${file} ${reason}, and exactly dtype, shape and data_offsets are expected, so export the file again`,
  ),
  tensor_dtype_unread: message(
    'R0106',
    ({ file, tensor, dtype, known }: InTensor & { dtype: string; known: readonly string[] }) =>
      `${tensor} in ${file} has dtype ${dtype} and the runtime reads ${list(known)}, so convert the tensor to one of them`,
  ),
  tensor_bytes: message(
    'R0107',
    ({ file, tensor, found, expected }: InTensor & { found: number; expected: string }) =>
      `${tensor} in ${file} has ${found} bytes of data and its shape and dtype ask for ${expected}, so export the file again`,
  ),
  tensors_overlap: message(
    'R0108',
    ({ file, tensor, other, begin, end }: InTensor & { other: string; begin: number; end: number }) =>
      `${tensor} in ${file} starts at byte ${begin} and ${other} ends at byte ${end}, and tensors may not overlap, so export the file again`,
  ),
  hole_between_tensors: message(
    'R0109',
    ({ file, tensor, begin, end }: InTensor & { begin: number; end: number }) =>
      `${file} has bytes ${end} to ${begin} before ${tensor} that belong to no tensor, and the data may have no holes, so export the file again`,
  ),
  file_size: message(
    'R0110',
    ({ file, found, expected }: InFile & { found: number; expected: number }) =>
      `${file} has ${found} bytes and its header describes ${expected}, so fetch the file again`,
  ),
  unknown_tensor: message(
    'R0111',
    ({ file, tensor, near }: InTensor & { near: string | undefined }) =>
      `${file} has no tensor ${tensor}${suggestion(near)}; its \`tensors\` has the names`,
  ),
  metadata: message(
    'R0112',
    ({ file, reason }: InFile & { reason: string }) =>
      `the metadata of ${file} ${reason} and safetensors metadata maps text to text, so export the file again`,
  ),
  shard_outside_folder: message(
    'R0113',
    ({ file, shard }: InFile & { shard: string }) =>
      `${file} names the shard ${shard} and shards must lie in the directory of the index, so copy the shard there and correct the name`,
  ),
  tensor_not_in_shard: message(
    'R0114',
    ({ file, tensor, shard }: InTensor & { shard: string }) =>
      `${file} says that ${tensor} is in ${shard} and it is not there, so fetch the shard and the index of one and the same release`,
  ),
  tensor_in_two_files: message(
    'R0115',
    ({ tensor, file, other }: InTensor & { other: string }) =>
      `${tensor} is in ${other} and in ${file}, and each tensor must be in one file only, so remove one of the two files`,
  ),
  tensor_not_in_index: message(
    'R0116',
    ({ file, tensor, shard }: InTensor & { shard: string }) =>
      `${shard} holds ${tensor} and ${file} does not list it, so fetch the shard and the index of one and the same release`,
  ),
  index_form: message(
    'R0117',
    ({ file, reason }: InFile & { reason: string }) =>
      `the index ${file} ${reason}, and an object with a weight_map of tensor names to file names is expected`,
  ),
  weights_not_opened: message(
    'R0118',
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} cannot be opened as weights because ${reason}; give a file of weights, an index or a directory with them`,
  ),
  written_tensor_bytes: message(
    'R0119',
    ({ file, tensor, found, expected }: InTensor & { found: number; expected: number }) =>
      `${tensor} for ${file} delivered ${found} bytes of data and its shape and dtype ask for ${expected}, so nothing was written`,
  ),
  reserved_tensor_name: message(
    'R0120',
    ({ tensor }: { tensor: string }) =>
      `a tensor cannot be named ${tensor}, which safetensors keeps for metadata, so rename it`,
  ),
  weights_not_read: message(
    'R0121',
    ({ file, offset, length, reason }: InFile & { offset: number; length: number; reason: string }) =>
      `${length} bytes at offset ${offset} of ${file} could not be read (${reason}), so check that the file is complete and reachable`,
  ),
  weights_not_written: message(
    'R0122',
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} was not written (${reason}) and no partial file was left behind, so check the directory and its free space`,
  ),
  foreign_weights: message(
    'R0123',
    ({ file, what, fix }: InFile & { what: string; fix: string }) =>
      `${file} is ${what}, which is not read as weights here, so ${fix}`,
  ),
} as const;
