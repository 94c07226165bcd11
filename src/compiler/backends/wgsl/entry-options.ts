/** What lowering an entry is told beside the graph. */
import type { CachePort, IntegerRange } from '../../../shared/artifact.ts';
import type { AfterPass } from '../../ir/graph.ts';
import type { KernelReport } from './plan/kernel-report.ts';

export interface EntryOptions {
  readonly cache?: readonly CachePort[];
  /** output → the input whose buffer it takes over */
  readonly donations?: ReadonlyMap<string, string>;
  /** of inputs, by name, that are checked before a run */
  readonly ranges?: ReadonlyMap<string, IntegerRange>;
  readonly after?: AfterPass | undefined;
  /** called with what each kernel computes and why it ends where it does */
  readonly onKernels?: ((kernels: readonly KernelReport[]) => void) | undefined;
}
