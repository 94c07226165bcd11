/** fmt, lsp, diff, doctor and other tools: C0435, C048, C049. A part of the catalogue of ../errors.ts. */
import { entry } from './entry.ts';

export const CLI_TOOLS = {
  git_revision: entry(
    'C0482',
    ({ file, reason }: { file: string; reason: string }) => `${file} cannot be read from git: ${reason}`,
    '`REVISION:FILE` is a file as it was in a revision: `HEAD~1:models/a.mdl`, `main:a.mdl`, with a path from the working directory. git must be installed, the folder in a repository, and the file in that revision.',
  ),
  stdin_alone: entry(
    'C0480',
    ({ others }: { others: number }) =>
      `\`-\` is standard input, and ${others === 1 ? 'a file was' : `${others} files were`} given beside it: format them in another call`,
    '`mdl fmt -` reads a program from standard input and writes it, formatted, to standard output. With files or folders it rewrites them in place, so the two do not go together.',
  ),
  no_models: entry(
    'C0481',
    ({ folder }: { folder: string }) => `there is no .mdl file in ${folder} or below: name a file, or another folder`,
    'A folder stands for all .mdl files in it and in the folders below, but for node_modules, dist and those whose names start with a dot.',
  ),
  doctor_backend: entry(
    'C0435',
    ({ backend, reason }: { backend: string; reason: string }) => `the backend ${backend} is not here: ${reason}`,
    '`mdl doctor` judges the backends that this machine has. `onnx` needs the package onnxruntime-node; `webgpu` needs the package webgpu and a driver, or a Node that has navigator.gpu.',
  ),
  not_utf8: entry(
    'C0483',
    ({ file, line, offset, byte }: { file: string; line: number; offset: number; byte: number }) =>
      `${file}:${line} is not UTF-8 at byte ${offset}: 0x${byte.toString(16).padStart(2, '0')}; save it as UTF-8`,
    'A program is UTF-8, an imported file too. Other bytes have no meaning in it, and `mdl fmt` could not write them back; the file stays as it was. Convert it with an editor or with `iconv -f latin1 -t utf-8`.',
  ),
} as const;
