/** The errors of checkpoints in other formats than safetensors, R118–R121; part of the messages in ../errors.ts, which says how they are written. */
import { message } from '../message.ts';

type InFile = { readonly file: string };
type InTensor = { readonly file: string; readonly tensor: string };

export const CHECKPOINT_MESSAGES = {
  file_damaged: message(
    'R1180',
    ({ file, format, reason }: InFile & { format: string; reason: string }) =>
      `${file} is damaged as ${format}: ${reason}; fetch or save the file again`,
  ),
  forbidden_call: message(
    'R1181',
    ({ file, callee }: InFile & { callee: string }) =>
      `${file} is a pickle that calls ${callee}, and only what makes dicts, lists and tensors is read (nothing is run), so save its state_dict() in Python`,
  ),
  tensor_view: message(
    'R1182',
    ({ file, tensor, reason }: InTensor & { reason: string }) =>
      `${tensor} in ${file} ${reason}, so save the file again`,
  ),
  byte_order: message(
    'R1183',
    ({ file, order }: InFile & { order: string }) =>
      `${file} was written in the byte order ${JSON.stringify(order)} and little-endian files are read, so save it again on such a machine`,
  ),
  view_repeats: message(
    'R1184',
    ({ file, tensor, bytes, storage }: InTensor & { bytes: number; storage: number }) =>
      `${tensor} in ${file} is a view of ${bytes} bytes that repeats a storage of ${storage}, so save it as .contiguous()`,
  ),
  weights_part: message(
    'R1185',
    ({ file, part, known }: InFile & { part: string; known: readonly string[] }) =>
      `${file} has no tensor under ${part}. and ${known.length > 0 ? `its first levels are ${known.join(', ')}` : 'its keys have no levels'}, so name one of them behind the #`,
  ),
  several_weights_files: message(
    'R1186',
    ({ file, names }: InFile & { names: readonly string[] }) =>
      `the folder ${file} has ${names.length} files that could be its weights (${names.join(', ')}) and no index, so give the one that is meant`,
  ),
  external_data: message(
    'R1187',
    ({ file, tensor, data, reason }: InTensor & { data: string; reason: string }) =>
      `${file} says that ${tensor} lies in ${data}, and ${reason}, so put the data file beside the model as it was exported`,
  ),
  misplaced_tensor: message(
    'R1188',
    ({ file, what, where, expected }: InFile & { what: string; where: string; expected: string }) =>
      `${file} has ${what} at ${where}, and ${expected} expected, so save a dict of tensors`,
  ),
  format_version: message(
    'R1189',
    ({ file, format, version, known }: InFile & { format: string; version: string; known: string }) =>
      `${file} has version ${version} of ${format} and ${known} are read, so write it again with a current tool`,
  ),
} as const;
