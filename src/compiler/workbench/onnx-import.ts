/** An ONNX file on disk as a program and a file of its weights. */
import { existsSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { runtimeError } from '../../runtime/errors.ts';
import { openBeside } from '../../runtime/weights/checkpoint.node.ts';
import type { WritableTensor } from '../../runtime/weights/encode.ts';
import { recognise } from '../../runtime/weights/foreign.ts';
import { ProtobufError } from '../../runtime/weights/readers/protobuf.ts';
import { viewsFile } from '../../runtime/weights/readers/views.ts';
import { fileSource } from '../../runtime/weights/source.node.ts';
import type { RandomAccess } from '../../runtime/weights/source.ts';
import { SIGNATURE_BYTES } from '../../runtime/weights/source.ts';
import { writeSafetensors } from '../../runtime/weights/write.node.ts';
import { compile } from '../index.ts';
import { type ImportedModel, type ImportedTensor, type ImportResult, importOnnx } from '../onnx-import/index.ts';
import { cliError, reasonOf } from './errors.ts';

export interface OnnxImportOptions {
  readonly out: string;
  readonly force: boolean;
  /** `NAME=SIZE` or `NAME=OTHER` each */
  readonly dim: readonly string[];
  /** `NAME=NUMBER` each */
  readonly input: readonly string[];
  /** names of initialisers of rank 0 that are parameters */
  readonly parameter?: readonly string[];
  /** see `ImportSettings.positions` */
  readonly positions?: number | undefined;
}

export interface OnnxImported {
  /** undefined: the model has no tensors */
  readonly weights: string | undefined;
  readonly notes: readonly string[];
}

/**
 * Writes `out` and, beside it, the safetensors file of the model's tensors, which are never in memory at once.
 * @throws CliError C0104, C0105, C0467 for files that are there, C0484 with everything that cannot be imported, C0485, C0487,
 * RuntimeError R1180 for a damaged file, R01… for one whose tensors cannot be read
 */
export async function importOnnxFile(file: string, options: OnnxImportOptions): Promise<OnnxImported> {
  const { out, force } = options;
  const weights = `${out.replace(/\.mdl$/, '')}.safetensors`;
  for (const path of [out, weights]) if (!force && existsSync(path)) throw cliError('import_exists', { file: path });
  const settings = {
    name: basename(file).replace(/\.[^.]*$/, ''),
    dims: settingsOf('--dim', options.dim, 'NAME=SIZE or NAME=OTHER', sizeOrName),
    inputs: settingsOf('--input', options.input, 'NAME=NUMBER', numberOf),
    parameters: new Set(options.parameter),
    positions: options.positions,
  };
  const opened: RandomAccess[] = [];
  const beside = async (name: string): Promise<RandomAccess> => {
    const found = await openBeside(file, dirname(file), name);
    opened.push(found);
    return found;
  };
  const source = await openSource(file);
  opened.push(source);
  try {
    await expectOnnx(source, file);
    const result = await read(source, shared(beside), settings);
    if (result.kind === 'refused') throw refusal(file, result.problems);
    checkProgram(result.model);
    const tensors = new Map(result.model.tensors.map((tensor) => [tensor.key, writable(tensor)]));
    if (tensors.size > 0) await writeSafetensors(weights, tensors);
    await writeText(out, result.model.text);
    return { weights: tensors.size > 0 ? weights : undefined, notes: result.model.notes };
  } finally {
    for (const each of opened) await each.close?.();
  }
}

/** Files beside the model are opened once each. */
function shared(open: (name: string) => Promise<RandomAccess>): (name: string) => Promise<RandomAccess> {
  const found = new Map<string, Promise<RandomAccess>>();
  return (name) => {
    const before = found.get(name) ?? open(name);
    found.set(name, before);
    return before;
  };
}

async function openSource(file: string): Promise<RandomAccess> {
  // a folder can be opened and not be read
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw cliError('file_not_read', { what: 'the model', file, reason: reasonOf(error) }, [], error);
  });
  const isFile = (await handle.stat()).isFile();
  await handle.close();
  if (isFile) return fileSource(file);
  throw cliError('file_not_read', {
    what: 'the model',
    file,
    reason: 'it is no file, and no folder with a config.json',
  });
}

async function expectOnnx(source: RandomAccess, file: string): Promise<void> {
  const found = recognise(await source.read(0, Math.min(source.size, SIGNATURE_BYTES)));
  if (found?.format !== 'onnx') throw cliError('import_format', { file, what: found?.what ?? 'no ONNX file' });
}

async function read(...[source, beside, settings]: Parameters<typeof importOnnx>): Promise<ImportResult> {
  try {
    return await importOnnx(source, beside, settings);
  } catch (error) {
    if (!(error instanceof ProtobufError || error instanceof TypeError)) throw error;
    const reason = error instanceof TypeError ? 'a name is no UTF-8' : error.message;
    throw runtimeError('file_damaged', { file: source.name, format: 'an ONNX model', reason }, error);
  }
}

function refusal(file: string, problems: Extract<ImportResult, { kind: 'refused' }>['problems']): Error {
  const notes = problems.map(({ what, why, count, first }) => {
    const where =
      first === '' ? '' : ` (${count === 1 ? 'the node' : `${count} nodes, the first`} ${JSON.stringify(first)})`;
    return `${what}: ${why}${where}`;
  });
  return cliError('import_refused', { file, count: problems.length }, notes);
}

/** What is written is a program: an error in it would be one of the import. */
function checkProgram({ text, tensors }: ImportedModel): void {
  const found = compile('imported.mdl', { read: () => text });
  const [problem] = found.diagnostics().filter(({ severity }) => severity === 'error');
  if (!found.model) throw new Error(`the imported program has an error: ${problem?.message}`);
  const missing = tensors.find(({ key }) => !found.model!.parameters.has(key));
  if (missing) throw new Error(`the imported program has no parameter ${missing.key}`);
}

function writable(tensor: ImportedTensor): WritableTensor {
  const { file, host, turned, key } = tensor;
  if (!file?.view) return host!;
  const { view } = file;
  const [shape, strides] = turned ? [view.shape.toReversed(), view.strides.toReversed()] : [view.shape, view.strides];
  const tensors = new Map([[key, { ...view, shape, strides }]]);
  const views = viewsFile({ name: key, format: 'ONNX', metadata: new Map() }, tensors, async () => {});
  return { stored: view.dtype, shape, chunks: () => views.streamFrom(key, 0) };
}

async function writeText(file: string, text: string): Promise<void> {
  try {
    await writeFile(`${file}.part`, text);
    await rename(`${file}.part`, file);
  } catch (error) {
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}

function settingsOf<V>(
  option: string,
  given: readonly string[],
  expected: string,
  parse: (text: string) => V | undefined,
): Map<string, V> {
  const settings = new Map<string, V>();
  for (const text of given) {
    const at = text.lastIndexOf('=');
    const [name, value] = [text.slice(0, Math.max(at, 0)), parse(text.slice(at + 1))];
    if (name === '' || value === undefined || settings.has(name))
      throw cliError('import_setting', { option, text, expected });
    settings.set(name, value);
  }
  return settings;
}

const sizeOrName = (text: string): number | string | undefined => {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return text === '' ? undefined : text;
};

const numberOf = (text: string): number | undefined => {
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? undefined : value;
};
