/** generate.py: greedy tokens are those of `mdl generate` and of transformers, with ids, prompts and pictures. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { TEMPLATES } from '../../src/recipes/vision-language/prompt.ts';
import { folderWith, mdl, PICTURE, PRETRAINED, ROOT, TINYGPTV } from '../cli/support.ts';
import { WITH_PORTS, withNames } from '../cli/twin.ts';
import { fixture } from '../support/reference.ts';
import { describeTorch } from './support.ts';
import { drive, environment, pythonProgram, type Trained } from './training.ts';

const SOURCE = readFileSync(join(ROOT, 'src/compiler/backends/pytorch/inference/generate.py'), 'utf8');
const LIMIT = ['--max-new-tokens', '8'];

interface Said {
  readonly tokens: readonly number[];
  readonly finish: string;
  readonly text?: string;
}

describe('generate.py', () => {
  it('has the templates of the recipe', () => {
    const table = /^TEMPLATES = \{\n([\s\S]*?)^\}/m.exec(SOURCE)![1]!;
    const pairs = [...table.matchAll(/"(\w+)": ("[^"]*")/g)].map(
      ([, name, text]) => [name!, JSON.parse(text!)] as const,
    );
    expect(Object.fromEntries(pairs)).toEqual(TEMPLATES);
  });
});

const TRAINED = [TINYGPTV, '--config', 'nano', '--set', 'lora=false', '--weights', PRETRAINED];
const BYTES = [join(ROOT, 'examples/gpt.mdl'), '--config', 'bytes', '--init', '3'];
/** entries under names of their own, one of which torch has for itself */
const PORTED = ['ported.mdl', '--config', 'bytes', '--init', '3'];
const OTHERWISE = ['twin.mdl', '--config', 'bytes', '--init', '3'];
const FOLDERS = ['qwen3', 'gemma2'];
const PICTURED = ['--template', 'none', '--prompt', '<ImageHere>', '--image', PICTURE, '--max-new-tokens', '24'];
const ASKED = ['--prompt', 'what is this?', '--image', PICTURE, ...LIMIT];
const ETUDE = ['--prompt', 'étude', ...LIMIT];
const DRAWN = ['--ids', '5 8', ...LIMIT, '--temperature', '1.5', '--top-k', '50', '--top-p', '0.9', '--seed'];

const REFUSED: readonly (readonly [string, string, readonly string[]])[] = [
  ['an id outside of the table', 'R0302', ['--ids', '5 999999']],
  ['ids that are none', 'R0302', ['--ids', '5 x']],
  ['more positions than the model has', 'R0306', ['--ids', '5', '--max-new-tokens', '5000']],
  ['places without pictures', 'R0601', ['--prompt', '<ImageHere>']],
  ['a file that is no picture', 'C0106', ['--prompt', 'x', '--image', 'nano/model.py']],
  ['--raw of no chat model', 'C0208', ['--prompt', 'x', '--raw']],
  ['weights that are not there', 'C0104', ['--ids', '5', '--weights', 'none.safetensors']],
  ['weights of another model', 'C0101', ['--ids', '5', '--weights', 'bytes/model.safetensors']],
  ['--seed without a temperature', 'error', ['--ids', '5', '--seed', '1']],
  ['a picture beside ids', 'error', ['--ids', '5', '--image', 'cat.png']],
  ['an option that it does not have', 'error', ['--ids', '5', '--num-beams', '4']],
];

const expected = (name: string) =>
  JSON.parse(readFileSync(fixture(`folders/${name}/expected.json`), 'utf8')) as {
    readonly prompt: string;
    readonly ids: readonly number[];
    readonly tokens: readonly number[];
  };

describeTorch('generate.py beside a model', () => {
  const folder = folderWith({
    'twin.mdl': withNames({ embed_tokens: 'embed', decode: 'apply', loss: 'objective' }),
    'ported.mdl': WITH_PORTS,
  });
  const results = new Map<string, Trained>();

  beforeAll(async () => {
    const models = {
      nano: TRAINED,
      bytes: BYTES,
      twin: OTHERWISE,
      ported: PORTED,
      llava: [fixture('folders/llava')],
      ...Object.fromEntries(FOLDERS.map((name) => [name, [fixture(`folders/${name}`)]])),
    };
    for (const [name, args] of Object.entries(models)) {
      const { code, stderr } = await mdl(folder, 'compile', ...args, '--target', 'pytorch', '--out', name);
      expect(code, stderr).toBe(0);
    }
    const calls: readonly (readonly [string, string, readonly string[]])[] = [
      ['pictured', 'nano', PICTURED],
      ['asked', 'nano', ASKED],
      ['ids', 'nano', ['--ids', '5 8 13', ...LIMIT]],
      ['étude', 'bytes', ETUDE],
      ['étude of the twin', 'twin', ETUDE],
      ['étude of other ports', 'ported', ETUDE],
      ['drawn', 'bytes', [...DRAWN, '1']],
      ['drawn again', 'bytes', [...DRAWN, '1']],
      ['drawn otherwise', 'bytes', [...DRAWN, '2']],
      ...FOLDERS.flatMap((name) => {
        const { prompt, ids, tokens } = expected(name);
        const length = ['--max-new-tokens', String(tokens.length)];
        return [
          [`${name} ids`, name, ['--ids', ids.join(' '), ...length]],
          [`${name} prompt`, name, ['--prompt', prompt, ...length]],
        ] as const;
      }),
      ...REFUSED.map(([name, , args]) => [name, 'nano', args] as const),
      ['pictures that are cut', 'llava', ['--prompt', 'x', '--image', PICTURE]],
    ];
    const ran = drive(
      calls.map(([, model, argv]) => ({ folder, program: `${model}/generate.py`, argv: ['--json', ...argv] })),
    );
    for (const [index, [name]] of calls.entries()) results.set(name, ran[index]!);
  });

  const found = (name: string): Said => {
    const { code, output } = results.get(name)!;
    expect(code, output).toBe(0);
    return JSON.parse(output);
  };
  const own = async (...args: readonly string[]): Promise<Said> => {
    const { stdout, stderr } = await mdl(folder, '--json', 'generate', ...args);
    expect(stderr).not.toContain('error');
    const { text, tokens, finish } = JSON.parse(stdout);
    return { text, tokens, finish };
  };

  it('names a picture as mdl generate does, up to the end of the answer', async () => {
    expect(found('pictured').text).toBe('a picture of a cat');
    expect(found('pictured')).toEqual(await own(...TRAINED, ...PICTURED));
  });

  it('has the template of the model, and pictures before the prompt', async () => {
    expect(found('asked')).toEqual(await own(...TRAINED, ...ASKED));
  });

  it('reads bytes without a tokenizer', async () => {
    expect(found('étude')).toEqual(await own(...BYTES, ...ETUDE));
  });

  it('runs the entries that play the roles, whatever their names', () => {
    expect(found('étude of the twin')).toEqual(found('étude'));
    expect(found('étude of other ports')).toEqual(found('étude'));
  });

  it('runs as a module, and prints the ids', () => {
    const options = { cwd: folder, env: environment, encoding: 'utf8', timeout: 120_000 } as const;
    const args = ['-m', 'nano.generate', '--ids', '5 8 13', ...LIMIT];
    const { status, stdout, stderr } = spawnSync(pythonProgram(), args, options);
    expect(status, stderr).toBe(0);
    expect(stdout.trim().split(' ').map(Number)).toEqual(found('ids').tokens);
  });

  it.each(FOLDERS)('%s: ids and the prompt give the tokens of transformers', (name) => {
    expect(found(`${name} ids`).tokens).toEqual(expected(name).tokens);
    expect(found(`${name} prompt`).tokens).toEqual(expected(name).tokens);
  });

  it('draws the same tokens for the same seed', () => {
    expect(found('drawn')).toEqual(found('drawn again'));
    expect(found('drawn').tokens).not.toEqual(found('drawn otherwise').tokens);
  });

  it.each(REFUSED)('%s: %s', (name, code) => {
    const { code: status, output } = results.get(name)!;
    expect(status).toBe(code === 'error' ? 2 : 1);
    expect(output).toMatch(new RegExp(`generate.py: ${code}: .`));
    expect(output).not.toContain('Traceback');
  });

  it('refuses settings of prompts and pictures that it does not follow, by name', () => {
    const { code, output } = results.get('pictures that are cut')!;
    expect(code).toBe(1);
    expect(output).toMatch(
      /generate.py: C0411: the model's recipe has .*shorter_side.*, which this program does not follow/,
    );
  });
});
