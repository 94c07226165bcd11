/** Generated modules in a folder where `mdl-compiler/webgpu` is the runtime's source: for tsc, esbuild and Node. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, type BuildResult, build } from 'esbuild';
import { type GeneratedModule, generateModule } from '../../../src/compiler/backends/typescript/index.ts';
import type { WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { buildWebGpu } from '../../support/build.ts';
import { atFileEnd } from '../../support/file-end.ts';
import { compileOk, memory } from '../../support/project.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WEBGPU = join(ROOT, 'node_modules/@webgpu/types/dist/index.d.ts');
const RUNTIME = join(ROOT, 'src/runtime/webgpu');

/** Below node_modules, so that packages (webgpu, @webgpu/types) are found. */
export function folderOf(files: ReadonlyMap<string, string>): string {
  const cache = join(ROOT, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'mdl-module-'));
  atFileEnd(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  return folder;
}

export function planOfText(source: string, path = 'model.mdl'): WebGpuPlan {
  return buildWebGpu(compileOk(path, memory({ [path]: source })))!;
}

export const generated = (plan: WebGpuPlan): GeneratedModule => generateModule(plan, { command: 'mdl compile' });

/** What tsc says about a program beside a module; empty when it is right. */
export function typeErrors(module: GeneratedModule, program: string): string {
  const folder = folderOf(new Map([...module.files, ['program.ts', program]]));
  const compilerOptions = {
    ...{ target: 'ES2023', lib: ['ES2023'], module: 'ESNext', moduleResolution: 'bundler', noEmit: true },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
    ...{ allowImportingTsExtensions: true, types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
    paths: { 'mdl-compiler/webgpu': [join(RUNTIME, 'index.ts')] },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts', WEBGPU] }));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
    return '';
  } catch (error) {
    // the declarations of packages are not ours to judge; ours are checked, unlike with skipLibCheck
    const lines = (error as { stdout: string }).stdout.split('\n');
    return lines.filter((line) => line !== '' && !/node_modules\/@/.test(line)).join('\n');
  }
}

/** One file of a program and all it imports, for a page or for Node. */
export async function bundle(folder: string, entry: string, platform: 'browser' | 'node'): Promise<BuildResult> {
  return build({ ...bundling(folder, entry, platform), outfile: join(folder, 'bundle.mjs') });
}

/** The same for a page in files: what is imported at run time is a file of its own, as bundlers make of it. */
export async function bundleInChunks(folder: string, entry: string): Promise<BuildResult> {
  return build({ ...bundling(folder, entry, 'browser'), outdir: join(folder, 'chunks'), splitting: true });
}

function bundling(folder: string, entry: string, platform: 'browser' | 'node') {
  return {
    absWorkingDir: folder,
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    minify: true,
    metafile: true,
    platform,
    target: 'es2022',
    external: ['./plan.js', 'webgpu'],
    alias: { 'mdl-compiler/webgpu': join(RUNTIME, platform === 'browser' ? 'index.browser.ts' : 'index.ts') },
    logLevel: 'error',
  } satisfies BuildOptions;
}
