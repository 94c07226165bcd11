/** Ctrl-C while something trains. */
import type { Output } from '../output.ts';

/** Exit code after Ctrl-C: 128 + SIGINT. */
export const INTERRUPTED = 130;

/** Ctrl-C once: the step under way is finished and saved. Twice: out at once. */
export function onInterrupt(output: Output): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    output.note('stopping after this step; press Ctrl-C again to stop at once');
    controller.abort();
  };
  process.on('SIGINT', stop);
  return { signal: controller.signal, dispose: () => void process.off('SIGINT', stop) };
}
