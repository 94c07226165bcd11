/** Packs once for all files of this project, and installs the tools of the consumers before two files want them. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TestProject } from 'vitest/node';
import { consumers, pack } from './support.ts';

declare module 'vitest' {
  interface ProvidedContext {
    tarball: string;
  }
}

export default function setup({ provide }: TestProject): () => void {
  const tarball = pack();
  consumers();
  provide('tarball', tarball);
  return () => rmSync(dirname(tarball), { recursive: true, force: true });
}
