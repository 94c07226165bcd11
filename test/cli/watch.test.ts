/** `mdl watch`: a check for each change, of what is imported too, until it is interrupted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith, mdl, program } from './support.ts';

const LIB = 'fn twice(x) { x + x }\n';
const NET = 'import { twice } from "./lib.mdl"\n\nmodel Net {\n  entry run(x: [B, 4]) -> (y: [B, 4]) { twice(x) }\n}\n';

it('checks again what changed, comes back from mistakes and ends with 0', async () => {
  const folder = folderWith({ 'net.mdl': NET, 'lib.mdl': LIB });
  const child = spawn(process.execPath, [program(), 'watch', 'net.mdl'], { cwd: folder, stdio: 'pipe' });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      printed += data.toString();
    });
  await expect.poll(() => printed, { timeout: 60_000 }).toContain('watching');
  /** Writes a file until the program has noticed: its first look at a file comes some time after its start. */
  const written = async (name: string, content: string, expected: string): Promise<void> => {
    printed = '';
    const write = (): string => {
      writeFileSync(join(folder, name), content);
      return printed;
    };
    await expect.poll(write, { timeout: 60_000, interval: 1000 }).toContain(expected);
  };
  await written('lib.mdl', LIB.replace('x + x', 'x + z'), 'z is not declared here');
  await written('net.mdl', NET.replace('lib.mdl', 'other.mdl'), 'other.mdl');
  // a file that was not there is waited for
  await written('other.mdl', LIB, 'net.mdl: no problems');
  // git and some editors delete a file before they write it again
  printed = '';
  rmSync(join(folder, 'net.mdl'));
  await expect.poll(() => printed, { timeout: 60_000 }).toContain('error[C0104]: the model net.mdl cannot be read');
  await written('net.mdl', NET.replace('twice(x)', 'twice(q)'), 'q is not declared here');
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  expect((await ended)[0]).toBe(0);
});

it('a file that is not there from the start is an error', async () => {
  const { code, stderr } = await mdl(folderWith({}), 'watch', 'none.mdl');
  expect([code, stderr.match(/error\[C0104\]/g)]).toEqual([1, ['error[C0104]']]);
});
