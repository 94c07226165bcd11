/** Every command that reads a program refuses bytes that are not UTF-8, by file, line and byte, in what is imported too. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { spawned } from '../lsp/client.ts';
import { folderWith, mdl, program } from './support.ts';

const LIB = '// café\nfn twice(x) { x + x }\n';
const NET = 'import { twice } from "./lib.mdl"\n\nmodel Net {\n  entry run(x: [B, 4]) -> (y: [B, 4]) { twice(x) }\n}\n';
const REFUSED = /^error\[C0483\]: (HEAD:)?lib\.mdl:1 is not UTF-8 at byte 6: 0xe9; save it as UTF-8/m;

function project(): string {
  const folder = folderWith({ 'net.mdl': NET });
  writeFileSync(join(folder, 'lib.mdl'), Buffer.from(LIB, 'latin1'));
  return folder;
}

it.each([
  ['check', 'net.mdl'],
  ['check', 'lib.mdl'],
  ['compile', 'net.mdl', '--init', '0', '--out', 'out'],
  ['ir', 'net.mdl', '--entry', 'run'],
  ['summary', 'net.mdl'],
  ['view', 'net.mdl', '--out', 'out'],
  ['diff', 'net.mdl', 'net.mdl'],
  ['fmt', 'lib.mdl'],
])('mdl %s %s', async (...args) => {
  const folder = project();
  const { code, stdout, stderr } = await mdl(folder, ...args);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(REFUSED);
  expect(existsSync(join(folder, 'out'))).toBe(false);
});

it('mdl diff of a revision', async () => {
  const folder = project();
  const git = (...args: string[]): void => {
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false'];
    execFileSync('git', [...who, ...args], { cwd: folder, stdio: 'pipe' });
  };
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
  writeFileSync(join(folder, 'lib.mdl'), LIB);
  const { code, stderr } = await mdl(folder, 'diff', 'HEAD:net.mdl', 'net.mdl');
  expect(code).toBe(1);
  expect(stderr).toMatch(REFUSED);
  expect(stderr).toContain('HEAD:lib.mdl:1');
});

it('mdl watch says so and goes on', async () => {
  const folder = project();
  const child = spawn(process.execPath, [program(), 'watch', 'net.mdl'], { cwd: folder, stdio: 'pipe' });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      printed += data.toString();
    });
  await expect.poll(() => printed, { timeout: 60_000 }).toContain('watching');
  expect(printed).toMatch(REFUSED);
  const write = (): string => {
    writeFileSync(join(folder, 'lib.mdl'), LIB);
    return printed;
  };
  await expect.poll(write, { timeout: 60_000, interval: 1000 }).toContain('net.mdl: no problems');
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  expect((await ended)[0]).toBe(0);
});

it('mdl lsp warns once', async () => {
  const folder = project();
  const child = spawn(process.execPath, [program(), 'lsp', '--stdio'], { cwd: folder, stdio: 'pipe' });
  const client = spawned(child, `${pathToFileURL(folder).href}/`);
  const warnings: string[] = [];
  client.connection.onNotification(
    'window/showMessage',
    ({ message }: { message: string }) => void warnings.push(message),
  );
  await client.initialize({});
  await client.open('net.mdl', NET);
  expect(await client.diagnostics('net.mdl')).toEqual([]);
  await client.edit('net.mdl', 'twice(x)', 'twice(twice(x))');
  expect(await client.diagnostics('net.mdl')).toEqual([]);
  expect(warnings).toEqual([
    `${join(folder, 'lib.mdl')} is not UTF-8, so no command of mdl reads it: save it as UTF-8`,
  ]);
  const ended = once(child, 'exit');
  await client.connection.sendRequest('shutdown');
  await client.connection.sendNotification('exit');
  await ended;
});
