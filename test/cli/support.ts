/**
 * The command line as users have it, in a folder of its own. `mdl` calls src/compiler/cli/main.ts within the test's
 * process, which is fast; `mdlProcess` starts it as a program, built from the sources as they stand, so that no build has to come
 * first and none is disturbed.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeSafetensors, type HostTensor } from '../../src/runtime/index.ts';
import { builtDist } from '../support/dist.ts';
import { folderWith } from '../support/folder.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const TINYGPTV = join(ROOT, 'models', 'tinygpt-v.mdl');
/** what the examples run: all of nano but the adapters */
export const PRETRAINED = join(ROOT, 'models', 'nano-pretrained.safetensors');
export const PICTURE = join(ROOT, 'node_modules/emoji-datasource-twitter/img/twitter/64/1f431.png');

/** The program, below node_modules so that its packages are found. */
export const program = (): string => join(builtDist(), 'mdl.js');

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mdl` with arguments in a folder, as a program. */
export function mdlProcess(folder: string, ...args: string[]): Promise<Ran> {
  const script = program();
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, maxBuffer: 1 << 26, timeout: 60_000 };
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

let calls = 0;

/** Runs `mdl` with arguments in a folder. Each call evaluates main.ts anew, which is what starts the command. */
export async function mdl(folder: string, ...args: string[]): Promise<Ran> {
  const before = {
    argv: process.argv,
    cwd: process.cwd(),
    out: process.stdout.write,
    err: process.stderr.write,
    code: process.exitCode,
  };
  const written = { out: '', err: '' };
  const into =
    (stream: 'out' | 'err') =>
    (text: string | Uint8Array): boolean => {
      written[stream] += typeof text === 'string' ? text : new TextDecoder().decode(text);
      return true;
    };
  try {
    process.argv = [process.execPath, 'mdl', ...args];
    process.chdir(folder);
    process.exitCode = undefined;
    process.stdout.write = into('out');
    process.stderr.write = into('err');
    await import(/* @vite-ignore */ `../../src/compiler/cli/main.ts?call=${++calls}`);
    return { code: Number(process.exitCode ?? 0), stdout: written.out, stderr: written.err };
  } finally {
    process.argv = before.argv;
    process.stdout.write = before.out;
    process.stderr.write = before.err;
    process.exitCode = before.code;
    process.chdir(before.cwd);
  }
}

export { folderWith };

/** A small model: y = scale · fc(x), with a flag, a second config, and a buffer. */
export const SMALL = `
import { Linear } from "std"

/// multiplies the output
flag scaled = true

config base { d = 3, hidden = 2 }
config wide extends base { hidden = 4 }

module Scale(width) {
  param gain: [width] = ones()
  forward(x: [..., width]) -> [..., width] { x * gain }
}

model Small {
  buffer steps: int[2] = arange()
  fc    = Linear(d, hidden)
  scale = Scale(hidden) when scaled

  entry main(x: [B, d]) -> (y: [B, hidden]) {
    let before = fc(x)
    scale(before)
  }
  entry pick(index: int[B]) -> (row: [B, hidden]) {
    gather(rearrange(fc.weight, "h d -> d h"), index, axis = 0)
  }
}
`;

export const f32 = (shape: readonly number[], values: readonly number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});
export const i64 = (shape: readonly number[], values: readonly number[]): HostTensor => ({
  dtype: 'i64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** Weights of SMALL. */
export const SMALL_WEIGHTS: Readonly<Record<string, HostTensor>> = {
  steps: i64([2], [0, 1]),
  'fc.weight': f32([2, 3], [1, 2, 3, 4, 5, 6]),
  'fc.bias': f32([2], [0.5, -0.5]),
  'scale.gain': f32([2], [10, 100]),
};

export const safetensors = (tensors: Readonly<Record<string, HostTensor>>): Uint8Array =>
  encodeSafetensors(new Map(Object.entries(tensors)));

/** A file as any writer could have made it: the header as given. */
export function rawSafetensors(header: unknown, data: Uint8Array = new Uint8Array(0), claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}
