/** A folder that a model is compiled into twice, for two targets, has one manifest with a section for each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseManifest, RuntimeError } from '../../../runtime/index.ts';
import type { EntryManifest, Manifest } from '../../../shared/artifact.ts';
import type { Notes } from '../notes.ts';

/**
 * The manifest with the sections of other targets that the folder has of the same model, weights and ports; says which
 * it leaves out because they are of another compilation.
 */
export function joined(folder: string, manifest: Manifest, output: Notes): Manifest {
  const before = readManifest(join(folder, 'manifest.json'));
  const others = Object.keys(before?.targets ?? {}).filter((name) => !Object.hasOwn(manifest.targets, name));
  if (!before || others.length === 0) return manifest;
  if (!sameModel(before, manifest)) {
    output.note(
      `the files of ${others.join(', ')} in ${folder} are of another compilation: manifest.json no longer names them`,
    );
    return manifest;
  }
  // what ONNX Runtime finds by a node's name is in the entries that were compiled for it
  const entries = manifest.targets.onnx
    ? { ...before.entries, ...manifest.entries }
    : { ...manifest.entries, ...before.entries };
  return { ...manifest, entries, targets: { ...before.targets, ...manifest.targets } };
}

function readManifest(file: string): Manifest | undefined {
  try {
    return parseManifest(readFileSync(file, 'utf8'), file);
  } catch (error) {
    // what cannot be read is replaced; a folder that cannot be is said when it is written
    if (error instanceof RuntimeError || (error as { syscall?: string }).syscall !== undefined) return undefined;
    throw error;
  }
}

function sameModel(a: Manifest, b: Manifest): boolean {
  const facts = ({ compiler, model, adapter, weights }: Manifest): string =>
    JSON.stringify([compiler, model, adapter ?? null, weights]);
  const ports = ({ inputs, outputs, cache, adapters }: EntryManifest): string =>
    JSON.stringify([inputs, outputs, cache, adapters ?? []]);
  const shared = Object.entries(a.entries).filter(([name]) => Object.hasOwn(b.entries, name));
  return facts(a) === facts(b) && shared.every(([name, entry]) => ports(entry) === ports(b.entries[name]!));
}
