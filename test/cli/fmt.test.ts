/** `mdl fmt`: files, folders and standard input; what --check and --diff say, and what is written. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith, mdl, mdlProcess, ROOT } from './support.ts';

const UGLY = 'flag   a=true\n';
const PRETTY = 'flag a = true\n';
const BROKEN = 'flag   a=true\n\nmodule  A( {\n}\n';

it('writes a file in place, once', async () => {
  const folder = folderWith({ 'a.mdl': UGLY });
  expect(await mdl(folder, 'fmt', 'a.mdl')).toEqual({ code: 0, stdout: 'formatted a.mdl\n', stderr: '' });
  expect(readFileSync(join(folder, 'a.mdl'), 'utf8')).toBe(PRETTY);
  expect((await mdl(folder, 'fmt', 'a.mdl')).stdout).toBe('1 file, nothing to change\n');
  expect(readdirSync(folder)).toEqual(['a.mdl']);
});

it('a folder is its .mdl files and those below, but for what is hidden, built or installed', async () => {
  const folder = folderWith({ 'a.mdl': UGLY, 'b/c.mdl': UGLY, 'b/d.txt': UGLY });
  for (const name of ['node_modules', 'dist', '.git']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'x.mdl'), UGLY);
  }
  expect(await mdl(folder, 'fmt', '--check', '.')).toEqual({
    code: 1,
    stdout: 'a.mdl is not formatted\nb/c.mdl is not formatted\n',
    stderr: '',
  });
  expect(readFileSync(join(folder, 'a.mdl'), 'utf8')).toBe(UGLY);
  await mdl(folder, 'fmt', '.');
  expect(await mdl(folder, 'fmt', '--check', '.')).toMatchObject({ code: 0, stdout: '2 files are formatted\n' });
});

it('--diff prints what would change', async () => {
  const { code, stdout } = await mdl(folderWith({ 'a.mdl': UGLY }), 'fmt', '--diff', 'a.mdl');
  expect(code).toBe(1);
  expect(stdout).toContain('--- a.mdl');
  expect(stdout).toContain('@@ -1,1 +1,1 @@\n-flag   a=true\n+flag a = true\n');
});

it('--json has the new text of what changes', async () => {
  const folder = folderWith({ 'a.mdl': UGLY, 'b.mdl': PRETTY });
  const { code, stdout } = await mdl(folder, '--json', 'fmt', '--check', '.');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    version: 1,
    files: 2,
    changed: [{ file: 'a.mdl', text: PRETTY }],
    diagnostics: [],
  });
});

it('a file with a mistake: the rest is formatted, the mistake is shown', async () => {
  const folder = folderWith({ 'a.mdl': BROKEN });
  const { code, stdout, stderr } = await mdl(folder, 'fmt', 'a.mdl');
  expect({ code, stdout }).toEqual({ code: 1, stdout: 'formatted a.mdl\n' });
  expect(stderr).toContain('error[E0005]');
  expect(stderr).toContain('a.mdl:3');
  expect(readFileSync(join(folder, 'a.mdl'), 'utf8')).toBe(PRETTY + BROKEN.slice(UGLY.length));
});

it('- reads standard input and writes standard output', async () => {
  // npx tsx would start slowly; the process of mdlProcess has no input
  const folder = folderWith({});
  const args = ['--import', 'tsx', join(ROOT, 'src/compiler/cli/main.ts'), 'fmt', '-'];
  expect(execFileSync(process.execPath, args, { input: UGLY, cwd: ROOT, encoding: 'utf8' })).toBe(PRETTY);
  const beside = await mdlProcess(folder, 'fmt', '-', 'a.mdl');
  expect(beside.code).toBe(1);
  expect(beside.stderr).toContain('error[C0480]: `-` is standard input, and a file was given beside it');
});

it('a folder without .mdl files, and what is not there, are errors', async () => {
  const folder = folderWith({ 'a.txt': '' });
  const empty = await mdl(folder, 'fmt', '.');
  expect(empty.code).toBe(1);
  expect(empty.stderr).toContain('error[C0481]: there is no .mdl file in . or below');
  expect((await mdl(folder, 'fmt', 'b.mdl')).stderr).toContain(
    'error[C0104]: the file b.mdl cannot be read: no such file',
  );
});

it('bytes that are not UTF-8 are refused with their place, and no file is touched', async () => {
  const folder = folderWith({ 'a.mdl': UGLY });
  const file = join(folder, 'b.mdl');
  // U+FFFD itself is text; the last bytes are the beginning of one that is cut short
  for (const [tail, byte] of [
    [[0xe9, 0x0a], '0xe9'],
    [[0xef, 0xbf], '0xef'],
  ] as const) {
    const bytes = Buffer.concat([Buffer.from('// é \ufffd\n// caf'), Buffer.from(tail)]);
    writeFileSync(file, bytes);
    const { code, stderr } = await mdl(folder, 'fmt', '.');
    expect(code).toBe(1);
    expect(stderr).toContain(`error[C0483]: b.mdl:2 is not UTF-8 at byte 16: ${byte}; save it as UTF-8`);
    expect(readFileSync(file)).toEqual(bytes);
    expect(readFileSync(join(folder, 'a.mdl'), 'utf8')).toBe(UGLY);
  }
  const args = ['--import', 'tsx', join(ROOT, 'src/compiler/cli/main.ts'), 'fmt', '-'];
  const input = Buffer.from('flag   a=true // caf\xe9\n', 'latin1');
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, cwd: ROOT, encoding: 'utf8' });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain('error[C0483]: stdin:1 is not UTF-8 at byte 20: 0xe9');
});

it('a file with other names keeps them: all have the new text', async () => {
  const folder = folderWith({ 'a.mdl': UGLY });
  const [a, b] = [join(folder, 'a.mdl'), join(folder, 'b.mdl')];
  linkSync(a, b);
  expect((await mdl(folder, 'fmt', 'a.mdl')).stdout).toBe('formatted a.mdl\n');
  expect(readFileSync(b, 'utf8')).toBe(PRETTY);
  expect(statSync(a).ino).toBe(statSync(b).ino);
  expect(readdirSync(folder)).toEqual(['a.mdl', 'b.mdl']);
});

it('a symbolic link stays one: the file that it leads to is formatted', async () => {
  const folder = folderWith({ 'kept/a.mdl': UGLY });
  symlinkSync('kept/a.mdl', join(folder, 'link.mdl'));
  await mdl(folder, 'fmt', 'link.mdl');
  expect(lstatSync(join(folder, 'link.mdl')).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(folder, 'kept/a.mdl'), 'utf8')).toBe(PRETTY);
  expect([readdirSync(folder), readdirSync(join(folder, 'kept'))]).toEqual([['kept', 'link.mdl'], ['a.mdl']]);
});
