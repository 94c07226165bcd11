/** A model's weights as a folder of transformers: those of the folder that it came from with other numbers. */
import { copyFile, mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '../../../runtime/index.ts';
import { cliError, reasonOf } from '../errors.ts';
import type { Exported } from '../layouts/export.ts';

export const WEIGHTS_FILE = 'model.safetensors';

/** What `save_pretrained` and tokenizers write beside weights, and not an index of shards. */
const isBeside = (name: string): boolean => /\.(json|jinja|txt|model)$/.test(name) && !name.endsWith('.index.json');

/**
 * @returns names of what was written
 * @throws CliError C0642 where `out` is the folder itself or has weights of other names, C0105; RuntimeError R0122
 */
export async function writeFolder(folder: string, out: string, { tensors, metadata }: Exported): Promise<string[]> {
  const names = (await readdir(folder, { withFileTypes: true })).flatMap((entry) =>
    entry.isFile() && isBeside(entry.name) ? [entry.name] : [],
  );
  await checkTarget(folder, out);
  const stored = [...tensors.values()].map((tensor) => tensor.stored);
  try {
    for (const name of names) {
      if (name === 'config.json') {
        const text = await readFile(join(folder, name), 'utf8');
        await writeFile(join(out, name), stored.includes('F32') ? inSinglePrecision(text) : text);
      } else await copyFile(join(folder, name), join(out, name));
    }
  } catch (error) {
    throw cliError('file_not_written', { file: out, reason: reasonOf(error) }, [], error);
  }
  // transformers reads no file that does not say whose arrays it has
  await writeSafetensors(join(out, WEIGHTS_FILE), tensors, { ...metadata, format: 'pt' });
  return [...names.sort(), WEIGHTS_FILE];
}

async function checkTarget(folder: string, out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
  } catch (error) {
    throw cliError('file_not_written', { file: out, reason: reasonOf(error) }, [], error);
  }
  if ((await realpath(folder)) === (await realpath(out)))
    throw cliError('export_target', { out, reason: 'it is the folder that the model is read from' });
  const other = (await readdir(out)).find((name) => WEIGHTS.test(name) && name !== WEIGHTS_FILE);
  if (other !== undefined) throw cliError('export_target', { out, reason: `it has other weights, ${other}` });
}

/** Files that a reader would take in place of what is written, or beside it. */
const WEIGHTS = /\.(safetensors|bin|pth|pt|gguf)$|\.index\.json$/;

/**
 * transformers loads weights in the dtype that config.json names, and would round what is written in single precision. Everything else
 * stays letter for letter: to transformers `3.0` is a number that `3` is not.
 */
function inSinglePrecision(text: string): string {
  const config = JSON.parse(text) as Record<string, unknown>;
  const named = text.replace(/("(?:torch_)?dtype"\s*:\s*)(?:"[^"]*"|null)/g, '$1"float32"');
  const says = ['dtype', 'torch_dtype'].some((key) => config[key] !== undefined);
  return says ? named : named.replace('{', '{\n  "dtype": "float32",');
}
