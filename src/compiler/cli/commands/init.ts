/** `mdl init`: a small project that trains in about a minute, of the package's own files: a model, data and a page with commands. */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { imageProject } from '../init/image.ts';
import type { Kind } from '../init/kinds.ts';
import { type Project, pageOf } from '../init/project.ts';
import { textProject } from '../init/text.ts';
import { visionLanguageProject } from '../init/vision-language.ts';
import type { Output } from '../output.ts';

const PROJECTS: { readonly [K in Kind]: () => Project } = {
  text: textProject,
  image: imageProject,
  'vision-language': visionLanguageProject,
};

/** @throws CliError C0426 for a folder that is not empty, C0104 and C0105 */
export default async function init(output: Output, [kind, folder]: readonly string[]): Promise<void> {
  // `new/..` is a folder that is there, whether or not `new` is
  const root = resolve(folder!);
  refuseUsed(folder!, root);
  const project = PROJECTS[kind as Kind]();
  const files = new Map([...project.files, ['README.md', pageOf(project)] as const]);
  write(root, files);
  const commands = project.steps.map(([, command]) => command);
  const lines = [
    `${folder}: model.mdl, README.md and ${project.data}. From there:`,
    ...commands.map((command) => `  ${command}`),
  ];
  output.result(lines.join('\n'), { kind, folder, files: [...files.keys()], commands });
}

function refuseUsed(folder: string, root: string): void {
  const status = statSync(root, { throwIfNoEntry: false });
  if (!status) return;
  if (!status.isDirectory()) throw cliError('file_not_written', { file: folder, reason: 'a file is in the way' });
  const [first] = readdirSync(root).sort();
  if (first !== undefined) throw cliError('folder_not_empty', { folder, first });
}

/** All files, or none: they get their names when every one is on the disk. */
function write(folder: string, files: ReadonlyMap<string, string | Uint8Array>): void {
  const written: string[] = [];
  let file = folder;
  try {
    for (const [name, content] of files) {
      file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      written.push(`${file}.part`);
      writeFileSync(`${file}.part`, content);
    }
    for (const part of written) renameSync(part, part.slice(0, -'.part'.length));
  } catch (error) {
    for (const part of written) rmSync(part, { force: true });
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}
