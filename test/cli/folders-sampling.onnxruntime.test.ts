/** What an imported folder, and a recipe, say of choosing tokens: `mdl generate` answers as from the folder. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import importCommand from '../../src/compiler/cli/commands/import.ts';
import { endTokens, generationDefaults } from '../../src/compiler/workbench/folder/generation.ts';
import { leftBehind } from '../../src/compiler/workbench/folder/left-behind.ts';
import { folderText } from '../../src/compiler/workbench/folder/program.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { fixture } from '../support/reference.ts';
import { recordingOutput } from './output.ts';
import { folderWith, mdl } from './support.ts';

const folderOf = (name: string): string => fixture(`folders/${name}`);
const PROMPT = 'the cat sat';

/** A copy of a folder whose generation_config.json says more. */
function saying(name: string, keys: object): string {
  const folder = folderWith({});
  cpSync(folderOf(name), folder, { recursive: true });
  const path = join(folder, 'generation_config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...keys }));
  return folder;
}

describe('sampling', () => {
  it.each([
    ['qwen2', ['--seed', '7']],
    ['qwen2', ['--temperature', '0']],
    ['smollm2', []],
  ])('an imported %s generates as the folder, with options %j', async (name, more) => {
    const out = folderWith({});
    const output = recordingOutput();
    await importCommand(output, [folderOf(name)], { out: join(out, 'my.mdl') });
    expect(output.notes).toEqual([]);
    const weights = ['--weights', folderOf(name)];
    expect(await mdl(out, 'compile', 'my.mdl', ...weights, '--target', 'webgpu', '--out', 'page')).toMatchObject({
      code: 0,
    });
    expect(await mdl(out, 'compile', 'my.mdl', ...weights, '--out', 'made')).toMatchObject({ code: 0 });
    const asked = ['--prompt', PROMPT, '--raw', '--max-new-tokens', '12', '--json', ...more];
    const answers = [];
    for (const given of [[folderOf(name)], ['my.mdl', ...weights], ['made']]) {
      const { stdout, stderr } = await mdl(out, 'generate', ...given, ...asked);
      expect(stdout, stderr).not.toBe('');
      answers.push((JSON.parse(stdout) as { tokens: number[] }).tokens);
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect(endTokens(join(out, 'made'))).toEqual(endTokens(folderOf(name)));
    const { stop_tokens, ...sampling } = generationDefaults(folderOf(name));
    expect(generationDefaults(join(out, 'made'))).toMatchObject(sampling);
    const { model } = JSON.parse(readFileSync(join(out, 'page', 'manifest.json'), 'utf8'));
    expect(model.recipe.settings).toMatchObject(sampling);
  });

  it.each([
    [{ do_sample: true, temperature: 0, top_p: undefined }, []],
    [{ do_sample: false, num_beams: 2 }, ['--temperature', '0.8', '--seed', '3']],
  ])('%j with options %j is an answer', async (keys, more) => {
    const folder = saying('qwen2', keys);
    const asked = ['--prompt', PROMPT, '--raw', '--max-new-tokens', '6', ...more];
    const { code, stderr } = await mdl(folderWith({}), 'generate', folder, ...asked);
    expect(code, stderr).toBe(0);
  });

  it('what a recipe does not hold is named: a length, and keys that nobody knows', () => {
    const folder = saying('qwen2', { max_new_tokens: 7, typical_p: 0.9 });
    expect(leftBehind(folder)).toEqual([
      'not kept: max_new_tokens 7, typical_p 0.9 of generation_config.json; mdl generate takes --max-new-tokens 7',
    ]);
    expect(folderText(folder)).toMatch('top_p = 0.8');
  });

  it.each([
    ['temperature = 0.0', 'a number above 0'],
    ['top_p = 1.5', 'a number above 0 and at most 1'],
    ['stop_tokens = [-1]', 'a list of ints from 0 to 2147483647'],
    ['num_beams = 0', 'an int from 1 to 65536'],
  ])('a recipe with %s is refused', (setting, expected) => {
    const file = join(
      folderWith({ 'my.mdl': folderText(folderOf('gpt2')).replace('recipe "text" {', `recipe "text" { ${setting},`) }),
      'my.mdl',
    );
    expect(() => loadModel(file, {}, recordingOutput())).toThrow(expected);
  });
});
