/** What a generator is: a pure function from the sources to the texts of files, written or compared by scripts/generate.ts. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

export interface GeneratedFile {
  /** relative to the project */
  readonly path: string;
  readonly text: string;
}

export interface Generator {
  readonly name: string;
  /** files that it reads; each must exist */
  readonly inputs: readonly string[];
  /** a folder in which every file is its own: others there are left over and stale */
  readonly folder?: string;
  generate(root: string): Promise<readonly GeneratedFile[]>;
}

export interface Outcome {
  readonly written: readonly string[];
  /** different from what the sources give, missing, or left over */
  readonly stale: readonly string[];
  readonly problems: readonly string[];
}

/** The first line of generated source files. */
export function banner(from: string): string {
  return `// generated from ${from} by scripts/generate.ts; do not edit, run \`npm run generate\`\n`;
}

/** Runs the generators; with `check` nothing is written and differences are only named. */
export async function runGenerators(root: string, generators: readonly Generator[], check: boolean): Promise<Outcome> {
  const written: string[] = [];
  const stale: string[] = [];
  const problems: string[] = [];
  for (const generator of generators) {
    const missing = generator.inputs.filter((input) => !existsSync(join(root, input)));
    if (missing.length > 0) {
      problems.push(`${generator.name} needs ${missing.join(' and ')}, which is not there`);
      continue;
    }
    let files: readonly GeneratedFile[];
    try {
      files = await generator.generate(root);
    } catch (error) {
      problems.push(`${generator.name} failed: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    const leftOver = leftOvers(root, generator, files);
    for (const { path, text } of files) {
      const absolute = join(root, path);
      if (existsSync(absolute) && readFileSync(absolute, 'utf8') === text) continue;
      stale.push(path);
      if (check) continue;
      await mkdir(dirname(absolute), { recursive: true });
      await writeFile(absolute, text);
      written.push(path);
    }
    stale.push(...leftOver);
    if (!check) for (const path of leftOver) rmSync(join(root, path));
  }
  return { written, stale, problems };
}

function leftOvers(root: string, { folder }: Generator, files: readonly GeneratedFile[]): readonly string[] {
  if (folder === undefined || !existsSync(join(root, folder))) return [];
  const current = new Set(files.map((file) => file.path));
  return readdirSync(join(root, folder))
    .map((name) => posix.join(folder, name))
    .filter((path) => !current.has(path));
}
