/**
 * What runs the model. The page knows this interface and nothing of backends, so that a backend is a line in `BACKENDS`
 * and a choice in the page.
 */
import { openSession, RuntimeError, type Session, Tokenizer } from 'mdl-compiler/runtime';
import { env } from 'onnxruntime-web';

/** Time of one kernel, or of one entry where the backend shows no kernels. */
export interface Timing {
  readonly label: string;
  /** the line of the model that it comes from, or what is known instead */
  readonly origin: string;
  readonly runs: number;
  readonly ms: number;
  readonly flops?: number;
  /** read and written */
  readonly bytes?: number;
}

export interface Engine {
  readonly session: Session;
  readonly tokenizer: Tokenizer;
  /** of everything that has run so far, in order of first use */
  timings(): readonly Timing[];
  /** takes a new device and rebuilds what was on the one that is lost; nothing to do for backends without a device */
  recover(): Promise<void>;
  dispose(): Promise<void>;
}

export const BACKENDS = ['onnx', 'webgpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Where the compiled model and ONNX Runtime's WebAssembly lie, relative to the page. */
const MODEL = 'model';
const WASM = 'ort/ort-wasm-simd-threaded.wasm';

/** The runtime's code for a lost device. */
const DEVICE_LOST = 'R1003';

env.wasm.wasmPaths = { wasm: new URL(WASM, document.baseURI).href };
env.wasm.numThreads = 1; // threads want cross-origin isolation, which a plain web server does not give

/** @throws RuntimeError R0216 when this version or this browser lacks the backend, R02xx when the model is not there */
export async function openEngine(backend: BackendName): Promise<Engine> {
  const session = await openSession(MODEL, { backend });
  const answer = await fetch(`${MODEL}/tokenizer.json`);
  return engineOf(session, Tokenizer.from(await answer.text()));
}

/** An engine around a session that is open; training makes such sessions. */
export function engineOf(session: Session, tokenizer: Tokenizer): Engine {
  return {
    session,
    tokenizer,
    timings: () => entryTimings(session),
    recover: async () => {},
    dispose: () => session.dispose(),
  };
}

/** Whether an error says that the device is gone, and a recovery is worth offering. */
export function isDeviceLoss(error: unknown): boolean {
  return error instanceof RuntimeError && (error.code as string) === DEVICE_LOST;
}

/** ONNX Runtime tells no kernels apart: whole entries. */
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
export function timingsSince(before: readonly Timing[], after: readonly Timing[]): Timing[] {
  const key = ({ label, origin }: Timing): string => `${label} ${origin}`;
  const earlier = new Map(before.map((timing) => [key(timing), timing]));
  return after.flatMap((timing) => {
    const { runs, ms } = earlier.get(key(timing)) ?? { runs: 0, ms: 0 };
    return timing.runs > runs ? [{ ...timing, runs: timing.runs - runs, ms: timing.ms - ms }] : [];
  });
}
