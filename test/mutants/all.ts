/** Every record of this folder, with the name of its file. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const OTHERS = ['all.ts', 'mutant.ts', 'mutants.test.ts'];

export interface NamedMutant extends Mutant {
  readonly area: string;
}

export async function readMutants(): Promise<readonly NamedMutant[]> {
  const files = readdirSync(HERE).filter((name) => name.endsWith('.ts') && !OTHERS.includes(name));
  const lists = await Promise.all(
    files.sort().map(async (name) => {
      const { MUTANTS } = (await import(`./${name}`)) as { MUTANTS: readonly Mutant[] };
      return MUTANTS.map((mutant) => ({ ...mutant, area: name.slice(0, -3) }));
    }),
  );
  return lists.flat();
}

export const occurrences = (text: string, part: string): number => text.split(part).length - 1;
