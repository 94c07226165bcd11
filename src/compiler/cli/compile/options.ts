/** What `mdl compile` is told. */
import type { CacheStorage } from '../../../shared/cache-storage.ts';
import type { TargetName } from '../../targets/names.ts';
import type { SettingsOptions, WeightsOptions } from '../../workbench/model.ts';
import type { CalibrationOptions } from '../../workbench/quantise/calibrated.ts';

/** How matrices are stored. */
export const WEIGHTS_DTYPES = ['f32', 'f16', 'int8', 'int4'] as const;
export type WeightsDType = (typeof WEIGHTS_DTYPES)[number];

/** Which of them are integers: what `graphsOf` is told. */
export const asIntegers = (dtype: WeightsDType | undefined): 'int4' | 'int8' | undefined =>
  dtype === 'int4' || dtype === 'int8' ? dtype : undefined;

export interface CompileOptions extends SettingsOptions, WeightsOptions, CalibrationOptions {
  readonly out: string;
  readonly opset: string;
  readonly entry: readonly string[];
  readonly target: TargetName;
  readonly weightsDtype?: WeightsDType;
  /** how keys and values of caches are stored; f32 when absent */
  readonly cacheDtype?: CacheStorage;
  /** ONNX Runtime's own operators for quantised matrices */
  readonly contribOps?: boolean;
  /** MiB of a weights file */
  readonly shardMb?: number;
  /** the stage whose training is compiled too */
  readonly stage?: string;
  /** a pass, after which the graphs are printed */
  readonly printAfter?: string;
}
