/** One step of a profiled run, on backends that can tell. */
export interface StepTime {
  readonly entry: string;
  /** the kernel: `layer_norm → linear` */
  readonly label: string;
  /** module path and .mdl line */
  readonly origin: string;
  /** since the first step of its run, in milliseconds */
  readonly start: number;
  readonly ms: number;
  readonly flops: number;
  /** that must be read and written at least */
  readonly bytes: number;
}
