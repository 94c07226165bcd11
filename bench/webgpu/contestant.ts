/**
 * What takes part in the benchmark: one file per contestant, one object of this shape.
 */
import type { Problem } from './problem.ts';

/** Numbers that were read back, by the names of `answerOf`. */
export type Results = Readonly<Record<string, Float32Array>>;

export interface Prepared {
  /**
   * Once: submits the work, waits for it and reads back what a user of it would: the row's outputs, or a training
   * step's loss. Everything that does not change is on the device already.
   */
  run(): Promise<Results>;
  /** Called once after the first run: the rest of what is compared, where it stayed on the device. */
  details?(): Promise<Results>;
  dispose?(): void | Promise<void>;
}

export interface Contestant {
  /** library, version, and what else its numbers depend on */
  readonly about: string;
  /** whether it talks to the WebGPU objects of this process, so that its dispatches can be counted */
  readonly counted: boolean;
  /** Compiles, uploads. @throws Unsupported */
  prepare(problem: Problem): Promise<Prepared>;
}

/** A row that a contestant has no way to do. */
export class Unsupported extends Error {}

/** By the name in the table; loaded in a process of their own, because peers change globals and some bring their own Dawn. */
export const CONTESTANTS: Readonly<Record<string, () => Promise<Contestant>>> = {
  mdl: async () => (await import('./ours.ts')).default(),
  'jax-js': async () => (await import('./peers/jax.ts')).default(),
  tfjs: async () => (await import('./peers/tfjs.ts')).default(),
  ort: async () => (await import('./peers/ort.ts')).native('webgpu'),
  'ort-web': async () => (await import('./peers/ort.ts')).web(),
  'ort-cpu': async () => (await import('./peers/ort.ts')).native('cpu'),
};
