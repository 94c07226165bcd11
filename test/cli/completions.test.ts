/** `mdl completions`: bash is asked itself, the others by their text. */
import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { folderWith, mdl, mdlProcess } from './support.ts';

const scripts = new Map<string, string>();
beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish'])
    scripts.set(shell, (await mdl(folderWith({}), 'completions', shell)).stdout);
});

/** What bash offers for the last of some words. */
function offered(...words: string[]): string[] {
  const list = words.map((word) => `'${word}'`).join(' ');
  const asked = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _mdl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', `${scripts.get('bash')}\n${asked}`], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

describe('bash', () => {
  it('completes commands', () => {
    expect(offered('mdl', 'comp')).toEqual(['compile', 'completions']);
    expect(offered('mdl', 'expl')).toEqual(['explain-plan', 'explain']);
  });
  it('completes the options of a command, and those of all', () => {
    expect(offered('mdl', 'diff', 'a.mdl', '--to')).toEqual(['--to-config', '--to-set']);
    expect(offered('mdl', 'fmt', '--')).toEqual(expect.arrayContaining(['--check', '--diff', '--json']));
  });
  it('completes what an option can be', () => {
    expect(offered('mdl', 'compile', 'a.mdl', '--target', '')).toEqual(expect.arrayContaining(['onnx', 'webgpu']));
    expect(offered('mdl', 'run', 'a.mdl', '--backend', 'web')).toEqual(['webgpu']);
  });
  it('leaves files to the shell', () => {
    expect(offered('mdl', 'check', 'mod')).toEqual(['']);
  });
});

it('zsh runs the same function', () => {
  expect(scripts.get('zsh')).toBe(`autoload -U +X bashcompinit && bashcompinit\n${scripts.get('bash')}`);
});

it('fish has a line for each command and option', () => {
  const fish = scripts.get('fish')!;
  expect(fish).toContain(
    "complete -c mdl -n __fish_use_subcommand -a fmt -d 'write .mdl files in the one layout there is;",
  );
  expect(fish).toMatch(
    /^complete -c mdl -n '__fish_seen_subcommand_from compile' -l target -x -a '[a-z ]*webgpu[a-z ]*' -d /m,
  );
  // an apostrophe in a description does not end the word
  for (const line of fish.trim().split('\n')) expect(line.replaceAll("\\'", '').split("'").length % 2, line).toBe(1);
});

it('another shell is refused', async () => {
  const { code, stderr } = await mdlProcess(folderWith({}), 'completions', 'tcsh');
  expect(code).toBe(2);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish');
});
