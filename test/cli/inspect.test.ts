/** `mdl ir`, `mdl summary`, `mdl explain`, and the command line itself: help, exit codes, what goes where. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import explain from '../../src/compiler/cli/commands/explain.ts';
import { createProgress } from '../../src/compiler/cli/progress.ts';
import { references } from '../../src/compiler/cli/reference.ts';
import { CATALOGUE } from '../../src/compiler/diagnostics/catalogue.ts';
import { BUILTINS } from '../../src/compiler/elaborate/builtins/index.ts';
import { PIPELINE } from '../../src/compiler/passes/pipeline.ts';
import { CLI_CATALOGUE } from '../../src/compiler/workbench/errors.ts';
import { formatBytes } from '../../src/compiler/workbench/units.ts';
import { CATALOGUE as RUNTIME } from '../../src/runtime/index.ts';
import { readJson } from '../support/reference.ts';
import { recordingOutput } from './output.ts';
import { folderWith, mdl, mdlProcess, SMALL, TINYGPTV } from './support.ts';

const folder = folderWith({ 'small.mdl': SMALL });

describe('mdl ir', () => {
  it.each(['trace', ...PIPELINE.map(({ name }) => name), 'checks'])('--print-after %s', async (pass) => {
    const { code, stdout, stderr } = await mdl(folder, 'ir', 'small.mdl', '--entry', 'main', '--print-after', pass);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('main');
    expect(stdout).toContain('fc.weight');
  });

  it('prints the last pass unless told otherwise, and has the text in --json', async () => {
    const { stdout } = await mdl(folder, 'ir', 'small.mdl', '--entry', 'main');
    const last = PIPELINE.at(-1)!.name;
    expect(stdout).toBe((await mdl(folder, 'ir', 'small.mdl', '--entry', 'main', '--print-after', last)).stdout);
    const json = JSON.parse((await mdl(folder, '--json', 'ir', 'small.mdl', '--entry', 'main')).stdout) as {
      ir: string;
    };
    expect(json).toMatchObject({ entry: 'main', after: last });
    expect(`${json.ir.trimEnd()}\n`).toBe(stdout);
  });

  it.each([
    [['--entry', 'main', '--print-after', 'fuse'], 1, /^error\[C0109\]: there is no pass fuse: the passes are trace, /],
    [['--entry', 'mian'], 1, /error\[E0407\][\s\S]*did you mean `main`/],
    [[], 2, /required option '--entry <name>'/],
  ])('%j', async (args, code, says) => {
    const ran = await mdl(folder, 'ir', 'small.mdl', ...args);
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) });
  });
});

interface Summary {
  readonly config: string;
  readonly flags: Record<string, boolean>;
  readonly keys: readonly { readonly key: string; readonly shape: readonly number[] }[];
  readonly components: readonly { readonly name: string; readonly parameters: number; readonly bytes: number }[];
  readonly total: number;
  readonly flag_changes: readonly { readonly name: string; readonly parameters: number; readonly keys: number }[];
  readonly stages: readonly { readonly name: string; readonly tensors: number; readonly parameters: number }[];
}
interface Released {
  readonly keys: Record<string, { readonly shape: number[] }>;
  readonly key_count: number;
  readonly parameter_counts: {
    readonly per_component: Record<string, number>;
    readonly without_lora_total: number;
    readonly stage4_total_at_448: number;
  };
  readonly trainable_counts: Record<string, { readonly total: number; readonly tensors: number }>;
}

describe('mdl summary', () => {
  const released = readJson<Released>('tinygptv-full-keys.json');
  const summary = async (...args: string[]): Promise<Summary> =>
    JSON.parse((await mdl(folder, '--json', 'summary', TINYGPTV, ...args)).stdout) as Summary;

  it('--config full lists the released keys, shapes and totals, and what stages train', async () => {
    const found = await summary('--config', 'full');
    expect(found.keys).toHaveLength(released.key_count);
    expect(Object.fromEntries(found.keys.map(({ key, shape }) => [key, shape]))).toEqual(
      Object.fromEntries(Object.entries(released.keys).map(([key, { shape }]) => [key, shape])),
    );
    const { total, ...components } = released.parameter_counts.per_component;
    expect(found.total).toBe(total);
    const names: Record<string, string> = { llama_model: 'llama_model (Phi-2)' };
    expect(
      Object.fromEntries(found.components.map(({ name, parameters }) => [names[name] ?? name, parameters])),
    ).toEqual(components);
    const lora = found.flag_changes.find(({ name }) => name === 'lora=false')!;
    expect(found.total + lora.parameters).toBe(released.parameter_counts.without_lora_total);
    for (const [name, { tensors, total: parameters }] of Object.entries(released.trainable_counts)) {
      expect(found.stages.find((stage) => stage.name === name)).toMatchObject({ tensors, parameters });
    }
    expect(found.flag_changes.map(({ name }) => name).sort()).toEqual(
      Object.keys(found.flags)
        .map((name) => `${name}=false`)
        .sort(),
    );
    expect((await summary('--config', 'full448')).total).toBe(released.parameter_counts.stage4_total_at_448);
  });

  it('the text says the same', async () => {
    const { stdout } = await mdl(folder, 'summary', TINYGPTV, '--config', 'full', '--depth', '1');
    expect(stdout).toContain('3,915,931,008');
    expect(stdout).toMatch(/lora=false +−31,457,280 parameters, −128 keys/);
    expect(stdout).toMatch(/stage1 \(lora=false\) +13,809,664 parameters in 133 tensors/);
  });

  it('--weights-dtype says the bytes of each component, as a compilation writes them', async () => {
    const found = await summary('--config', 'full', '--weights-dtype', 'int4');
    const visual = found.components.find(({ name }) => name === 'visual_encoder')!;
    // 985,894,528 numbers: most at 4 bits and a scale of 16 for 32
    expect(visual.bytes).toBeGreaterThan((visual.parameters * 4.5) / 8);
    expect(visual.bytes).toBeLessThan((visual.parameters * 4.6) / 8);
    const args = ['summary', TINYGPTV, '--config', 'nano', '--weights-dtype'];
    expect((await mdl(folder, ...args, 'int8')).stdout).toMatch(/component\n( {2}.+ +[\d,]+ +[\d.]+ [KM]?B\n)+/);
    const { code, stderr } = await mdl(folder, ...args, 'int8', '--stage', 'stage2');
    expect([code, stderr]).toEqual([1, expect.stringContaining('C0103')]);
  });

  it('--keys lists every key with its shape; --merge-lora those of the merged model', async () => {
    const { stdout } = await mdl(folder, 'summary', 'small.mdl', '--keys');
    expect(stdout).toContain('fc.weight [2, 3]\nfc.bias [2]\nscale.gain [2]');
    expect(stdout).toContain('steps [2] (buffer)');
    const merged = await summary('--config', 'nano', '--merge-lora');
    expect(merged.keys.filter(({ key }) => key.includes('lora_'))).toEqual([]);
  });

  it('follows flags', async () => {
    const found = JSON.parse(
      (await mdl(folder, '--json', 'summary', 'small.mdl', '--set', 'scaled=false')).stdout,
    ) as Summary;
    expect(found.total).toBe(8);
    expect(found.flag_changes).toEqual([{ name: 'scaled=true', parameters: 2, keys: 1 }]);
  });
});

describe('mdl explain', () => {
  const codes = [
    ...Object.values(CATALOGUE).map(({ code }) => code),
    ...Object.keys(RUNTIME),
    ...Object.values(CLI_CATALOGUE).map(({ code }) => code),
  ];

  it('knows every code of all three catalogues, in either case', async () => {
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) {
      const said = recordingOutput();
      await explain(said, [code.toLowerCase()]);
      expect(said.results).toHaveLength(1);
      const { text } = said.results[0]!;
      expect(text).toMatch(new RegExp(`^${code}: \\S[^\\n]*\\n\\n\\S[\\s\\S]{20,}$`));
      expect(text).not.toMatch(/undefined|\[object/);
    }
  });

  it('lists them all', async () => {
    const { stdout } = await mdl(folder, 'explain');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(0, 5))
        .sort(),
    ).toEqual([...codes].sort());
    const json = JSON.parse((await mdl(folder, '--json', 'explain')).stdout) as Record<string, unknown>;
    expect(Object.keys(json).sort()).toEqual([...codes].sort());
  });

  it('finds messages by words, those with all of them first', async () => {
    const found = async (...words: string[]): Promise<string[]> => {
      const { stdout } = await mdl(folder, '--json', 'explain', ...words);
      return (JSON.parse(stdout) as { found: { code: string }[] }).found.map(({ code }) => code);
    };
    expect((await found('param', 'without', 'a', 'gradient'))[0]).toBe('E0279');
    expect((await found('gradients', 'wrong', 'number'))[0]).toBe('E0277'); // another ending
    expect((await found('safetensors', 'header')).slice(0, 5)).toContain('R0103');
    // words that say nothing, and others for the same thing
    expect((await found('out', 'of', 'memory')).slice(0, 4)).toEqual(expect.arrayContaining(['R1003', 'R1007']));
    expect(await found('the', 'memory')).toEqual(await found('memory'));
    expect((await found('wrong', 'sizes')).slice(0, 2)).toEqual(['E0276', 'E0304']);
    expect((await found('undefined', 'variable')).slice(0, 5)).toContain('E0105');
    const { stdout } = await mdl(folder, 'explain', 'shape');
    expect(stdout).toMatch(/^([ERCW]\d{4} {2}\S.*\n){12}and \d+ more that are less about it\n$/);
  });

  it('says how a built-in function and what std has are called, each of them', async () => {
    expect((await mdl(folder, 'explain', 'gather')).stdout).toMatch(
      /^gather\(data, indices, axis\?\)\n\nSlices of data at integer indices.*\n\nmore: docs\/builtins\.md\n\nMessages/,
    );
    const { stdout } = await mdl(folder, 'explain', 'LayerNorm');
    expect(stdout).toContain('module LayerNorm(normalized_shape, eps = 1e-5, with_bias = true)\n  forward(x: ');
    expect(stdout).toContain('Ba et al. 2016');
    expect(stdout).toContain('import { LayerNorm } from "std"\nmore: docs/std.md#layernorm\n');
    expect(JSON.parse((await mdl(folder, '--json', 'explain', 'mse_loss')).stdout)).toMatchObject({
      name: 'mse_loss',
      import: 'import { mse_loss } from "std"',
      page: 'docs/std.md#mse_loss',
    });
    const page = readFileSync(new URL('../../docs/std.md', import.meta.url), 'utf8');
    const inPage = [...page.matchAll(/^#### (\w+)$/gm)].map(([, name]) => name!);
    expect([...references().keys()]).toEqual(expect.arrayContaining([...inPage, ...BUILTINS.keys()]));
  });

  it('a name in another case is among the messages, and the note has its spelling', async () => {
    const { code, stderr } = await mdl(folder, 'explain', 'Range');
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('did you mean range?') });
  });

  it.each([
    ['LayerNrom', 'did you mean LayerNorm?'],
    ['E03O2', 'did you mean E0302?'],
    ['shpaes', 'did you mean shapes?'],
  ])('%s is about nothing, and what was meant is near', async (word, note) => {
    const { code, stderr } = await mdl(folder, 'explain', word);
    expect(code).toBe(1);
    expect(stderr).toContain(`error[C0610]: no message is about ${word}`);
    expect(stderr).toContain(note);
  });

  it('an unknown code', async () => {
    const { code, stderr } = await mdl(folder, 'explain', 'E0391');
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error\[C0107\]: there is no message with the code E0391\n {2}did you mean E0\d\d\d\?/,
      ),
    });
  });
});

describe('the command line', () => {
  const COMMANDS = ['check', 'compile', 'ir', 'summary', 'explain', 'run', 'generate', 'demo'];

  it('lists its commands, with examples', async () => {
    const { code, stdout } = await mdl(folder, '--help');
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    expect(stdout).toMatch(/Examples:\n {2}mdl check/);
  });

  it.each(COMMANDS)('%s --help has an example', async (command) => {
    const { code, stdout } = await mdl(folder, command, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}mdl ${command}\\b`));
    expect(stdout).toContain('--json');
  });

  it('works as a program: exit codes 0, 1 and 2', async () => {
    expect(await mdlProcess(folder, '--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect(await mdlProcess(folder, 'explain', 'X1')).toMatchObject({ code: 1, stdout: '' });
    expect(await mdlProcess(folder, 'chekc')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Did you mean check?'),
    });
  });

  it.each([
    [['compile', 'small.mdl', '--opset', '18']],
    [['compile', 'small.mdl', '--init', '-1']],
    [['compile', 'small.mdl', '--nonsense']],
    [['check']],
    [[]],
  ])('bad usage: %j', async (args) => {
    expect(await mdl(folder, ...args)).toMatchObject({ code: 2, stdout: '' });
  });

  it('has progress bars on a terminal only', () => {
    const bar = createProgress('weights', 10, false);
    bar.update(5);
    bar.stop();
    expect([formatBytes(999), formatBytes(1500), formatBytes(15_000_000_000)]).toEqual(['999 B', '1.50 KB', '15.0 GB']);
  });
});
