/** What `mdl init` writes: files of a small project, and the commands that its page shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { packageRoot } from '../../workbench/folder/program.ts';

export interface Project {
  /** of the page, without `#` */
  readonly title: string;
  /** its first lines: the model, the data, and what to put in the data's place */
  readonly about: string;
  /** what to do, and the command that does it, in order; the first trains */
  readonly steps: readonly (readonly [what: string, command: string])[];
  /** for the line that is printed: `11 texts in data/` */
  readonly data: string;
  /** by path in the project, beside the page; `/` between folders */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
}

/** README.md of the project. */
export function pageOf({ title, about, steps }: Project): string {
  const told = steps.map(([what, command]) => `${what}:\n\n    ${command}\n`);
  const last =
    '`--steps 50` trains for a few seconds only, another `--out` keeps another run, and `runs/first/report.html` has the curves.\n';
  return [`# ${title}\n`, `${about}\n`, ...told, last].join('\n');
}

/** A file that the package has. @throws CliError C0104 */
export function packageFile(path: string): string {
  const file = join(packageRoot(), path);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw cliError('file_not_read', { what: "the package's file", file, reason: reasonOf(error) }, [], error);
  }
}

/**
 * An example with one of its configs first, which makes it the one that is taken, and with a stage of so many steps.
 * @param change of the config's own text
 */
export function exampleModel(
  file: string,
  config: string,
  steps: number,
  change: (config: string) => string = (text) => text,
): string {
  const example = packageFile(`examples/${file}`);
  const [found] = new RegExp(`(^///.*\\n)*^config ${config} [^}]*\\}\\n\\n`, 'm').exec(example)!;
  const rest = example.replace(found, '');
  const at = rest.search(/^(\/\/\/.*\n)*config /m);
  return `${rest.slice(0, at)}${change(found)}${rest.slice(at)}`.replace(/\biters = \d+/, `iters = ${steps}`);
}
