/** Models written for PyTorch, and jobs that run them: all of a file in one process of Python. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, inject } from 'vitest';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import {
  type Loaded,
  loadModel,
  openWeights,
  type SettingsOptions,
  type WeightsOptions,
} from '../../src/compiler/workbench/model.ts';
import { writeArtifact } from '../../src/compiler/workbench/weights/write.ts';
import { encodeSafetensors, type HostTensor } from '../../src/runtime/index.ts';
import { recordingOutput } from '../cli/output.ts';
import { folderWith } from '../support/folder.ts';
import { type ReferenceTensor, readTensors } from '../support/reference.ts';

const python = inject('python');
export const missing = 'missing' in python ? python.missing : undefined;

/** `describe` of what needs PyTorch: skipped, and counted as that, where there is none. */
export const describeTorch: typeof describe.skip = (missing === undefined ? describe : describe.skip) as never;

export const scratch = folderWith();

let count = 0;
const fresh = (name: string): string => join(scratch, `${count++}-${name}`);

/** A model's folder, as `mdl compile --target pytorch` writes it. */
export async function written(file: string, options: SettingsOptions & WeightsOptions): Promise<string> {
  const said = recordingOutput();
  const { model }: Loaded = loadModel(file, options, said);
  const weights = await openWeights(model, options, said);
  const folder = fresh('model');
  try {
    const artifact = TARGETS.pytorch.compile(graphsOf(model)!);
    await writeArtifact(folder, artifact.files(weights ?? null), artifact.weights, weights);
  } finally {
    await weights?.close();
  }
  return folder;
}

export interface Job {
  readonly folder: string;
  readonly entry: string;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** the parameter of the past, and names among the inputs that make its list */
  readonly past?: readonly [string, readonly string[]];
  readonly gradients?: boolean;
  readonly train?: boolean;
  /** paths of modules whose outputs are wanted */
  readonly taps?: readonly string[];
  readonly how?: 'eager' | 'compile' | 'export' | 'bf16';
  /** of an export: inputs → axes that stay dynamic */
  readonly dynamic?: Readonly<Record<string, readonly number[]>>;
  /** what is exported from, where the inputs are of other sizes */
  readonly traced?: Readonly<Record<string, HostTensor>>;
}

export type Result = ReadonlyMap<string, ReferenceTensor>;

/** Runs the jobs. Results are named by position (`0`, `1`, `2.0` of a list), taps `tap.…`, gradients `gradient.…`. @throws what Python raised */
export function runJobs<K extends string>(jobs: Readonly<Record<K, Job>>): { readonly [N in K]: () => Result } {
  const stored = (tensors: Job['inputs']): string => {
    const file = fresh('in.safetensors');
    writeFileSync(file, encodeSafetensors(new Map(Object.entries(tensors))));
    return file;
  };
  const entries = Object.entries<Job>(jobs).map(([name, { inputs, traced, ...job }]) => {
    const files = { inputs: stored(inputs), ...(traced ? { traced: stored(traced) } : {}) };
    return [name, { ...job, ...files, out: fresh('out.safetensors') }] as const;
  });
  const list = fresh('jobs.json');
  writeFileSync(list, JSON.stringify(entries.map(([, job]) => job)));
  runPython(fileURLToPath(new URL('./run.py', import.meta.url)), list);
  return Object.fromEntries(entries.map(([name, { out }]) => [name, () => resultOf(out)])) as never;
}

export function runPython(...args: readonly string[]): string {
  if (!('program' in python)) throw new Error(python.missing);
  return execFileSync(python.program, args, { encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 26 });
}

function resultOf(file: string): Result {
  const bytes = readFileSync(file);
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0)))) as {
    readonly __metadata__?: { readonly error?: string };
  };
  const error = header.__metadata__?.error;
  if (error !== undefined) throw new Error(error);
  return readTensors(file);
}
