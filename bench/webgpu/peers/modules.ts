/** The peers' own packages: `bench/peers` has them, nothing else in the project depends on them or knows their types. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../../support.ts';

const FOLDER = join(ROOT, 'bench/peers');
const require = createRequire(join(FOLDER, 'package.json'));

export function versionOf(name: string): string {
  const file = join(FOLDER, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** The folder of an installed package, with a trailing slash. */
export function folderOf(name: string): string {
  return `${join(FOLDER, 'node_modules', name)}/`;
}

/** A CommonJS package. @throws Error that says how to install it */
export function required(name: string): unknown {
  try {
    return require(name);
  } catch (error) {
    throw installError(name, error);
  }
}

/** An ES module, by its path in the package. @throws Error that says how to install it */
export async function imported(name: string, path: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(join(folderOf(name), path)).href);
  } catch (error) {
    throw installError(name, error);
  }
}

function installError(name: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  return new Error(`${name} does not load (${reason}); is it installed? npm ci --prefix bench/peers`, { cause });
}
