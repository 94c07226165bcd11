/** docs/pytorch.md: the five commands from a page to a cluster, run one after the other as the page has them. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith, mdl, PICTURE, ROOT } from '../cli/support.ts';
import { describeTorch } from './support.ts';
import { environment, pythonProgram, stepsOf } from './training.ts';

const PAGE = readFileSync(join(ROOT, 'docs/pytorch.md'), 'utf8');
const HEADING = '### From a page to a cluster in five commands';

/** The commands of the block below a heading, each as its words. */
function commandsBelow(heading: string): string[][] {
  const block = /```sh\n([\s\S]*?)```/.exec(PAGE.slice(PAGE.indexOf(heading)))![1]!;
  return block
    .trim()
    .split('\n')
    .map((line) => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!));
}

describeTorch('from a page to a cluster', () => {
  it('takes five commands', async () => {
    const folder = folderWith();
    cpSync(join(ROOT, 'models'), join(folder, 'models'), { recursive: true });
    copyFileSync(PICTURE, join(folder, 'cat.png'));
    const python = (...args: readonly string[]) =>
      spawnSync(pythonProgram(), args, { cwd: folder, env: environment, encoding: 'utf8', timeout: 280_000 });
    const commands = commandsBelow(HEADING);
    expect(commands.map(([program]) => program)).toEqual(['mdl', 'mdl', 'torchrun', 'python', 'mdl']);
    for (const [program, ...args] of commands) {
      if (program === 'mdl') {
        const { code, stderr } = await mdl(folder, ...args);
        expect(code, stderr).toBe(0);
      } else {
        const launcher = program === 'torchrun' ? ['-m', 'torch.distributed.run'] : [];
        const { status, stdout, stderr } = python(...launcher, ...args);
        expect(status, stdout + stderr).toBe(0);
        if (program === 'python') expect(stdout.trim()).not.toBe('');
      }
    }
    expect(stepsOf(join(folder, 'runs/stage2')).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(existsSync(join(folder, 'out/page/manifest.json'))).toBe(true);
  }, 900_000);
});
