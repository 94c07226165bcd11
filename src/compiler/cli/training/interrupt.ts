/** Signals while something trains: Ctrl-C, a scheduler's SIGTERM, a terminal that is closed. */
import { constants } from 'node:os';
import type { Output } from '../output.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** 128 + the number of the signal that came, as shells have it */
  readonly exitCode: number;
  dispose(): void;
}

/** The first signal: the step under way is finished and saved. A second one: out at once. */
export function onInterrupt(output: Output): Interrupt {
  const controller = new AbortController();
  let exitCode = 0;
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(exitCode);
    exitCode = 128 + constants.signals[name];
    // what is written to a terminal that is gone must not end the process before it has saved
    if (name === 'SIGHUP') for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    output.note(
      name === 'SIGINT'
        ? 'stopping after this step; press Ctrl-C again to stop at once'
        : `${name}: stopping after this step`,
    );
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, stop);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    dispose: () => {
      for (const name of SIGNALS) process.off(name, stop);
    },
  };
}
