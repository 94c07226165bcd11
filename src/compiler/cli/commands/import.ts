/** `mdl import`: an ONNX file, or a folder of transformers, as an .mdl file, to read and to edit. */
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { format } from '../../format/index.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { leftBehind } from '../../workbench/folder/left-behind.ts';
import { parseLora } from '../../workbench/folder/lora.ts';
import { folderText, isModelFolder, zooImports } from '../../workbench/folder/program.ts';
import { importOnnxFile } from '../../workbench/onnx-import.ts';
import type { Output } from '../output.ts';

export interface ImportOptions {
  readonly out: string;
  /** in place of a file that is there */
  readonly force?: boolean;
  readonly recipe?: string;
  readonly lora?: string;
  readonly dim?: readonly string[];
  readonly input?: readonly string[];
  readonly parameter?: readonly string[];
  readonly positions?: number;
}

export default async function run(
  output: Output,
  [model]: readonly string[],
  { out, force = false, dim = [], input = [], parameter = [], positions, recipe, lora }: ImportOptions,
): Promise<void> {
  if (!isModelFolder(model!)) {
    if (lora !== undefined) throw cliError('lora_of_file', { file: model! });
    if (recipe !== undefined)
      throw cliError('option_without', { option: '--recipe', without: 'a folder of transformers' });
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
  const { text } = format(folderText(model!, { recipe, lora: lora === undefined ? undefined : parseLora(lora) }));
  // what it imports lies beside it, to be read and edited as it is
  const beside = [...zooImports(text)].map(([name, inner]) => [join(dirname(out), name), inner] as const);
  const isThere = ([path, own]: readonly [string, string]): boolean =>
    existsSync(path) && readFileSync(path, 'utf8') !== own;
  const taken = [...(existsSync(out) ? [out] : []), ...beside.filter(isThere).map(([path]) => path)];
  if (!force && taken[0] !== undefined) throw cliError('import_exists', { file: taken[0] });
  for (const [path, inner] of [...beside, [out, text] as const]) await write(path, inner);
  for (const note of leftBehind(model!)) output.note(note);
  const also = beside.length === 0 ? '' : `, which imports ${beside.map(([path]) => path).join(' and ')}`;
  output.result(`${out}${also}: compile it with --weights ${model}`, {
    out,
    folder: model,
    ...(beside.length === 0 ? {} : { imports: beside.map(([path]) => path) }),
  });
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(`${file}.part`, text);
    await rename(`${file}.part`, file);
  } catch (error) {
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}
