/** What training is told: `mdl train`'s options, by name. */
import type { SettingsOptions, WeightsOptions } from '../model.ts';
import type { ValidationOptions } from './judge.ts';

export interface TrainingOptions extends SettingsOptions, WeightsOptions, ValidationOptions {
  readonly stage?: string;
  readonly stages?: string;
  readonly batch?: string;
  readonly data?: string;
  readonly batchSize?: number;
  readonly onBadRow?: 'fail' | 'skip';
  readonly length?: number;
  readonly tokenizer?: string;
  readonly lr?: number;
  readonly steps?: number;
  /** print what the stages take on a device, and train nothing */
  readonly plan?: boolean;
  /** bytes that a stage may take on a device */
  readonly memory?: number;
  readonly recompute?: boolean;
  /** columns of the vocabulary that the loss computes at a time */
  readonly lossChunk?: number;
  /** added to the stage's own `seed` */
  readonly seed: number;
  /** held-out examples that the trained model is asked, for the report */
  readonly evaluate?: number;
  readonly save?: string;
  readonly saveAdapter?: string;
  readonly log?: string;
  readonly out?: string;
  readonly resume?: boolean;
  readonly checkpointEvery: number;
  readonly keep: number;
  /** threads that make batches while a step runs; 0: this one makes them */
  readonly workers?: number;
  readonly backend: string;
  readonly opset: string;
}

/** Those that make a run this run, and not how it is kept or computed. */
export type RunOptions = Omit<TrainingOptions, 'backend' | 'opset' | 'keep' | 'checkpointEvery' | 'workers'>;
