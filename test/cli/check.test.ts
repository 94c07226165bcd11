/** `mdl check`: all mistakes of all files, under the default settings, every flag turned, and every config. */
import { describe, expect, it } from 'vitest';
import { folderWith, mdl, mdlProcess, SMALL, TINYGPTV } from './support.ts';

interface Report {
  readonly diagnostics: readonly unknown[];
}

const LIBRARY = 'module Twice(width) {\n  forward(x: [..., width]) -> [..., width] { x + x }\n}\n';

describe('files without mistakes', () => {
  it('one', async () => {
    expect(await mdl(folderWith({ 'small.mdl': SMALL }), 'check', 'small.mdl')).toEqual({
      code: 0,
      stdout: 'small.mdl: no problems\n',
      stderr: '',
    });
  });

  it('several, and a library without a model', async () => {
    const folder = folderWith({ 'small.mdl': SMALL, 'lib/twice.mdl': LIBRARY });
    expect(await mdl(folder, 'check', 'small.mdl', 'lib/twice.mdl')).toEqual({
      code: 0,
      stdout: 'small.mdl, lib/twice.mdl: no problems\n',
      stderr: '',
    });
  });

  it('as a program', async () => {
    expect(await mdlProcess(folderWith({ 'small.mdl': SMALL }), 'check', 'small.mdl')).toEqual({
      code: 0,
      stdout: 'small.mdl: no problems\n',
      stderr: '',
    });
  });

  it('--json: an empty list', async () => {
    const { stdout, code } = await mdl(folderWith({ 'small.mdl': SMALL }), '--json', 'check', 'small.mdl');
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Report).diagnostics).toEqual([]);
  });
});

describe('mistakes', () => {
  it('are found in every file, each once', async () => {
    const bad = SMALL.replace('Linear(d, hidden)', 'Linear(d + 1, hidden)');
    const folder = folderWith({ 'a.mdl': bad, 'b.mdl': LIBRARY.replace('x + x', 'x + y') });
    const { code, stdout, stderr } = await mdl(folder, 'check', 'a.mdl', 'b.mdl', 'a.mdl');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout.match(/--> a\.mdl/g)).toHaveLength(1);
    expect(stdout).toMatch(/^error\[E\d{4}\]: .*\bd?4\b/);
  });

  it('that only show with a flag turned', async () => {
    const hidden = SMALL.replace(
      'Scale(hidden) when scaled',
      'Scale(hidden) when scaled\n  let bad = 1 when scaled else missing',
    );
    const folder = folderWith({ 'small.mdl': hidden });
    const { code, stdout } = await mdl(folder, 'check', 'small.mdl');
    expect(code).toBe(1);
    expect(stdout).toMatch(/missing/);
  });

  it('that only show with a flag turned: an identity that changes the shape', async () => {
    const source = SMALL.replace(
      'scale = Scale(hidden) when scaled',
      'scale = Linear(hidden, hidden + 1) when scaled',
    ).replace('(y: [B, hidden])', '(y: [B, hidden + 1])');
    const { code, stdout } = await mdl(folderWith({ 'small.mdl': source }), 'check', 'small.mdl');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^error\[E/);
  });

  it('that only show under another config', async () => {
    const source = SMALL.replace('hidden = 4 }', 'd = 5 }').replace(
      'fc    = Linear(d, hidden)',
      'fc    = Linear(3, hidden)',
    );
    const folder = folderWith({ 'small.mdl': source });
    expect((await mdl(folder, 'check', 'small.mdl', '--config', 'base')).code).toBe(0);
    const { code, stdout } = await mdl(folder, 'check', 'small.mdl');
    expect(code).toBe(1);
    expect(stdout).toMatch(/\b5\b[\s\S]*\b3\b|\b3\b[\s\S]*\b5\b/);
  });

  it('--json has codes, messages and ranges', async () => {
    const folder = folderWith({ 'small.mdl': SMALL.replace('scale(before)', 'scael(before)') });
    const { code, stdout } = await mdl(folder, '--json', 'check', 'small.mdl');
    expect(code).toBe(1);
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: Record<string, unknown>[] };
    expect(diagnostics).toHaveLength(1);
    expect(JSON.stringify(diagnostics[0])).toMatch(/"code":"E\d{4}"/);
    expect(JSON.stringify(diagnostics[0])).toContain('small.mdl');
    expect(JSON.stringify(diagnostics[0])).toContain('scael');
    const line = SMALL.split('\n').findIndex((text) => text.includes('scale(before)')) + 1;
    expect(JSON.stringify(diagnostics[0])).toMatch(new RegExp(`"line":(${line}|${line - 1})`));
  });

  it('of the settings point into the command line', async () => {
    const folder = folderWith({ 'small.mdl': SMALL, 'c.json': '{"scaled": 3, "hiden": 4}' });
    const flag = await mdl(folder, 'check', 'small.mdl', '--set', 'scalde=false');
    expect(flag).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/E0220[\s\S]*command line:1[\s\S]*did you mean `scaled`/),
    });
    const json = await mdl(folder, 'check', 'small.mdl', '--config-file', 'c.json');
    expect(json.stdout).toMatch(/E0223[\s\S]*c\.json:[\s\S]*E0220[\s\S]*did you mean `hidden`/);
    const config = await mdl(folder, 'check', 'small.mdl', '--config', 'wid');
    expect(config.stdout).toMatch(/E0221[\s\S]*did you mean `wide`/);
  });
});

describe('the file itself', () => {
  it.each([
    [
      'there is none',
      ['smal.mdl'],
      /^error\[C0104\]: the model smal\.mdl cannot be read: no such file or directory\n {2}did you mean small\.mdl\?/,
    ],
    [
      'a folder',
      ['.'],
      /^error\[C0104\]: the model \. cannot be read: it is a folder, and a \.mdl file was expected\n {2}it has small\.mdl/,
    ],
    [
      'settings without a value',
      ['small.mdl', '--set', 'scaled'],
      /^error\[C0103\]: --set is "scaled", and name=value was expected/,
    ],
    [
      'no config file',
      ['small.mdl', '--config-file', 'no.json'],
      /^error\[C0104\]: the config file no\.json cannot be read: no such file or directory\n/,
    ],
    [
      'a config file that is no JSON',
      ['small.mdl', '--config-file', 'small.mdl'],
      /^error\[C0108\]: the config file small\.mdl is no JSON object: /,
    ],
    [
      'a config file that is a list',
      ['small.mdl', '--config-file', 'list.json'],
      /^error\[C0108\]: the config file list\.json is no JSON object: it is a list/,
    ],
  ])('%s', async (_, args, says) => {
    const folder = folderWith({ 'small.mdl': SMALL, 'list.json': '[1]' });
    const { code, stdout, stderr } = await mdl(folder, 'check', ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(says);
  });

  it('a mistake in a config file is shown where it stands in that file', async () => {
    const folder = folderWith({ 'c.json': '{"qformer": {"num_layers": 2},\n "phi":{ "num_layerz" :3}}' });
    const { code, stdout, stderr } = await mdl(folder, 'check', TINYGPTV, '--config-file', 'c.json');
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('there is no flag or config value phi.num_layerz\n --> c.json:2:10\n');
  });

  it('an import outside of the project is not read', async () => {
    const folder = folderWith({ 'in/a.mdl': 'import { Twice } from "../../lib.mdl"\n', 'lib.mdl': LIBRARY });
    const { code, stdout } = await mdl(`${folder}/in`, 'check', 'a.mdl');
    expect(code).toBe(1);
    expect(stdout).toMatch(/error\[E\d{4}\]/);
  });
});

it('TinyGPT-V has no problems under any flag or config', async () => {
  const { code, stdout, stderr } = await mdl(folderWith(), 'check', TINYGPTV);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/tinygpt-v\.mdl: no problems\n$/);
});
