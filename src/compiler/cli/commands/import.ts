/** `mdl import`: a folder of transformers as an .mdl file, to read and to edit. */
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { format } from '../../format/index.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { leftBehind } from '../../workbench/folder/left-behind.ts';
import { folderText, isModelFolder } from '../../workbench/folder/program.ts';
import type { Output } from '../output.ts';

export interface ImportOptions {
  readonly out: string;
  /** in place of a file that is there */
  readonly force?: boolean;
}

export default async function run(
  output: Output,
  [folder]: readonly string[],
  { out, force = false }: ImportOptions,
): Promise<void> {
  if (!isModelFolder(folder!))
    throw cliError('file_not_read', { what: 'the model', file: folder!, reason: 'it is no folder with a config.json' });
  if (!force && existsSync(out)) throw cliError('import_exists', { file: out });
  const { text } = format(folderText(folder!));
  try {
    await writeFile(`${out}.part`, text);
    await rename(`${out}.part`, out);
  } catch (error) {
    throw cliError('file_not_written', { file: out, reason: reasonOf(error) }, [], error);
  }
  for (const note of leftBehind(folder!)) output.note(note);
  output.result(`${out}: compile it with --weights ${folder}`, { out, folder });
}
