/** What `mdl compile` is told. */
import type { TargetName } from '../../targets/names.ts';
import type { SettingsOptions, WeightsOptions } from '../../workbench/model.ts';

export interface CompileOptions extends SettingsOptions, WeightsOptions {
  readonly out: string;
  readonly opset: string;
  readonly entry: readonly string[];
  readonly target: TargetName;
  readonly weightsDtype?: 'f32' | 'f16';
  /** the stage whose training is compiled too */
  readonly stage?: string;
  /** a pass, after which the graphs are printed */
  readonly printAfter?: string;
}
