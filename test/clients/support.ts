/** Folders that `mdl compile` writes, as @huggingface/transformers opens them: from files, and from nowhere else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from '@huggingface/transformers';
import { fixture } from '../support/reference.ts';

/** From now on a model's name is a folder in this one. */
export function openFrom(folder: string): void {
  env.allowRemoteModels = false;
  env.localModelPath = folder;
}

export interface Expected {
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly tokens: readonly number[];
  readonly chat?: { readonly ids: readonly number[]; readonly tokens: readonly number[] };
}

/** What transformers says of a folder of test/fixtures/folders. */
export function expectedOf(name: string): Expected {
  return JSON.parse(readFileSync(join(fixture(`folders/${name}`), 'expected.json'), 'utf8')) as Expected;
}

/** Pictures of emoji on white, as nano was trained, whose answers have twelve tokens. */
export const PICTURES = ['1f431', '1f436', '1f355', '1f41f', '1f697'] as const;
