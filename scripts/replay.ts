/**
 * Does a refactor change what is compiled? Compiles every model with every configuration, with the code of a git
 * revision and with the working tree's, and compares what comes out byte by byte.
 *
 *     npx tsx scripts/replay.ts [revision] [--only TEXT,…] [-- options of mdl compile]     the revision is HEAD unless told
 *
 *     npm run replay -- HEAD~3 --only tinygpt-v,bert -- --target webgpu
 *
 * --only compiles the models and configurations whose `path config` has one of these texts: all of them take minutes.
 *
 * Prints the files that differ and exits with 1, or says that nothing does; 2 where it cannot compare. The models are the working tree's in both
 * runs: the compilers are compared, not the models. Needs what the revision needs in node_modules.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

export interface Case {
  /** relative to the project */
  readonly model: string;
  readonly config: string;
}

/** Every file of models/ that declares a model, with each configuration it declares. */
export function casesOf(root: string): readonly Case[] {
  const files = readdirSync(join(root, 'models'), { recursive: true, encoding: 'utf8' }).sort();
  return files.flatMap((name) => {
    const model = posix.join('models', name.replaceAll('\\', '/'));
    const text = name.endsWith('.mdl') ? readFileSync(join(root, model), 'utf8') : '';
    if (!/^model\s/m.test(text)) return [];
    return [...text.matchAll(/^config\s+(\w+)/gm)].map((match) => ({ model, config: match[1]! }));
  });
}

/** @throws Error for a text that no case has, which would compare nothing */
export function chosen(cases: readonly Case[], texts: readonly string[]): readonly Case[] {
  const has = ({ model, config }: Case, text: string): boolean => `${model} ${config}`.includes(text);
  const unknown = texts.find((text) => !cases.some((one) => has(one, text)));
  if (unknown !== undefined) {
    const all = cases.map(({ model, config }) => `  ${model} ${config}`).join('\n');
    throw new Error(`--only ${unknown} is no part of any of these:\n${all}`);
  }
  return texts.length === 0 ? cases : cases.filter((one) => texts.some((text) => has(one, text)));
}

/** Paths of the files that are different in two folders, or in one of them only. */
export function compareFolders(before: string, after: string): readonly string[] {
  const list = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const [old, current] = [new Set(list(before)), new Set(list(after))];
  return [...new Set([...old, ...current])].sort().flatMap((path) => {
    if (!current.has(path)) return `removed ${path}`;
    if (!old.has(path)) return `added   ${path}`;
    return readFileSync(join(before, path)).equals(readFileSync(join(after, path))) ? [] : `changed ${path}`;
  });
}

/** The tree of a revision, without touching the checkout, with this checkout's packages. */
function unpack(root: string, revision: string, folder: string): void {
  mkdirSync(folder);
  const archive = execFileSync('git', ['archive', '--format=tar', revision], { cwd: root, maxBuffer: 1 << 30 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
}

/** Compiles all cases with the code at `code`; what is printed and the exit status belong to the result. */
function compileAll(code: string, root: string, cases: readonly Case[], options: readonly string[], out: string): void {
  execFileSync(process.execPath, [join(code, 'scripts/build.mjs')], {
    cwd: code,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (const { model, config } of cases) {
    const folder = join(out, model, config);
    mkdirSync(dirname(folder), { recursive: true });
    const args = [join(code, 'dist/mdl.js'), 'compile', model, '--config', config, '--out', folder, ...options];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    const printed = `${stdout}${stderr}`.replaceAll(out, 'out').replaceAll(/\b[\d.]+ m?s\b/g, '… s'); // times differ
    writeFileSync(`${folder}.output.txt`, `exit ${status}\n${printed}`);
    if (status !== 0) console.error(`${model} with ${config} does not compile: ${printed.split('\n')[0]}`);
  }
}

export interface Request {
  readonly revision: string;
  /** of `--only` */
  readonly texts: readonly string[];
  /** of mdl compile */
  readonly options: readonly string[];
}

/** @throws Error that says where an option of mdl compile goes, and for several revisions */
export function requestOf(args: readonly string[]): Request {
  const split = args.includes('--') ? args.indexOf('--') : args.length;
  const own = args.slice(0, split);
  const foreign = own.findIndex((word) => word.startsWith('-') && !/^--only(=|$)/.test(word));
  if (foreign >= 0) {
    const moved = own.slice(foreign).join(' ');
    throw new Error(
      `${own[foreign]} is no option of replay; those of mdl compile follow a -- of their own: npm run replay -- ${[...own.slice(0, foreign), '--'].join(' ')} ${moved}`,
    );
  }
  const { values, positionals } = parseArgs({
    args: own,
    options: { only: { type: 'string' } },
    allowPositionals: true,
  });
  const [revision = 'HEAD', ...more] = positionals;
  if (more.length > 0) throw new Error(`replay takes one revision and got ${positionals.join(' ')}`);
  return { revision, texts: values.only?.split(',') ?? [], options: args.slice(split + 1) };
}

function main(args: readonly string[]): void {
  const { revision, texts, options } = requestOf(args);
  const root = fileURLToPath(new URL('..', import.meta.url));
  const cases = chosen(casesOf(root), texts);
  const folder = mkdtempSync(join(tmpdir(), 'mdl-replay-'));
  try {
    unpack(root, revision, join(folder, 'code'));
    const [before, after] = [join(folder, 'before'), join(folder, 'after')];
    compileAll(join(folder, 'code'), root, cases, options, before);
    compileAll(root, root, cases, options, after);
    const differences = compareFolders(before, after);
    for (const difference of differences) console.log(difference);
    const what = `${cases.length} compilations against ${revision}`;
    console.log(differences.length === 0 ? `${what}: no difference` : `${what}: ${differences.length} files differ`);
    process.exitCode = differences.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    // what was asked for cannot be done: no trace of this script helps
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
