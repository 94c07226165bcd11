/** `mdl init`: a small project that trains in about a minute, of the package's own files: a model, data and a page with commands. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { packageRoot } from '../../workbench/folder/program.ts';
import type { Output } from '../output.ts';

/** The pages of docs/ that the text model learns from: prose, about 100 KB. */
const PAGES = [
  'adapters.md',
  'checkpoints.md',
  'data.md',
  'folders.md',
  'images.md',
  'language.md',
  'performance.md',
  'recipes.md',
  'rejected.md',
  'text.md',
  'webgpu.md',
];
/** of the config that a command takes unless told otherwise: the first of the file */
const CONFIG = 'bytes';
/** four passes over the pages and more; the example's stage is shorter */
const STEPS = 1000;

const COMMANDS = [
  'mdl train model.mdl --init 1 --data data --val-split 0.1 --out runs/first',
  'mdl evaluate model.mdl --weights runs/first/model.safetensors --data data --val-split 0.1',
  'mdl generate model.mdl --weights runs/first/model.safetensors --prompt "The model " --temperature 0.7',
] as const;

const README = `# A small language model

\`model.mdl\` is a GPT whose tokens are bytes, \`data/\` what it learns from: pages of MDL's documentation. Put your own texts there (\`.txt\`, \`.md\`, or
\`.jsonl\` with \`{"text": "…"}\` in each line) and train again.

Train it, with a tenth of the data kept to judge it by:

    ${COMMANDS[0]}

Judge it by that tenth:

    ${COMMANDS[1]}

Let it go on from a prompt:

    ${COMMANDS[2]}

\`--steps 50\` trains for a few seconds only, another \`--out\` keeps another run, and \`runs/first/report.html\` has the curves.
`;

/** @throws CliError C0426 for a folder that is not empty, C0104 and C0105 */
export default async function init(output: Output, [kind, folder]: readonly string[]): Promise<void> {
  // `new/..` is a folder that is there, whether or not `new` is
  const root = resolve(folder!);
  refuseUsed(folder!, root);
  const files = new Map([
    ['model.mdl', modelText(packageFile('examples/gpt.mdl'))],
    ...PAGES.map((page) => [`data/${page}`, packageFile(`docs/${page}`)] as const),
    ['README.md', README],
  ]);
  write(root, files);
  const lines = [
    `${folder}: model.mdl, README.md and ${PAGES.length} texts in data/. From there:`,
    ...COMMANDS.map((command) => `  ${command}`),
  ];
  output.result(lines.join('\n'), { kind, folder, files: [...files.keys()], commands: COMMANDS });
}

function refuseUsed(folder: string, root: string): void {
  const status = statSync(root, { throwIfNoEntry: false });
  if (!status) return;
  if (!status.isDirectory()) throw cliError('file_not_written', { file: folder, reason: 'a file is in the way' });
  const [first] = readdirSync(root).sort();
  if (first !== undefined) throw cliError('folder_not_empty', { folder, first });
}

function packageFile(path: string): string {
  const file = join(packageRoot(), path);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw cliError('file_not_read', { what: "the package's file", file, reason: reasonOf(error) }, [], error);
  }
}

/** The example with its small config first, which makes it the one that is taken, and a longer stage. */
function modelText(example: string): string {
  const [config] = new RegExp(`(^///.*\\n)*^config ${CONFIG} .*\\n\\n`, 'm').exec(example)!;
  const rest = example.replace(config, '');
  const at = rest.search(/^config /m);
  return `${rest.slice(0, at)}${config}${rest.slice(at)}`.replace(/\biters = \d+/, `iters = ${STEPS}`);
}

/** All files, or none: they get their names when every one is on the disk. */
function write(folder: string, files: ReadonlyMap<string, string>): void {
  const written: string[] = [];
  let file = folder;
  try {
    for (const [name, text] of files) {
      file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      written.push(`${file}.part`);
      writeFileSync(`${file}.part`, text);
    }
    for (const part of written) renameSync(part, part.slice(0, -'.part'.length));
  } catch (error) {
    for (const part of written) rmSync(part, { force: true });
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}
