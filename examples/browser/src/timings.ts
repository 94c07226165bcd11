/** Times of what a session ran: of kernels where the device takes timestamps, of whole entries elsewhere. */
import type { Session, StepTime } from 'mdl-compiler/runtime';
import { byId } from './dom.ts';

/** Time of one kernel, or of one entry where the backend shows no kernels. */
export interface Timing {
  readonly label: string;
  /** the line of the model that it comes from, or what is known instead */
  readonly origin: string;
  readonly runs: number;
  readonly ms: number;
  readonly flops?: number;
  /** read and written, at least */
  readonly bytes?: number;
}

const NOTES = {
  kernels:
    'Times are the device’s own timestamps, which browsers may round to 0.1 ms. With a pass of its own for each kernel, answers take longer.',
  off: 'Whole entries; check the box to see kernels.',
  refused: 'Whole entries: this device grants the page no timestamps (timestamp-query).',
  onnx: 'Whole entries: ONNX Runtime tells no kernels apart.',
} as const;

export class Timings {
  private readonly session: Session;
  private readonly backend: 'onnx' | 'webgpu';
  private readonly box = byId('profile', HTMLInputElement);
  private granted = true;
  private before: readonly Timing[];

  constructor(session: Session, backend: 'onnx' | 'webgpu') {
    this.session = session;
    this.backend = backend;
    this.before = entryTimings(session);
  }

  get wanted(): boolean {
    return this.backend === 'webgpu' && this.granted && this.box.checked;
  }

  /** The device takes no times. */
  refused(): void {
    this.granted = false;
  }

  /** Of what has run since the last call. */
  async take(): Promise<{ readonly rows: readonly Timing[]; readonly note: string }> {
    const after = entryTimings(this.session);
    const entries = difference(this.before, after);
    this.before = after;
    const kernels = kernelTimings(await this.session.takeProfile());
    if (kernels.length > 0) return { rows: kernels, note: NOTES.kernels };
    const note = this.backend === 'onnx' ? NOTES.onnx : this.granted ? NOTES.off : NOTES.refused;
    return { rows: entries, note };
  }
}

function entryTimings(session: Session): Timing[] {
  const { entries } = session.info();
  return Object.entries(entries)
    .filter(([, { runs }]) => runs > 0)
    .map(([label, { runs, milliseconds }]) => ({
      label,
      origin: `entry of ${session.manifest.model.source}`,
      runs,
      ms: milliseconds,
    }));
}

/** What ran between two readings. */
function difference(before: readonly Timing[], after: readonly Timing[]): Timing[] {
  const earlier = new Map(before.map((timing) => [timing.label, timing]));
  return after.flatMap((timing) => {
    const { runs, ms } = earlier.get(timing.label) ?? { runs: 0, ms: 0 };
    return timing.runs > runs ? [{ ...timing, runs: timing.runs - runs, ms: timing.ms - ms }] : [];
  });
}

/** Steps of the same kernel from the same line of the model, added up over layers (`layers.*.mlp`). */
function kernelTimings(steps: readonly StepTime[]): Timing[] {
  const sums = new Map<string, Timing>();
  for (const { label, origin: place, ms, flops, bytes } of steps) {
    const places = place.replaceAll(/\.\d+(?=\.)/g, '.*').split(' ‖ ');
    const origin = [...new Set(places)].join(' ‖ ');
    const key = `${label} ${origin}`;
    const sum = sums.get(key);
    sums.set(key, {
      label,
      origin,
      runs: (sum?.runs ?? 0) + 1,
      ms: (sum?.ms ?? 0) + ms,
      flops: (sum?.flops ?? 0) + flops,
      bytes: (sum?.bytes ?? 0) + bytes,
    });
  }
  return [...sums.values()];
}
