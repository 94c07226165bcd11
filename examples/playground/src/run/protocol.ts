/** What the page asks a run worker, and what it hears. A worker does one thing and is gone. */
import type { StepRecord } from 'mdl-compiler/runtime';
import type { NamedFile } from '../named-file.ts';
import type { Snapshot } from '../project.ts';

export const BACKENDS = ['auto', 'webgpu', 'onnx', 'reference'] as const;
/** `auto`: WebGPU where there is a hardware adapter, else ONNX Runtime. */
export type BackendChoice = (typeof BACKENDS)[number];

/** Where the numbers of the weights come from: files of safetensors with the model's keys, the last one first; else a seed. */
export interface WeightsChoice {
  readonly seed: number;
  readonly files: readonly NamedFile[];
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
  /** one random batch that is learned by heart, or a data set as the model's recipe reads it */
  readonly data: { readonly kind: 'random' } | { readonly kind: 'own'; readonly files: readonly NamedFile[] };
}

export const FOLDERS = ['onnx', 'webgpu', 'pytorch'] as const;

/** What is given to the user as a zip: a folder as `mdl compile` writes it, or the adapter in PEFT's format. */
export interface KeepJob extends Omit<Job, 'backend' | 'sizes'> {
  readonly kind: 'keep';
  readonly as: (typeof FOLDERS)[number] | 'adapter';
  /** whose flags hold: that which the weights were trained by */
  readonly stage?: string;
}

export type AnyJob = RunJob | TrainJob | KeepJob;

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
  | { readonly kind: 'kept'; readonly zip: Uint8Array }
  | { readonly kind: 'failed'; readonly message: string };

export const STOP = 'stop';
