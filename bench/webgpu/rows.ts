/**
 * What is compared: one row per piece of work, with an MDL model, the sizes of its inputs and how near the answer has to be.
 * Sizes are those of TinyGPT-V's parts (257 patches 1408 wide, a decoder 2560 wide), or small enough for a software adapter.
 */

interface Work {
  readonly name: string;
  /** in bench/webgpu/models */
  readonly file: string;
  readonly config: string;
  /** sizes of the entry's dynamic dims */
  readonly dims: Readonly<Record<string, number>>;
  /**
   * The largest difference allowed, as a part of the largest number of the expected tensor: f32 in any order of
   * summation is two orders better than this, and a missing term or a wrong mask is far worse.
   */
  readonly tolerance: number;
}

export interface InferenceRow extends Work {
  readonly kind: 'inference';
  readonly entry: string;
  /** the outputs that are read back and compared; what else the entry gives may stay on the device */
  readonly outputs: readonly string[];
}

/** The gradient of the model's `loss` and an AdamW update of everything. */
export interface TrainingRow extends Work {
  readonly kind: 'training';
  readonly stage: string;
}

export type Row = InferenceRow | TrainingRow;

const inference = (
  name: string,
  file: string,
  config: string,
  entry: string,
  dims: Readonly<Record<string, number>>,
  output = 'y',
): InferenceRow => ({ kind: 'inference', name, file, config, entry, dims, outputs: [output], tolerance: 1e-4 });

export const ROWS: readonly Row[] = [
  inference('gemm 512x512x512', 'gemm.mdl', 'square', 'product', { M: 512 }),
  inference('gemm 257x1408x1408', 'gemm.mdl', 'patches', 'product', { M: 257 }),
  inference('gemv 1x2560x2560', 'gemm.mdl', 'token', 'product', { M: 1 }),
  inference('layer_norm 257x1408', 'layer_norm.mdl', 'patches', 'normalise', { R: 257 }),
  inference('softmax 257x1408', 'softmax.mdl', 'patches', 'probabilities', { R: 257 }),
  inference('gelu 257x1408', 'gelu.mdl', 'patches', 'activate', { R: 257 }),
  inference('attention 1x8x128x64', 'attention.mdl', 'heads', 'attend', { B: 1, T: 128 }),
  inference('phi layer, T 64', 'phi_layer.mdl', 'layer', 'apply', { B: 1, T: 64 }),
  inference('decode step, 4 layers, P 128', 'phi_decode.mdl', 'small', 'decode', { B: 1, T: 1, P: 128 }, 'logits'),
  {
    kind: 'training',
    name: 'training step, 2 layers, 2x64',
    file: 'phi_training.mdl',
    config: 'small',
    stage: 'pretrain',
    dims: { B: 2, T: 64 },
    tolerance: 1e-3,
  },
];

/** @throws Error when nothing has such a name */
export function rowOf(name: string): Row {
  const row = ROWS.find((candidate) => candidate.name === name);
  if (!row) throw new Error(`no row is called ${name}`);
  return row;
}
