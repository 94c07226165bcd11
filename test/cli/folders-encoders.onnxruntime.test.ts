/**
 * Folders of encoders: a picture becomes the pixels that transformers' processors make of it (test/fixtures/folders/make.py), in `mdl run` and
 * in what `mdl import` writes, and what preprocessor_config.json says is honoured or refused by name.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import importCommand from '../../src/compiler/cli/commands/import.ts';
import { leftBehind } from '../../src/compiler/workbench/folder/left-behind.ts';
import { folderText } from '../../src/compiler/workbench/folder/program.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { recipeFor } from '../../src/compiler/workbench/recipe.ts';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { fixture, readTensors } from '../support/reference.ts';
import { recordingOutput } from './output.ts';
import { folderWith, mdl } from './support.ts';

const PICTURE = fixture('folders/llava/picture.png');
const EXPECTED = fixture('folders/expected/processors.safetensors');

/** A copy of a folder in which the keys of a file are others; undefined takes one out. */
function changed(name: string, file: string, keys: object): string {
  const folder = folderWith({});
  cpSync(fixture(`folders/${name}`), folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...keys }));
  return folder;
}

/** The pixels that a model's recipe makes of the picture. */
async function pixelsOf(model: string): Promise<HostTensor> {
  const { recipe, model: told } = recipeFor(loadModel(model, {}, recordingOutput()).model);
  const bytes = readFileSync(PICTURE);
  const read = await recipe.input!({
    port: { name: 'pixel_values', dtype: 'f32', shape: ['N', 3, 8, 8] },
    file: { name: PICTURE, kind: 'picture', bytes },
    settings: told.settings,
    tokenizer: () => Promise.reject(new Error('no text is given')),
  });
  return read!;
}

// a shorter side of 9 leaves 3 and a half pixels beside the middle of 8
const folderOf = (name: string): string =>
  name === 'clip'
    ? changed('clip', 'preprocessor_config.json', { size: { shortest_edge: 9 } })
    : fixture(`folders/${name}`);

describe.each(['vit', 'clip', 'siglip'])('%s', (name) => {
  it('prepares a picture as its processor does, also in what is imported of it', async () => {
    const want = readTensors(EXPECTED).get(name)!;
    const folder = folderOf(name);
    const program = join(folderWith({}), `${name}.mdl`);
    await importCommand(recordingOutput(), [folder], { out: program });
    for (const model of [folder, program]) {
      const { shape, data } = await pixelsOf(model);
      expect(shape).toEqual(want.shape);
      // a pixel is the same byte; numpy rounds twice where this rounds three times
      const difference = Math.max(
        ...Array.from(data as Float32Array, (value, at) => Math.abs(value - Number(want.data[at]))),
      );
      expect(difference).toBeLessThan(1e-6);
    }
    expect(leftBehind(folder)).toEqual([]);
  });
});

describe('mdl run', () => {
  it.each(['clip', 'siglip'])('gives %s a picture and what was made of it the same features', async (name) => {
    const folder = folderOf(name);
    const features = async (given: string) => {
      const out = join(folderWith({}), 'features.safetensors');
      const args = ['run', folder, '--entry', 'encode_image', '--input', `pixel_values=${given}`, '--outputs', out];
      const { code, stderr } = await mdl(folderWith({}), ...args);
      expect([code, stderr]).toEqual([0, '']);
      return [...readTensors(out).values()][0]!;
    };
    const { shape, data } = readTensors(EXPECTED).get(name)!;
    const given = join(folderWith({}), 'pixels.safetensors');
    const tensor: HostTensor = { dtype: 'f32', shape, data: data as Float32Array };
    writeFileSync(given, encodeSafetensors(new Map([['pixel_values', tensor]])));
    const [picture, pixels] = [await features(PICTURE), await features(given)];
    expect(picture.shape).toEqual(pixels.shape);
    for (const [at, value] of Array.from(picture.data, Number).entries())
      expect(value).toBeCloseTo(Number(pixels.data[at]), 4);
  });

  it.each(['vit', 'clip'])(
    'takes whole patches of a picture of another size, as transformers does: %s',
    async (name) => {
      const sizes = { image_size: 15, patch_size: 4 };
      const { vision_config } = JSON.parse(readFileSync(fixture(`folders/${name}/config.json`), 'utf8'));
      const folder = changed(
        name,
        'config.json',
        vision_config ? { vision_config: { ...vision_config, ...sizes } } : sizes,
      );
      rmSync(join(folder, 'preprocessor_config.json')); // it has another size
      const { stdout, stderr } = await mdl(folderWith({}), 'summary', folder, '--keys', '--json');
      expect(stderr).toBe('');
      const { keys } = JSON.parse(stdout) as { keys: { key: string; shape: number[] }[] };
      const positions = keys.find(({ key }) => /position_embedding/.test(key) && !key.startsWith('text_model'))!;
      expect(positions.shape.at(-2)).toBe(1 + 3 * 3);
    },
  );

  it('says the classes that id2label names', async () => {
    const names = { 0: 'ant', 1: 'bee', 2: 'cat "tom"', 3: 'dog', 4: 'elk' };
    const vit = changed('vit', 'config.json', { id2label: names });
    const args = ['run', vit, '--init', '1', '--entry', 'classify', '--input', `pixel_values=${PICTURE}`, '--json'];
    const { readings } = JSON.parse((await mdl(folderWith({}), ...args)).stdout) as {
      readings: { classes: { name: string }[] }[];
    };
    expect(Object.values(names)).toEqual(expect.arrayContaining(readings[0]!.classes.map(({ name }) => name)));
  });
});

describe('what preprocessor_config.json says', () => {
  const notesOf = (folder: string): readonly string[] => {
    try {
      folderText(folder);
    } catch (error) {
      const { code, notes } = error as { code: string; notes: string[] };
      expect(code).toBe('C0466');
      return notes;
    }
    return [];
  };

  it('is what the model type has where it does not say', () => {
    const vit = changed('vit', 'preprocessor_config.json', { image_processor_type: undefined, resample: undefined });
    expect(folderText(vit)).toContain('resample = "bilinear"');
  });

  it.each([
    [
      { image_processor_type: 'BitImageProcessor' },
      'image_processor_type of preprocessor_config.json is "BitImageProcessor"',
    ],
    [
      { resample: 0 },
      'resample of preprocessor_config.json is 0, and 1 (Lanczos), 2 (bilinear) or 3 (bicubic) is expected',
    ],
    [{ size: { height: 9, width: 8 } }, "and a square of the model's 8 pixels is expected"],
    [{ do_resize: false }, 'do_resize of preprocessor_config.json is false, and true is expected'],
    [{ do_thumbnail: true }, 'do_thumbnail of preprocessor_config.json is true'],
    [{ rescale_factor: 0.5 }, 'rescale_factor of preprocessor_config.json is 0.5, and 1/255 is expected'],
  ])('is refused by name: %j', (keys, note) => {
    expect(notesOf(changed('vit', 'preprocessor_config.json', keys))).toEqual([expect.stringContaining(note)]);
  });
});

describe('what is compiled of an imported file', () => {
  it.each(['vit', 'clip', 'siglip'])('tells other programs the same of %s', async (name) => {
    const folder = folderOf(name);
    const home = folderWith({});
    expect((await mdl(home, 'import', folder, '--out', `${name}.mdl`)).code).toBe(0);
    expect((await mdl(home, 'compile', `${name}.mdl`, '--init', '1', '--out', 'out')).code).toBe(0);
    const written = JSON.parse(readFileSync(join(home, 'out', 'preprocessor_config.json'), 'utf8')) as object;
    // read back as a folder's it is the same recipe
    const back = changed(name, 'config.json', {});
    writeFileSync(join(back, 'preprocessor_config.json'), JSON.stringify(written));
    const recipeIn = (text: string) => /^recipe .*$/m.exec(text.replace(/\s*\n\s*(?=[a-z_]+ =|\})/g, ' '))![0];
    expect(recipeIn(folderText(back))).toBe(recipeIn(folderText(folder)));
  });
});

describe('mdl import', () => {
  it('writes the files that the program imports beside it, and over none of another content: C0467', async () => {
    const home = folderWith({});
    const { stdout } = await mdl(home, 'import', fixture('folders/llava'), '--out', 'my.mdl', '--json');
    const { imports } = JSON.parse(stdout) as { imports: string[] };
    expect([...imports].sort()).toEqual(['clip.mdl', 'llama-decoder.mdl', 'llama.mdl']);
    expect((await mdl(home, 'check', 'my.mdl')).code).toBe(0);
    // the same once more is no conflict
    expect((await mdl(home, 'import', fixture('folders/llava'), '--out', 'other.mdl')).code).toBe(0);
    writeFileSync(join(home, 'llama-decoder.mdl'), '// edited');
    const { code, stderr } = await mdl(home, 'import', fixture('folders/llava'), '--out', 'third.mdl');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/C0467.*llama-decoder\.mdl/)]);
    expect(readFileSync(join(home, 'llama-decoder.mdl'), 'utf8')).toBe('// edited');
  });
});
