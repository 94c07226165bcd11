/** A job in a worker of its own, from the page's side. */
import type { AnyJob, Heard } from './protocol.ts';
import { STOP } from './protocol.ts';

export type Ended = Extract<Heard, { kind: 'ran' | 'trained' | 'kept' }>;
type Step = Extract<Heard, { kind: 'step' }>['record'];

export interface JobEvents {
  onNote(text: string): void;
  onStep?(record: Step): void;
}

export interface Running {
  readonly done: Promise<Ended>;
  /** ends after the step under way, with what was learned until then */
  stop(): void;
  /** ends at once, with nothing */
  cancel(): void;
}

export class Cancelled extends Error {}

export function start(job: AnyJob, events: JobEvents): Running {
  const worker = new Worker('run.js', { type: 'module', name: job.kind });
  let give: (reason: Error) => void = () => {};
  const done = new Promise<Ended>((resolve, reject) => {
    give = reject;
    worker.addEventListener('message', ({ data }: MessageEvent<Heard>) => {
      if (data.kind === 'note') events.onNote(data.text);
      else if (data.kind === 'step') events.onStep?.(data.record);
      else if (data.kind === 'failed') reject(new Error(data.message));
      else resolve(data);
    });
    worker.addEventListener('error', ({ message }) =>
      reject(new Error(message || 'the run worker could not be loaded')),
    );
  }).finally(() => worker.terminate());
  worker.postMessage(job);
  return {
    done,
    stop: () => worker.postMessage(STOP),
    cancel: () => give(new Cancelled('cancelled')),
  };
}
