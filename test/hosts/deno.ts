/**
 * A plan in Deno: wgpu and its own WGSL front end (naga, which Firefox has too) in place of Dawn and Tint, over whatever Vulkan
 * driver the process's environment names.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import { folderWith } from '../support/folder.ts';
import { bundle } from './bundle.ts';
import type { Guest, GuestFiles } from './guest.ts';
import { packAll, unpackOutputs } from './packed.ts';
import type { Place } from './place.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Mesa's packages put the driver file of lavapipe, which computes on the CPU and has shader-f16. */
const LAVAPIPE = ['/usr/share/vulkan/icd.d/lvp_icd.x86_64.json', '/usr/share/vulkan/icd.d/lvp_icd.json'];

/** The environment of a process that is to find lavapipe; undefined where it is not installed. */
export function lavapipe(): Environment | undefined {
  const driver = LAVAPIPE.find((path) => existsSync(path));
  return driver === undefined
    ? undefined
    : {
        ...process.env,
        LD_LIBRARY_PATH: '',
        VK_DRIVER_FILES: driver,
        VK_ICD_FILENAMES: driver,
        XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
      };
}

/** Deno's program, from the npm package. @throws Error where the package has none for this platform */
function program(): string {
  const { runInstall } = createRequire(import.meta.url)('deno/install_api.cjs') as { runInstall: () => string };
  return runInstall();
}

function probe(environment: Environment): string | undefined {
  const code = 'console.log((await navigator.gpu.requestAdapter()) ? "adapter" : "none")';
  try {
    const said = execFileSync(program(), ['eval', '--unstable-webgpu', code], {
      env: { ...environment } as NodeJS.ProcessEnv,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return said.includes('adapter') ? undefined : 'Deno finds no WebGPU adapter here';
  } catch (error) {
    return `Deno does not run here: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
}

/** Why a plan cannot run in Deno here; undefined where it can. */
export const unavailable: string | undefined = probe(process.env);

/** @param folder with weights.safetensors, where the plan has parameters */
export async function openInDeno(
  plan: WebGpuPlan,
  { folder, environment = process.env, ...choices }: DenoOptions = {},
): Promise<Place> {
  const files = folderWith();
  const path = (name: string): string => join(files, name);
  writeFileSync(path('plan.json'), JSON.stringify(plan));
  writeFileSync(path('guest.js'), await bundle('guest.deno.ts'));
  const args = ['run', '--allow-all', '--no-config', '--unstable-webgpu', path('guest.js')];
  const child = spawn(program(), args, {
    env: { ...environment } as NodeJS.ProcessEnv,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const host = new Host(child);
  const close = async (): Promise<void> => {
    await host.close();
  };
  try {
    const given: GuestFiles = {
      plan: pathToFileURL(path('plan.json')).href,
      ...(folder === undefined ? {} : { weights: pathToFileURL(join(folder, 'weights.safetensors')).href }),
      ...choices,
    };
    return {
      ...(await host.call('open', given)),
      run: async (entry, feeds) => unpackOutputs(await host.call('run', { entry, feeds: packAll(feeds) })),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export interface DenoOptions extends Pick<GuestFiles, 'packed' | 'profile'> {
  readonly folder?: string;
  readonly environment?: Environment;
}

/** Calls to a process that answers them in turn, a line each. */
class Host {
  private readonly child: ChildProcess;
  private readonly waiting: { readonly give: (line: string) => void; readonly fail: (error: Error) => void }[] = [];
  private readonly ended: Promise<void>;

  constructor(child: ChildProcess) {
    this.child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => this.waiting.shift()?.give(line));
    this.ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        for (const { fail } of this.waiting.splice(0)) fail(new Error(`Deno ended: ${reason}`));
        resolve();
      };
      child.on('error', ({ message }) => end(message));
      child.on('exit', (code, signal) => end(`exit code ${code}, signal ${signal}`));
    });
  }

  async call<N extends keyof Guest>(
    name: N,
    argument: Parameters<Guest[N]>[0],
  ): Promise<Awaited<ReturnType<Guest[N]>>> {
    const line = await new Promise<string>((give, fail) => {
      this.waiting.push({ give, fail });
      this.child.stdin!.write(`${JSON.stringify({ name, argument })}\n`);
    });
    const answer = JSON.parse(line) as { readonly result: Awaited<ReturnType<Guest[N]>>; readonly error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  }

  async close(): Promise<void> {
    this.child.stdin!.end();
    this.child.kill();
    await this.ended;
  }
}
