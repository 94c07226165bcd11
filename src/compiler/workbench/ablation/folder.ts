/**
 * The folder of an ablation:
 *
 *   ablation.json                                   the settings, so that another ablation is not mixed with it
 *   cells/VARIANT/seed-N/STAGE.json                 a finished cell
 *   cells/VARIANT/seed-N/STAGE.safetensors          what is trained so far, of the last stage that ran
 *   report.html, report.md, report.json
 *
 * Everything is written aside and renamed, a cell's weights before its record: a record that is there is whole.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runtimeError } from '../../../runtime/errors.ts';
import { SafetensorsFile } from '../../../runtime/safetensors.ts';
import {
  type Cell,
  type CellKeeper,
  type CellRecord,
  cellName,
  type Look,
  type RunSettings,
} from '../../../runtime/train/index.ts';
import { fileSource } from '../../../runtime/weights/source.node.ts';
import { writeSafetensors } from '../../../runtime/weights/write.node.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { cliError, reasonOf } from '../errors.ts';
import { OWN_KEYS } from '../layouts/asked.ts';
import { namesIn } from '../training/run-folder.ts';

/** Its `read` and `weights` throw CliError C0303, `save` C0105 and RuntimeError R0122. */
export interface AblationFolder extends CellKeeper {
  /** @throws CliError C0105 */
  write(name: string, text: string): Promise<void>;
}

/** @throws CliError C0206 when one is there and `resume` is not set, C0630 when other files are, C0302, C0303; RuntimeError R0805 */
export async function openAblation(folder: string, resume: boolean, settings: RunSettings): Promise<AblationFolder> {
  const file = join(folder, 'ablation.json');
  if (resume) {
    if (!existsSync(file)) throw runtimeError('no_checkpoint', { file: folder });
    compareSettings(folder, readJson(file), settings);
    await removeParts(folder);
  } else {
    if (existsSync(file)) throw cliError('folder_holds_run', { folder });
    const files = namesIn(folder);
    if (files.length > 0) throw cliError('folder_holds_files', { folder, files });
    await writeAside(file, json({ version: 1, settings }));
  }
  const path = (cell: Cell, extension: string): string => join(folder, 'cells', `${cellName(cell)}.${extension}`);
  return {
    read(cell) {
      const name = path(cell, 'json');
      return existsSync(name) ? decodeCell(name, cell) : undefined;
    },
    async weights(cell) {
      const name = path(cell, 'safetensors');
      const tensors = new Map<string, HostTensor>();
      try {
        const source = await fileSource(name);
        try {
          const opened = await SafetensorsFile.open(source);
          for (const key of opened.tensors.keys()) tensors.set(key, await opened.read(key));
        } finally {
          await source.close();
        }
      } catch (error) {
        throw cliError('ablation_cell', { file: name, reason: reasonOf(error) }, [], error);
      }
      return tensors;
    },
    async save(record, trained) {
      const weights = path(record, 'safetensors');
      if (trained) {
        await makeFolder(dirname(weights));
        await writeSafetensors(weights, trained, OWN_KEYS);
      }
      await writeAside(path(record, 'json'), json(record));
      if (!trained) return;
      for (const name of await readdir(dirname(weights)))
        if (name.endsWith('.safetensors') && join(dirname(weights), name) !== weights)
          await rm(join(dirname(weights), name), { force: true });
    },
    write: (name, text) => writeAside(join(folder, name), text),
  };
}

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

function compareSettings(folder: string, stored: unknown, expected: RunSettings): void {
  const found = (stored as { readonly settings?: RunSettings }).settings ?? {};
  for (const what of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const [was, is] = [found[what] ?? 'nothing', expected[what] ?? 'nothing'];
    if (was !== is) throw cliError('another_ablation', { folder, what, found: was, expected: is });
  }
}

function decodeCell(file: string, cell: Cell): CellRecord {
  const stored = readJson(file) as Partial<CellRecord>;
  const lists = [stored.loss, stored.grad_norm, stored.smallest_norm];
  const fits =
    stored.version === 1 &&
    stored.variant === cell.variant &&
    stored.seed === cell.seed &&
    stored.stage === cell.stage &&
    lists.every((list) => Array.isArray(list) && list.length === stored.loss?.length) &&
    Array.isArray(stored.events);
  if (!fits) throw cliError('ablation_cell', { file, reason: `it is no record of ${cellName(cell)}` });
  // JSON has no NaN: it comes back as null
  const numbers = (list: readonly (number | null)[] | undefined): number[] => list!.map((x) => x ?? Number.NaN);
  return {
    ...(stored as CellRecord),
    loss: numbers(stored.loss),
    grad_norm: numbers(stored.grad_norm),
    smallest_norm: numbers(stored.smallest_norm),
    ...(stored.looks ? { looks: stored.looks.map(finite) } : {}),
  };
}

const finite = ({ step, validation }: Look): Look => ({
  step,
  validation: Object.fromEntries(Object.entries(validation).map(([name, value]) => [name, value ?? Number.NaN])),
});

/** @throws CliError C0303 */
function readJson(file: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw cliError('ablation_cell', { file, reason: reasonOf(error) }, [], error);
  }
  throw cliError('ablation_cell', { file, reason: 'it holds no JSON object' });
}

/** What a killed writer left behind. */
async function removeParts(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  for (const name of names) if (name.endsWith('.part')) await rm(join(folder, name), { force: true });
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw cliError('file_not_written', { file: folder, reason: reasonOf(error) }, [], error);
  });
}

async function writeAside(file: string, text: string): Promise<void> {
  await makeFolder(dirname(file));
  const temporary = `${file}.${process.pid}.part`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}
