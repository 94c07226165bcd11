/** A project as a zip, and files of the user as a project. */
import { strToU8, unzipSync, zipSync } from 'fflate';
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

/** @throws Error where there is no .mdl file in them, and for one that is no text or too long, by its name */
export async function projectOf(given: readonly File[]): Promise<Snapshot> {
  const files: Record<string, string> = {};
  let settings: Partial<Snapshot> = {};
  for (const file of given) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (!file.name.endsWith('.zip')) {
      files[file.name] = textOf(file.name, bytes);
      continue;
    }
    const wanted = ({ name, originalSize }: { name: string; originalSize: number }): boolean => {
      if (!name.endsWith('.mdl') && name !== SETTINGS) return false;
      checkLength(name, originalSize);
      return true;
    };
    for (const [path, member] of Object.entries(unzipSync(bytes, { filter: wanted }))) {
      const text = textOf(path, member);
      if (path === SETTINGS) settings = JSON.parse(text) as Partial<Snapshot>;
      else files[path] = text;
    }
  }
  const paths = Object.keys(files);
  const root = paths.find((path) => path === settings.root) ?? paths.find((path) => isModel(files[path]!)) ?? paths[0];
  if (root === undefined) throw new Error('there is no .mdl file in it');
  const { config, set } = settings;
  return { name: root, root, files, ...(typeof config === 'string' ? { config } : {}), ...(set ? { set } : {}) };
}

function checkLength(name: string, bytes: number): void {
  if (bytes > MOST) throw new Error(`${name} has ${bytes} bytes, and a text has ${MOST} at most`);
}

function textOf(name: string, bytes: Uint8Array): string {
  checkLength(name, bytes.length);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error(`${name} is not UTF-8: save it as UTF-8`, { cause: error });
  }
}
