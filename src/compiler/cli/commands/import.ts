/** `mdl import`: an ONNX file, or a folder of transformers, as an .mdl file, to read and to edit. */
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TEMPLATE_FILES } from '../../../recipes/chat/declaration.ts';
import { format } from '../../format/index.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { leftBehind } from '../../workbench/folder/left-behind.ts';
import { parseLora } from '../../workbench/folder/lora.ts';
import { folderText, isModelFolder, zooImports } from '../../workbench/folder/program.ts';
import { importOnnxFile } from '../../workbench/onnx-import.ts';
import type { Output } from '../output.ts';

/** What the recipe of a folder's program calls its tokenizer. */
const TOKENIZER = 'tokenizer.json';

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
  const imports = [...zooImports(text)].map(([name, inner]) => [join(dirname(out), name), Buffer.from(inner)] as const);
  // and so does what its recipe names
  const named = [TOKENIZER, ...Object.values(TEMPLATE_FILES)].filter((name) => existsSync(join(model!, name)));
  const files = named.map((name) => [join(dirname(out), name), readFileSync(join(model!, name))] as const);
  const beside = [...imports, ...files];
  const isThere = ([path, own]: readonly [string, Buffer]): boolean =>
    existsSync(path) && !readFileSync(path).equals(own);
  const taken = [...(existsSync(out) ? [out] : []), ...beside.filter(isThere).map(([path]) => path)];
  if (!force && taken[0] !== undefined) throw cliError('import_exists', { file: taken[0] });
  for (const [path, inner] of [...beside, [out, Buffer.from(text)] as const]) await write(path, inner);
  for (const note of leftBehind(model!)) output.note(note);
  const list = (paths: typeof beside): string => paths.map(([path]) => path).join(' and ');
  const also = imports.length === 0 ? '' : `, which imports ${list(imports)}`;
  const copied = files.length === 0 ? '' : `, beside ${list(files)} of the folder`;
  output.result(`${out}${also}${copied}: compile it with --weights ${model}`, {
    out,
    folder: model,
    ...(imports.length === 0 ? {} : { imports: imports.map(([path]) => path) }),
    ...(files.length === 0 ? {} : { files: files.map(([path]) => path) }),
  });
}

async function write(file: string, content: Buffer): Promise<void> {
  try {
    await writeFile(`${file}.part`, content);
    await rename(`${file}.part`, file);
  } catch (error) {
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}
