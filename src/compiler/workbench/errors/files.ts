/** Files, weights and what a target refuses: C01. A part of the catalogue of ../errors.ts. */
import type { IntegerDetails } from '../../backends/wgsl/plan/integer-error.ts';
import type { LimitDetails } from '../../backends/wgsl/plan/limit-error.ts';
import { entry } from './entry.ts';

export const CLI_FILES = {
  checkpoint_misfit: entry(
    'C0101',
    ({ problems, checkpoint }: { problems: number; checkpoint: string }) =>
      `the checkpoint ${checkpoint} does not fit the model: ${problems} ${problems === 1 ? 'key differs' : 'keys differ'}`,
    'Every parameter of the model must be in the checkpoint with its shape, and every key of the checkpoint must be known to the model. Silent partial loads are how models end up "newly initialised" without anyone noticing. Keys of components that a flag switched off are reported as unused, not as errors. `--allow-missing PATTERN` and `--allow-unexpected PATTERN` (`**` for all) accept the rest.',
  ),
  weight_not_finite: entry(
    'C0102',
    ({ key, index, value }: { key: string; index: number; value: string }) =>
      `${key} holds ${value} at element ${index}, and weights must be finite`,
    'A NaN or infinity in a weight makes every output NaN. The file is damaged, or training diverged before it was saved.',
  ),
  option_value: entry(
    'C0103',
    ({ option, text, expected }: { option: string; text: string; expected: string }) =>
      `${option} is ${JSON.stringify(text)}, and ${expected} was expected`,
    'The value of a command-line option has another form than it needs.',
  ),
  file_not_read: entry(
    'C0104',
    ({ what, file, reason }: { what: string; file: string; reason: string }) =>
      `${what} ${file} cannot be read: ${reason}`,
    'The file is missing, is a directory, or may not be read.',
  ),
  file_not_written: entry(
    'C0105',
    ({ file, reason }: { file: string; reason: string }) => `${file} cannot be written: ${reason}`,
    'The disk is full, the folder is read-only, or a folder is in the way. Files are written under a temporary name and renamed, so that nothing half-written remains.',
  ),
  weights_needed: entry(
    'C0106',
    ({ weights }: { weights: string }) =>
      `${weights}, and this command runs the model: give --weights FILE or --init SEED`,
    'Running a model needs numbers: a checkpoint (`--weights`) or seeded random ones (`--init`).',
  ),
  unknown_code: entry(
    'C0107',
    ({ code }: { code: string }) => `there is no message with the code ${code}`,
    'Codes are an E, W, R or C and four digits, such as E0302. docs/diagnostics.md lists them all.',
  ),
  config_file: entry(
    'C0108',
    ({ file, reason }: { file: string; reason: string }) => `the config file ${file} is no JSON object: ${reason}`,
    'A config file is JSON: an object with the records of the config and, at its top, flags as true or false.',
  ),
  unknown_pass: entry(
    'C0109',
    ({ pass, passes }: { pass: string; passes: string }) => `there is no pass ${pass}: the passes are ${passes}`,
    '`--print-after` takes the name of a pass: `trace` for the graph before the first, those of the pipeline, of training and, in `mdl compile`, of the target.',
  ),
  not_resampled: entry(
    'C0110',
    ({ key, reason }: { key: string; reason: string }) => `${key} cannot be resampled: ${reason}`,
    'A table of learned positions can be resampled to another size only between square grids, after the rows of its prefix (the class token).',
  ),
  image_unusable: entry(
    'C0111',
    ({ file, reason }: { file: string; reason: string }) => `the image ${file} cannot be used: ${reason}`,
    'Images are PNG or JPEG files, whatever their names; the first bytes of the file decide.',
  ),
  tokenizer_unusable: entry(
    'C0112',
    ({ file, reason }: { file: string; reason: string }) => `the tokenizer ${file} cannot be used: ${reason}`,
    'Text becomes token ids by the vocabulary the weights were trained with. The recipe of the model names its file (its setting `tokenizer`), beside the .mdl file; `--tokenizer FILE` names another. The released model uses the tokenizer.json of microsoft/phi-2.',
  ),
  f16_overflow: entry(
    'C0113',
    ({ key, index, value }: { key: string; index: number; value: string }) =>
      `${key} holds ${value} at element ${index}, which f16 cannot hold: leave --weights-dtype out`,
    'The largest number of f16 is 65504. Numbers past it would become infinite, and every output NaN. Matrices stored as f32 hold them.',
  ),
  too_many_buffers: entry(
    'C0114',
    ({ entry: name, origin, found, limit, parameter, shards }: LimitDetails) =>
      `the entry ${name} cannot be compiled to WebGPU: a kernel binds ${found} storage buffers and ${limit} are allowed; ${parameter} alone lies in ${shards} (${origin})`,
    'WebGPU promises 8 storage buffers in a dispatch, of 128 MiB each, so a larger parameter lies in several: five or six of them are the most that leave room for what is read and written beside it. Store matrices as halves (`--weights-dtype f16`), make the parameter smaller, or compile to ONNX.',
  ),
  probe_kernel_wrong: entry(
    'C0115',
    (details: { adapter: string; kernel: string; index: number; found: number; expected: number }) =>
      `the adapter ${details.adapter} computes the ${details.kernel} that limits are measured with wrong: element ${details.index} is ${details.found}, and ${details.expected} was expected`,
    'What `--measure` compares a plan with are kernels whose results are known. Where one of them is wrong, the driver or the adapter is not to be trusted, and no time that it gives means anything: update the driver, or name another one.',
  ),
  integer_range: entry(
    'C0116',
    ({ entry: name, value, origin }: IntegerDetails) =>
      `the entry ${name} cannot be compiled to WebGPU: it computes with the integer ${value}, and integers there have 32 bits (${origin})`,
    'WGSL has no 64-bit integers, so those of a WebGPU plan go from -2147483648 to 2147483647. Numbers that are known are checked when a model is compiled, inputs when they are fed, and what is computed from them after each run. Compute with smaller integers, or compile to ONNX, where they have 64 bits.',
  ),
} as const;
