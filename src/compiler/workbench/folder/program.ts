/**
 * A Hugging Face folder as a program: the file of models/ of its architecture, with a config of the folder's sizes, and of a language model the
 * recipe and a stage. `mdl import` writes this text, and a command that is given the folder compiles it.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TEMPLATE_FILES } from '../../../recipes/chat/declaration.ts';
import type { SourceHost } from '../../check/program.ts';
import { quoted } from '../../onnx-import/names.ts';
import { readConfig, readObject, textOf } from './config.ts';
import { endTokens, padToken, samplingSettings } from './generation.ts';
import { type Lora, loraText } from './lora.ts';
import { encoderSettings, type PictureSettings, pictureSettings } from './pictures.ts';

/** Tokens of a row of training, where positions go further. */
const ROW = 1024;

/** A folder that `save_pretrained` wrote, and not one that was compiled. */
export function isModelFolder(path: string): boolean {
  if (!existsSync(path) || !statSync(path).isDirectory()) return false;
  return existsSync(join(path, 'config.json')) && !existsSync(join(path, 'manifest.json'));
}

/** Where the files that a model names lie: its folder, or the folder that is the model. */
export function homeOf(file: string): string {
  return isModelFolder(file) ? file : dirname(file);
}

/** What is asked of a folder's program. */
export interface FolderRequest {
  /** of a language model that reads no pictures: `chat` where the folder has a chat template, else `text` */
  readonly recipe?: string | undefined;
  /** put on its linear layers; a stage trains it then, and no other */
  readonly lora?: Lora | undefined;
}

/** @throws CliError as folderText */
export function folderProgram(
  folder: string,
  request: FolderRequest = {},
): { readonly path: string; readonly host: SourceHost } {
  const name = basename(resolve(folder)).replace(/[^\w.-]/g, '_');
  const path = `${name}.mdl`;
  const text = folderText(folder, request);
  return { path, host: { read: (asked) => (asked === path ? text : readZoo(asked)) } };
}

/**
 * The text of the program.
 * @throws CliError as readConfig, C0641
 */
export function folderText(folder: string, { recipe, lora }: FolderRequest = {}): string {
  const { architecture, json, values } = readConfig(folder);
  const zoo = readZoo(architecture.file);
  if (zoo === undefined) throw new Error(`the package has no models/${architecture.file}`);
  const first = /^(?:\/\/\/[^\n]*\n)*config (\w+)/m.exec(zoo)!;
  const at = first.index;
  const fields = [...values].map(([name, text]) => `  ${name} ${text}\n`).join('');
  // what only flags that are off would read is the zoo's: `readConfig` has refused what these flags need and the folder lacks
  const config = `/// sizes of ${basename(resolve(folder))}/config.json\nconfig checkpoint extends ${first[1]} {\n${fields}}\n\n`;
  const own = `${zoo.slice(0, at)}${config}${zoo.slice(at)}`;
  const adapted = lora && loraText(architecture, lora, folder);
  if (!architecture.language) {
    const seen = architecture.encoder && encoderSettings(folder, architecture.encoder, json);
    if (!seen) return own;
    const settings = Object.entries(seen).map(([name, given]) => `${name} = ${written(given)}`);
    return `${own.trimEnd()}\n\nrecipe "image-classification" { ${settings.join(', ')} }\n`;
  }
  const words = textOf(json, architecture.words);
  const positions = Number(words.max_position_embeddings ?? words.n_positions ?? ROW);
  const [eos] = endTokens(folder);
  const pad = padToken(json, folder) ?? eos;
  const tokens = [
    ...(existsSync(join(folder, 'tokenizer.json')) ? ['tokenizer = "tokenizer.json"'] : []),
    ...(eos === undefined ? [] : [`eos = ${eos}`]),
    ...(pad === undefined ? [] : [`pad = ${pad}`]),
    ...Object.entries(samplingSettings(folder)).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
  ];
  if (architecture.pictures) {
    const seen = pictureSettings(folder, architecture.pictures, json);
    const settings = Object.entries({ max_positions: positions, ...seen }).map(
      ([name, given]) => `${name} = ${written(given)}`,
    );
    return `${own.trimEnd()}\n\nrecipe "vision-language" { ${[...tokens, ...settings].join(', ')} }\n`;
  }
  return `${own.trimEnd()}\n\nrecipe "${recipe ?? (hasTemplate(folder) ? 'chat' : 'text')}" { ${[...tokens, `length = ${Math.min(ROW, positions)}`].join(', ')} }\n${adapted ?? FINETUNE}`;
}

/** The layout in which transformers reads the weights of the folder; undefined: under the model's own keys. @throws CliError as readConfig */
export const layoutOfFolder = (folder: string): string | undefined => readConfig(folder).architecture.layout;

/** The files of models/ that the text of a program imports, and those that they import, by name. */
export function zooImports(text: string, found = new Map<string, string>()): ReadonlyMap<string, string> {
  for (const [, name] of text.matchAll(/from "\.\/([\w-]+\.mdl)"/g)) {
    const inner = found.has(name!) ? undefined : readZoo(name!);
    if (inner === undefined) continue;
    found.set(name!, inner);
    zooImports(inner, found);
  }
  return found;
}

/** As MDL writes it. */
const written = (given: PictureSettings[string]): string =>
  typeof given === 'object'
    ? `[${given.map((one) => (typeof one === 'string' ? quoted(one) : Number.isInteger(one) ? `${one}.0` : one)).join(', ')}]`
    : JSON.stringify(given);

function hasTemplate(folder: string): boolean {
  if ([TEMPLATE_FILES.text, TEMPLATE_FILES.processor].some((name) => existsSync(join(folder, name)))) return true;
  return Boolean(readObject(folder, TEMPLATE_FILES.config)?.chat_template);
}

const FINETUNE = `
/// every parameter, on texts
stage finetune {
  train **
  optimize adamw(betas = (0.9, 0.999), weight_decay = 0.01)
  schedule linear_warmup_cosine(warmup_lr = 1e-6, lr = 2e-5, min_lr = 2e-6, warmup = 20, iters = 400, epochs = 1)
  batch 4
  clip 1.0
}
`;

/** A file of models/; imports of the zoo are of this folder. */
function readZoo(name: string): string | undefined {
  if (!/^[\w-]+\.mdl$/.test(name)) return undefined;
  const file = join(packageRoot(), 'models', name);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** The package's folder: the nearest above this file with a package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
