/** Options of `mdl summary`. */
import type { SettingsOptions } from '../../workbench/model.ts';

export interface SummaryOptions extends SettingsOptions {
  readonly depth?: number;
  readonly keys?: boolean;
  /** how matrices are stored, for bytes by component */
  readonly weightsDtype?: 'f32' | 'int8' | 'int4';
  /** what this stage trains and saves, instead */
  readonly stage?: string;
  /** with stage: `B=16,T=48` */
  readonly dims?: string;
}
