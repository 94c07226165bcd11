/**
 * What runs the model: a session on WebGPU or on ONNX Runtime, with what lessons have changed and times of what ran. The
 * page knows no more of backends than their names.
 */
import {
  openSession,
  type Runner,
  RuntimeError,
  type RuntimeErrorCode,
  type Session,
  Tokenizer,
} from 'mdl-compiler/runtime';
import { MODEL, ORT } from './places.ts';
import { type Timing, Timings } from './timings.ts';
import { type Learned, weightsWith } from './weights.ts';

export const CHOICES = ['auto', 'webgpu', 'onnx'] as const;
/** What can be asked for; `auto`: WebGPU where there is a hardware adapter. */
export type Choice = (typeof CHOICES)[number];
export type BackendName = Exclude<Choice, 'auto'>;

export interface Engine {
  readonly backend: BackendName;
  /** why this backend, where it was not asked for by name */
  readonly why: string | undefined;
  readonly session: Session;
  /** the session, with times taken where the device can and the page wants them */
  readonly runner: Runner;
  readonly tokenizer: Tokenizer;
  readonly learned: Learned;
  /** of what has run since the last call */
  takeTimings(): Promise<{ readonly rows: readonly Timing[]; readonly note: string }>;
  dispose(): Promise<void>;
}

const NOTHING: Learned = new Map();

/** The runtime's codes for a lost device, and for one that takes no times. */
const DEVICE_LOST: RuntimeErrorCode = 'R1003';
const NO_TIMESTAMPS: RuntimeErrorCode = 'R1013';

const codeOf = (error: unknown): string | undefined => (error instanceof RuntimeError ? error.code : undefined);

/** Whether an error says that the device is gone, and `session.recover()` is worth offering. */
export const isDeviceLoss = (error: unknown): boolean => codeOf(error) === DEVICE_LOST;

/**
 * The model as its files are.
 * @throws RuntimeError R1001, R1002 when WebGPU is asked for and there is no adapter for it, R02xx when the model is not there
 */
export async function openEngine(backend: Choice): Promise<Engine> {
  const session = await openSession(MODEL, { backend, weights: weightsWith(NOTHING), ...ORT });
  const answer = await fetch(`${MODEL}/tokenizer.json`);
  return engineOf(session, Tokenizer.from(await answer.text()), { learned: NOTHING, why: session.info().why });
}

/** An engine around a session that is open; training makes such sessions. */
export function engineOf(
  session: Session,
  tokenizer: Tokenizer,
  { learned, why }: Pick<Engine, 'learned' | 'why'>,
): Engine {
  const plain: Runner = session;
  const backend = session.info().backend.startsWith('webgpu') ? 'webgpu' : 'onnx';
  const timings = new Timings(session, backend);
  const runner: Runner = {
    manifest: session.manifest,
    upload: (tensor, label) => session.upload(tensor, label),
    async run(entry, feeds, options) {
      const profile = timings.wanted;
      try {
        return await plain.run(entry, feeds, { ...options, profile });
      } catch (error) {
        if (!profile || codeOf(error) !== NO_TIMESTAMPS) throw error;
        timings.refused();
        return plain.run(entry, feeds, options);
      }
    },
  };
  return {
    backend,
    why,
    session,
    runner,
    tokenizer,
    learned,
    takeTimings: () => timings.take(),
    dispose: () => session.dispose(),
  };
}
