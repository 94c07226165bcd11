/** C0506–C0508, C0524–C0531, C0635, C0671, C0672: weights and caches that cannot be quantised as was asked; a part of the catalogue of ../errors.ts. */
import type { QuantiseProblems } from '../../quantise/problem.ts';
import { entry } from './entry.ts';

export const CLI_QUANTISE = {
  quantise_use: entry(
    'C0524',
    ({ key, op, origin, where }: QuantiseProblems['quantise_use']) =>
      `${where} quantises ${key}, and ${op} at ${origin} sums along its first axis, where groups lie along the last`,
    'A group shares a scale among numbers that one sum adds up. `linear(x, w)` and `x · wᵀ` sum along the last axis of w [out, in], along which groups lie; `x · w` sums along the first. Store the matrix as [out, in] and take `linear`, or leave it f32.',
  ),
  quantise_trained: entry(
    'C0525',
    ({ key, where }: QuantiseProblems['quantise_trained']) =>
      `${where} quantises ${key}, which the stage trains: a code has no gradient`,
    'Integers have no gradient, so that what trains is f32. Freeze the matrix (LoRA beside it trains through the numbers that its codes stand for), or take the key out of `quantise` for this stage, by a flag: `quantise … when frozen`.',
  ),
  quantise_opset: entry(
    'C0526',
    ({ key, opset }: QuantiseProblems['quantise_opset']) =>
      `${key} is quantised, and opset ${opset} of ONNX has no DequantizeLinear with groups: give \`--opset 23\``,
    'ONNX has groups (`block_size`) in DequantizeLinear from opset 21 on. With an older opset the matrix would have to be stored as f32, and would be as large as before.',
  ),
  quantise_name: entry(
    'C0527',
    ({ key, part }: QuantiseProblems['quantise_name']) =>
      `${key} is quantised and stored as its parts, and the model has a parameter ${part} of its own: give that one another key`,
    'In weights files a quantised matrix is three tensors: KEY.codes, KEY.scales and, with zero points, KEY.zeros. A parameter of the model with such a key would be a second tensor of that name.',
  ),
  cache_none: entry(
    'C0671',
    ({ stored, entries }: QuantiseProblems['cache_none']) =>
      `caches are to be stored as ${stored}, and no entry of ${entries.join(', ') || 'the model'} has one: write \`cache P "past_key_values" -> "present"\` in an entry, or leave --cache-dtype out`,
    'A cache keeps keys and values between two steps of an entry that says so; `cached(…)` in its modules names what is kept. Without one there is nothing that could be stored in fewer bytes.',
  ),
  cache_width: entry(
    'C0672',
    ({ port, stored, width }: QuantiseProblems['cache_width']) =>
      `${port} has rows of ${width}, and WebGPU stores caches as ${stored} where they are a multiple of 4: leave --cache-dtype out, or compile to onnx`,
    'On the device four neighbours are stored at once, two or one word of 32 bits, so that no two invocations write into one word.',
  ),
  calibration_loss: entry(
    'C0506',
    ({ model, entry, entries }: { model: string; entry: string; entries: readonly string[] }) =>
      `--calibrate runs the entry ${entry}, and ${model} has ${entries.join(', ') || 'no entries'}: write \`entry ${entry}(…) -> (loss: []) { … }\`, or leave --calibrate out`,
    'Calibration looks at what matrices are multiplied with while the loss of real batches is computed, and judges quantised weights by that loss. It takes the entry that the last stage minimises, as `mdl train` does.',
  ),
  calibration_not_finite: entry(
    'C0507',
    ({ key, batch, value }: { key: string; batch: number; value: string }) =>
      `batch ${batch} of --calibrate multiplies ${key} with ${value}: find the NaN in the data or the weights`,
    'Codes that follow from a NaN or an infinity would be codes of nothing, and every number of the matrix would depend on it. `mdl run --entry loss --tap PATH` shows where a batch first stops being finite.',
  ),
  calibration_unreached: entry(
    'C0508',
    ({ keys }: { keys: readonly string[] }) =>
      `no product of the loss reads ${keys.slice(0, 3).join(', ')}${keys.length > 3 ? ` and ${keys.length - 3} more` : ''}, so gptq has no inputs to go by: take method = "nearest" or "hqq" there`,
    'GPTQ minimises the error of products, for inputs as they come. A table whose rows are looked up, or a matrix of an entry that the loss does not go through, has no such inputs.',
  ),
  calibration_batches: entry(
    'C0635',
    ({ given, most }: { given: number; most: number }) =>
      `--calibrate-batches is ${given}, and at most ${most} batches are looked at: give a smaller number`,
    'The loss runs on each batch, and with `--quantise-report` on as many again, twice. Codes hardly change after some hundred rows (GPTQ used 128 texts of 2,048 tokens), so more batches would take hours and give the same.',
  ),
} as const;
