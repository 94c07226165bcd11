/**
 * Finds a Python with the requirements of requirements.txt: the one that MDL_PYTHON names, or that of a virtual environment in a cache
 * folder, which is made where the registry answers. PyPI's torch brings CUDA's libraries, 6 GB unpacked.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** a program, or why there is none */
    python: { readonly program: string } | { readonly missing: string };
  }
}

const REQUIREMENTS = fileURLToPath(new URL('./requirements.txt', import.meta.url));

export default function setup({ provide }: TestProject): void {
  provide('python', found());
}

function found(): { readonly program: string } | { readonly missing: string } {
  const named = process.env.MDL_PYTHON;
  if (named !== undefined) return { program: named };
  const id = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mdl-pytorch');
  const folder = join(cache, id);
  const program = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'complete'))) return { program };
  try {
    mkdirSync(cache, { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    const quiet = { stdio: 'pipe' } as const;
    execFileSync('python3', ['-m', 'venv', folder], quiet);
    execFileSync(program, ['-m', 'pip', 'install', '--quiet', '--requirement', REQUIREMENTS], {
      ...quiet,
      timeout: 900_000,
    });
    mkdirSync(join(folder, 'making'));
    renameSync(join(folder, 'making'), join(folder, 'complete'));
    return { program };
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim().split('\n').at(-1);
    return { missing: `no Python with ${REQUIREMENTS}: ${said || String(error)}` };
  }
}
