/** `mdl import`: an ONNX file, or a folder of transformers, as an .mdl file, to read and to edit. */
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { format } from '../../format/index.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { leftBehind } from '../../workbench/folder/left-behind.ts';
import { folderText, isModelFolder } from '../../workbench/folder/program.ts';
import { importOnnxFile } from '../../workbench/onnx-import.ts';
import type { Output } from '../output.ts';

export interface ImportOptions {
  readonly out: string;
  /** in place of a file that is there */
  readonly force?: boolean;
  readonly dim?: readonly string[];
  readonly input?: readonly string[];
  readonly parameter?: readonly string[];
  readonly positions?: number;
}

export default async function run(
  output: Output,
  [model]: readonly string[],
  { out, force = false, dim = [], input = [], parameter = [], positions }: ImportOptions,
): Promise<void> {
  if (!isModelFolder(model!)) {
    const { weights, notes } = await importOnnxFile(model!, { out, force, dim, input, parameter, positions });
    for (const note of notes) output.note(note);
    const text = weights ? `${out}: compile it with --weights ${weights}` : out;
    output.result(text, { out, model, ...(weights ? { weights } : {}) });
    return;
  }
  for (const [option, given] of [
    ['--dim', dim],
    ['--input', input],
    ['--parameter', parameter],
    ['--positions', positions === undefined ? [] : [positions]],
  ] as const)
    if (given.length > 0) throw cliError('import_folder_setting', { option, folder: model! });
  if (!force && existsSync(out)) throw cliError('import_exists', { file: out });
  const { text } = format(folderText(model!));
  try {
    await writeFile(`${out}.part`, text);
    await rename(`${out}.part`, out);
  } catch (error) {
    throw cliError('file_not_written', { file: out, reason: reasonOf(error) }, [], error);
  }
  for (const note of leftBehind(model!)) output.note(note);
  output.result(`${out}: compile it with --weights ${model}`, { out, folder: model });
}
