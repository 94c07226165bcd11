/** What the page asks a run worker, and what it hears. A worker does one thing and is gone. */
import type { StepRecord } from 'mdl-compiler/runtime';
import type { Snapshot } from '../project.ts';

export const BACKENDS = ['auto', 'webgpu', 'onnx', 'reference'] as const;
/** `auto`: WebGPU where there is a hardware adapter, else ONNX Runtime. */
export type BackendChoice = (typeof BACKENDS)[number];

/** Where the numbers of the weights come from: a seed, or a file of safetensors with the model's keys. */
export interface WeightsChoice {
  readonly seed: number;
  readonly file?: { readonly name: string; readonly bytes: Uint8Array };
}

interface Job {
  readonly project: Snapshot;
  readonly backend: BackendChoice;
  readonly weights: WeightsChoice;
  /** of the entry's dynamic dims */
  readonly sizes: Readonly<Record<string, number>>;
}

/** What an input is fed with: numbers from the seed, one number everywhere, or numbers in row-major order. */
export type InputChoice =
  | { readonly kind: 'random' }
  | { readonly kind: 'all'; readonly value: number }
  | { readonly kind: 'values'; readonly values: readonly number[] }
  | { readonly kind: 'picture'; readonly bytes: Uint8Array };

export interface RunJob extends Job {
  readonly kind: 'run';
  readonly entry: string;
  /** by input; random where one is absent */
  readonly inputs: Readonly<Record<string, InputChoice>>;
}

export interface TrainJob extends Job {
  readonly kind: 'train';
  readonly stage: string;
  readonly steps: number;
  /** instead of the stage's schedule */
  readonly learningRate?: number;
  /** one random batch that is learned by heart, or rows of bytes from a text */
  readonly data: { readonly kind: 'random' } | { readonly kind: 'text'; readonly text: string };
}

export type AnyJob = RunJob | TrainJob;

export interface Output {
  readonly name: string;
  readonly type: string;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** how many are NaN or infinite */
  readonly nonFinite: number;
  /** the first ones, in row-major order */
  readonly first: readonly number[];
  /** of the last axis */
  readonly width: number;
}

export type Heard =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'step'; readonly record: StepRecord }
  | {
      readonly kind: 'ran';
      readonly backend: string;
      readonly milliseconds: number;
      readonly outputs: readonly Output[];
    }
  | {
      readonly kind: 'trained';
      readonly backend: string;
      readonly steps: number;
      /** safetensors with what was trained, by checkpoint key */
      readonly weights: Uint8Array;
    }
  | { readonly kind: 'failed'; readonly message: string };

export const STOP = 'stop';
