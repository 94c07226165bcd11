/** docs/cli.md has every command with every option, each in the section of its command, and no others. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { mdl } from '../cli/support.ts';
import { type Built, buildPackage, REPOSITORY } from './built.ts';

const page = readFileSync(join(REPOSITORY, 'docs/cli.md'), 'utf8');
/** `## mdl run` and so on, with what follows; '' is what stands before the first. */
const sections = new Map(
  page.split(/^## (?=\S)/m).map((text) => [text.slice(0, text.indexOf('\n')).replace(/^mdl /, ''), text] as const),
);
/** These options are described once, for the commands that share them. */
const SHARED = ['Options of every command', 'Which model: settings', 'Which numbers: weights'];

let built: Built;
beforeAll(() => {
  built = buildPackage();
});

/** `--name` of each option that a help page lists. */
function optionsOf(help: string): string[] {
  return [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map((match) => match[1]!);
}

/** Commands of `mdl --help`, without `help`. */
async function commands(): Promise<string[]> {
  const { stdout } = await mdl(REPOSITORY, '--help');
  const list = /^Commands:\n([\s\S]*?)\n\n/m.exec(stdout)![1]!;
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1]!).filter((name) => name !== 'help');
}

it('has a section for each command, and for no other', async () => {
  const documented = [...page.matchAll(/^## mdl ([a-z-]+)$/gm)].map((match) => match[1]!);
  expect(documented.sort()).toEqual((await commands()).sort());
});

it('describes each option of each command', async () => {
  const shared = SHARED.map((name) => sections.get(name)!).join('');
  const missing: string[] = [];
  const listed = new Set<string>();
  for (const command of await commands()) {
    const { stdout } = await mdl(REPOSITORY, command, '--help');
    for (const option of optionsOf(stdout)) {
      listed.add(option);
      const described = `${shared}${sections.get(command) ?? ''}`;
      if (!new RegExp(`\`${option}[ \`]`).test(described)) missing.push(`${command} ${option}`);
    }
  }
  expect(missing).toEqual([]);
  const described = [...page.matchAll(/^\| .*/gm)].flatMap((row) =>
    [...row[0].matchAll(/`(--[a-z-]+)/g)].map((match) => match[1]!),
  );
  expect(described.filter((option) => !listed.has(option))).toEqual([]);
});

it('says which codes the program exits with', async () => {
  const codes = [...page.matchAll(/^\| (\d+) +\|/gm)].map((match) => Number(match[1]));
  expect(codes).toEqual([0, 1, 2, 70, 130]);
  expect((await built.run('node dist/mdl.js --help')).code).toBe(0);
  expect((await built.run('node dist/mdl.js check nowhere.mdl')).code).toBe(1);
  expect((await built.run('node dist/mdl.js check')).code).toBe(2);
  expect((await built.run('node dist/mdl.js unknown')).code).toBe(2);
});

it('shows the JSON that errors have', async () => {
  writeFileSync(join(built.folder, 'wrong.mdl'), 'model M {');
  const diagnostics = await built.run('node dist/mdl.js compile wrong.mdl --json');
  expect(diagnostics.code).toBe(1);
  const range = { start: { line: 1 }, end: { line: 1 } };
  expect(JSON.parse(diagnostics.stdout)).toMatchObject({
    version: 1,
    diagnostics: [{ code: 'E0005', severity: 'error', file: 'wrong.mdl', range, notes: [], suggestions: [] }],
  });
  const error = await built.run('node dist/mdl.js explain X1 --json');
  expect(error.code).toBe(1);
  expect(JSON.parse(error.stdout)).toMatchObject({ version: 1, error: { code: 'C0107' } });
});
