/**
 * The environment of the contestants' processes. A machine's own adapter is taken where Dawn finds one; elsewhere the
 * software adapter inside `@sparticuz/chromium` (SwiftShader, Linux x64), unpacked once. `VK_DRIVER_FILES` chooses
 * another Vulkan driver, `--software` the software adapter on a machine with a GPU.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { ROOT } from '../support.ts';

const PACKAGE = join(ROOT, 'node_modules/@sparticuz/chromium');
const PROBE = `import { create } from 'webgpu';
const gpu = create([]);
process.exit((await gpu.requestAdapter()) ? 0 : 1);`;

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Error when there is no adapter and none can be had */
export function environment(software: boolean): Environment {
  if (process.env.VK_DRIVER_FILES !== undefined) return process.env;
  if (!software && hasAdapter()) return process.env;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `Dawn finds no adapter, and the software one is for linux x64 and not ${process.platform} ${process.arch}`,
    );
  }
  const folder = unpacked();
  const driver = join(folder, 'vk_swiftshader_icd.json');
  const libraries = [folder, process.env.LD_LIBRARY_PATH].filter((path) => path).join(delimiter);
  return { ...process.env, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries };
}

function hasAdapter(): boolean {
  return spawnSync(process.execPath, ['--input-type=module', '-e', PROBE], { cwd: ROOT }).status === 0;
}

function unpacked(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const folder = join(ROOT, `node_modules/.cache/swiftshader-${version}`);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const archive = brotliDecompressSync(readFileSync(join(PACKAGE, 'bin/swiftshader.tar.br')));
  execFileSync('tar', ['-x', '-C', draft], { input: archive });
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!existsSync(folder)) throw error; // else another run was faster
  }
  return folder;
}
