/** The runtime that pages use with a script of this folder, as one text. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function bundle(script: 'guest.ts' | 'guest.deno.ts'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    external: ['node:*'],
    write: false,
  });
  return outputFiles[0]!.text;
}
