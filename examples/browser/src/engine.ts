/**
 * What runs the model. The page knows this interface and nothing of backends, so that a backend is a line in `BACKENDS`
 * and a choice in the page.
 */
import {
  openSession,
  type Runner,
  RuntimeError,
  type RuntimeErrorCode,
  type Session,
  type StepTime,
  Tokenizer,
} from 'mdl-compiler/runtime';
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
  /** the session, with times taken where the device can */
  readonly runner: Runner;
  readonly tokenizer: Tokenizer;
  /** of what has run since the last call */
  takeTimings(): Promise<readonly Timing[]>;
  dispose(): Promise<void>;
}

export const BACKENDS = ['onnx', 'webgpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Where the compiled model and ONNX Runtime's WebAssembly lie, relative to the page. */
const MODEL = 'model';
const WASM = 'ort/ort-wasm-simd-threaded.wasm';

/** The runtime's codes for a lost device, and for one that takes no times. */
const DEVICE_LOST: RuntimeErrorCode = 'R1003';
const NO_TIMESTAMPS: RuntimeErrorCode = 'R1013';

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
  const plain: Runner = session;
  let profile = true;
  let before = entryTimings(session);
  const runner: Runner = {
    manifest: session.manifest,
    upload: (tensor, label) => session.upload(tensor, label),
    async run(entry, feeds, options) {
      try {
        return await plain.run(entry, feeds, { ...options, profile });
      } catch (error) {
        if (!profile || codeOf(error) !== NO_TIMESTAMPS) throw error;
        profile = false;
        return plain.run(entry, feeds, options);
      }
    },
  };
  return {
    session,
    runner,
    tokenizer,
    async takeTimings() {
      const after = entryTimings(session);
      const entries = difference(before, after);
      before = after;
      const kernels = kernelTimings(await session.takeProfile());
      return kernels.length > 0 ? kernels : entries;
    },
    dispose: () => session.dispose(),
  };
}

const codeOf = (error: unknown): string | undefined => (error instanceof RuntimeError ? error.code : undefined);

/** Whether an error says that the device is gone, and `session.recover()` is worth offering. */
export const isDeviceLoss = (error: unknown): boolean => codeOf(error) === DEVICE_LOST;

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
function difference(before: readonly Timing[], after: readonly Timing[]): Timing[] {
  const earlier = new Map(before.map((timing) => [timing.label, timing]));
  return after.flatMap((timing) => {
    const { runs, ms } = earlier.get(timing.label) ?? { runs: 0, ms: 0 };
    return timing.runs > runs ? [{ ...timing, runs: timing.runs - runs, ms: timing.ms - ms }] : [];
  });
}

/** Steps of the same kernel from the same line of the model, added up. */
function kernelTimings(steps: readonly StepTime[]): Timing[] {
  const sums = new Map<string, Timing>();
  for (const { label, origin, ms, flops, bytes } of steps) {
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
