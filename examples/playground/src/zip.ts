/** A project as a zip, and files of the user as a project. */
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { isModel, type Snapshot } from './project.ts';

/** Settings stand beside the texts, as `mdl compile --config` and `--set` take them. */
const SETTINGS = 'settings.json';
/** Bytes of a text that is read. */
const MOST = 1_000_000;

export function zipOf({ files, config, set, root }: Snapshot): Uint8Array {
  const texts = Object.entries(files).map(([path, text]) => [path, strToU8(text)] as const);
  const settings = JSON.stringify({ root, config, set }, null, 2);
  return zipSync({ ...Object.fromEntries(texts), [SETTINGS]: strToU8(`${settings}\n`) });
}

/** @throws Error where there is no .mdl file in them */
export async function projectOf(given: readonly File[]): Promise<Snapshot> {
  const files: Record<string, string> = {};
  let settings: Partial<Snapshot> = {};
  for (const file of given) {
    if (!file.name.endsWith('.zip')) {
      files[file.name] = await file.text();
      continue;
    }
    const wanted = ({ name, originalSize }: { name: string; originalSize: number }): boolean =>
      (name.endsWith('.mdl') || name === SETTINGS) && originalSize <= MOST;
    for (const [path, bytes] of Object.entries(
      unzipSync(new Uint8Array(await file.arrayBuffer()), { filter: wanted }),
    )) {
      if (path === SETTINGS) settings = JSON.parse(strFromU8(bytes)) as Partial<Snapshot>;
      else files[path] = strFromU8(bytes);
    }
  }
  const paths = Object.keys(files);
  const root = paths.find((path) => path === settings.root) ?? paths.find((path) => isModel(files[path]!)) ?? paths[0];
  if (root === undefined) throw new Error('there is no .mdl file in it');
  const { config, set } = settings;
  return { name: root, root, files, ...(typeof config === 'string' ? { config } : {}), ...(set ? { set } : {}) };
}
