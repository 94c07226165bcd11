/** What ends an answer travels with the weights that `mdl train` made, to `generate` and into a compiled folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { folderWith, mdl, TINYGPTV } from './support.ts';

const folder = folderWith();
const NANO = [TINYGPTV, '--config', 'nano'];
const WEIGHTS = 'run/model.safetensors';
const ASKED = ['--prompt', 'hi', '--max-new-tokens', '2'];

const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await mdl(folder, '--json', ...args)).stdout) as T;
const promptOf = async (...args: string[]): Promise<string> =>
  (await json<{ prompt: string }>('generate', ...args, ...ASKED)).prompt;

describe('weights of a stage', () => {
  beforeAll(async () => {
    // stage 4 is asked with [INST], and its answers end with a line feed; the config says ###Human: and ###
    const stage = ['--stage', 'stage4', '--data', 'emoji', '--steps', '1', '--batch-size', '1'];
    expect(
      (await mdl(folder, 'train', ...NANO, '--init', '0', ...stage, '--out', 'run', '--save', 'part.safetensors')).code,
    ).toBe(0);
  }, 180_000);

  it('are asked as the stage asked, unless --template or --set says otherwise', async () => {
    expect(await promptOf(...NANO, '--weights', WEIGHTS)).toBe('[INST] hi [/INST]');
    expect(await promptOf(...NANO, '--weights', WEIGHTS, '--template', 'none')).toBe('hi');
    expect(await promptOf(...NANO, '--weights', WEIGHTS, '--set', 'prompt.template="human"')).toBe(
      '###Human: hi ###Assistant: ',
    );
    const { stderr } = await mdl(folder, 'generate', ...NANO, '--weights', WEIGHTS, ...ASKED);
    expect(stderr).toContain('template "inst", end "\\n", as run/model.safetensors was trained (');
  });

  it('keep it in a compiled folder, where ask() and pages read it', async () => {
    expect((await mdl(folder, 'compile', ...NANO, '--weights', WEIGHTS, '--out', 'nano')).code).toBe(0);
    const manifest = JSON.parse(readFileSync(join(folder, 'nano/manifest.json'), 'utf8')) as {
      model: { config: { prompt: unknown } };
    };
    expect(manifest.model.config.prompt).toEqual({ template: 'inst', end: '\n' });
    expect(await promptOf('nano')).toBe('[INST] hi [/INST]');
  });

  it('of a data set with wording of its own are asked as that set asks', async () => {
    const stage = ['--stage', 'pretrain', '--data', 'emoji-pretrain', '--steps', '1', '--batch-size', '1'];
    const run = await mdl(folder, 'train', ...NANO, '--init', '0', ...stage, '--save', 'base.safetensors');
    expect(run, run.stderr).toMatchObject({ code: 0 });
    const { stderr } = await mdl(
      folder,
      'generate',
      ...NANO,
      '--weights',
      'base.safetensors',
      '--allow-missing',
      '**',
      ...ASKED,
    );
    expect(stderr).toContain('template "none", end "\\n", as base.safetensors was trained (');
  }, 180_000);

  it('--end ends an answer elsewhere', async () => {
    const whole = await json<{ text: string }>(
      'generate',
      'nano',
      '--prompt',
      'hi',
      '--max-new-tokens',
      '12',
      '--end',
      '\u0000',
    );
    const end = whole.text.slice(2, 4);
    const cut = await json<{ text: string; finish: string }>(
      'generate',
      'nano',
      '--prompt',
      'hi',
      '--max-new-tokens',
      '12',
      '--end',
      end,
    );
    expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(end)));
    expect(cut.finish).toBe('stop_sequence');
  });
});
