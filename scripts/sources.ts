/**
 * Rules on the text of the repository's files: words that must not be in them, and length.
 *
 * Run alone with `npx tsx scripts/sources.ts [folder]`, or by `npm run check`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Lines of a file that a person still has in view; a longer one is split by meaning. */
const MAX_LINES = 400;

interface Rule {
  readonly pattern: RegExp;
  /** of the files it applies to */
  readonly files: RegExp;
  readonly why: string;
}

const CODE = /\.(ts|mts|mjs|js|mdl|json|md|html|sh|ya?ml)$|(^|\/)[^./]+$/;

/** The patterns are written so that they do not match themselves. */
const FORBIDDEN: readonly Rule[] = [
  {
    pattern: /(?<![\w.)}\]])\/(?:work|tmp|root|home|Users)\/(?=\w)/,
    files: CODE,
    why: 'an absolute path of one machine means nothing on another',
  },
  { pattern: /\b(?:TO[D]O|FIX[M]E|XX[X])\b/, files: CODE, why: 'what is left to do belongs in an issue' },
  {
    pattern: /(?::\s*|\bas\s+|<)an[y]\b(?!\w)|@ts-(?:ignore|nocheck|expect-error)\b/,
    files: /\.(ts|mts)$/,
    why: 'types are the first test: use unknown and narrow it',
  },
  { pattern: /\b(?:describe|it|test)\.onl[y]\b/, files: /\.test\.ts$/, why: 'it hides every other test' },
  {
    pattern: /\bmkdtemp(?:Sync)?\(\s*(?:path\.)?join\(tmpdir\(\)/,
    files: /^test\/(?!support\/folder\.ts$)/,
    why: 'nothing removes it: folderWith() of test/support/folder.ts does',
  },
];

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly why: string;
}

/** Comments and strings are prose: `: a word` in them is no type. */
function withoutProse(line: string): string {
  return line
    .replace(/(['"`])(?:\\.|(?!\1).)*\1/g, '""')
    .replace(/\/\/.*$/, '')
    .replace(/^\s*\/?\*.*$/, '');
}

export function findForbidden(file: string, text: string): readonly Finding[] {
  const rules = FORBIDDEN.filter((rule) => rule.files.test(file));
  return text.split('\n').flatMap((line, i) =>
    rules.flatMap(({ pattern, files, why }) => {
      const subject = files.test('a.md') || line.includes('@ts-') ? line : withoutProse(line);
      const match = pattern.exec(subject);
      return match ? [{ file, line: i + 1, text: match[0], why }] : [];
    }),
  );
}

/** Files of the repository as git sees them, what it ignores left out; fixtures and generated texts are not written by hand. */
function filesOf(root: string): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' });
  return listed
    .split('\0')
    .filter((file) => file !== '' && CODE.test(file) && existsSync(join(root, file)))
    .filter((file) => !/^test\/fixtures\/|\.generated\.|^package-lock\.json$/.test(file));
}

/** Checks every file of the repository at `root`. */
export function checkSources(root: string): {
  readonly findings: readonly Finding[];
  readonly long: readonly string[];
} {
  const texts = filesOf(root).map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
  const long = texts
    .filter(({ file }) => /\.(ts|mjs)$/.test(file))
    .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES);
  return {
    findings: texts.flatMap(({ file, text }) => findForbidden(file, text)),
    long: long.map(({ file, lines }) => `${file} (${lines} lines)`),
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { findings, long } = checkSources(resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))));
  for (const { file, line, text, why } of findings) console.log(`${file}:${line} has ${JSON.stringify(text)}: ${why}`);
  for (const file of long) console.log(`${file} is longer than ${MAX_LINES} lines: split it by meaning`);
  process.exitCode = findings.length + long.length === 0 ? 0 : 1;
}
