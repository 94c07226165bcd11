/**
 * Folders of models that read pictures among texts: their pictures, prompts and greedy tokens are those of transformers' processors and models
 * (test/fixtures/folders/make.py), and what their configuration says is honoured or refused by name.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPictures } from '../../src/compiler/workbench/folder/pictures.ts';
import { folderText } from '../../src/compiler/workbench/folder/program.ts';
import { hasOwnPositions } from '../../src/compiler/workbench/folder/vision-language.ts';
import { decodeImage } from '../../src/runtime/image/decode.ts';
import { normaliseImage } from '../../src/runtime/image/preprocess.ts';
import type { FilterName } from '../../src/runtime/image/resize.ts';
import type { Rgb } from '../../src/runtime/image/rgb.ts';
import { squaresOf } from '../../src/runtime/image/squares.ts';
import { fixture, readTensors } from '../support/reference.ts';
import { folderWith, mdl } from './support.ts';

const folderOf = (name: string): string => fixture(`folders/${name}`);
const pictureOf = (name: string): string => join(folderOf(name), 'picture.png');
const expectedOf = (name: string) =>
  JSON.parse(readFileSync(join(folderOf(name), 'expected.json'), 'utf8')) as { prompt: string; tokens: number[] };

/** A copy of a folder with some keys of a file changed; undefined takes one out. */
function changed(name: string, file: string, change: (json: Record<string, unknown>) => object): string {
  const folder = folderWith({});
  cpSync(folderOf(name), folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>)));
  return folder;
}

const notesOf = (work: () => unknown): readonly string[] => {
  try {
    work();
  } catch (error) {
    const { code, notes } = error as { code: string; notes: string[] };
    expect(code).toBe('C0466');
    return notes;
  }
  return [];
};

const ask = (model: string, name: string, ...more: string[]) => asked(model, name, expectedOf(name).prompt, ...more);
const asked = (model: string, name: string, prompt: string, ...more: string[]) =>
  mdl(
    folderWith({}),
    ...['generate', model, '--image', pictureOf(name), '--prompt', prompt],
    ...['--max-new-tokens', '12', '--json', ...more],
  );

describe.each(['idefics3', 'llava'])('%s', (name) => {
  it('prepares the picture as the processor does', () => {
    const want = readTensors(fixture(`folders/expected/${name}.safetensors`)).get('pixel_values')!;
    const said = readPictures(folderOf(name), 16)!;
    const { images } = squaresOf(decodeImage(readFileSync(pictureOf(name))), {
      size: 16,
      filter: said.resample as FilterName,
      shorter_side: said.shorter_side as number | undefined,
      longest_side: said.longest_side as number | undefined,
    });
    expect([images.length, 3, 16, 16]).toEqual(want.shape);
    const found = images.flatMap((image) => [
      ...normaliseImage(image, said.mean as unknown as Rgb, said.std as unknown as Rgb).data,
    ]);
    // a pixel is the same byte; numpy rounds twice where this rounds three times
    const difference = Math.max(...found.map((value, at) => Math.abs(Number(value) - Number(want.data[at]))));
    expect(difference).toBeLessThan(1e-6);
  });

  it('gives an entry that takes pixels the same', async () => {
    const out = join(folderWith({}), 'features.safetensors');
    const args = ['run', folderOf(name), '--entry', 'encode_image', '--input', `pixel_values=${pictureOf(name)}`];
    expect((await mdl(folderWith({}), ...args, '--outputs', out)).code).toBe(0);
    const tokens = name === 'idefics3' ? [5, 4, 16] : [1, 16, 16];
    expect(readTensors(out).get('image_features')!.shape).toEqual(tokens);
  });

  it('answers as transformers does, and so does what is compiled of it', async () => {
    const { stdout, stderr } = await ask(folderOf(name), name);
    expect([JSON.parse(stdout).tokens, stderr]).toEqual([expectedOf(name).tokens, '']);
    const out = join(folderWith({}), 'made');
    const made = await mdl(folderWith({}), 'compile', folderOf(name), '--out', out);
    expect([made.code, made.stderr]).toEqual([0, expect.not.stringContaining('not ')]);
    expect(JSON.parse((await ask(out, name)).stdout).tokens).toEqual(expectedOf(name).tokens);
  });
});

describe('idefics3 with do_image_splitting false', () => {
  const whole = () =>
    changed('idefics3', 'processor_config.json', ({ image_processor, ...json }) => ({
      ...json,
      image_processor: { ...(image_processor as object), do_image_splitting: false },
    }));

  it('has the whole picture in one square, as the processor makes it', () => {
    const want = readTensors(fixture('folders/expected/processors.safetensors')).get('idefics3_whole')!;
    const said = readPictures(whole(), 16)!;
    expect(said).toMatchObject({ longest_side: 32, cut: false });
    const { images } = squaresOf(decodeImage(readFileSync(pictureOf('llava'))), {
      size: 16,
      filter: said.resample as FilterName,
      longest_side: 32,
      cut: false,
    });
    expect(want.shape).toEqual([1, 1, 3, 16, 16]);
    expect(images).toHaveLength(1);
    const { data } = normaliseImage(images[0]!, said.mean as unknown as Rgb, said.std as unknown as Rgb);
    for (const [at, value] of Array.from(data, Number).entries()) expect(value).toBeCloseTo(Number(want.data[at]), 5);
  });

  it('asks the encoder once', async () => {
    const out = join(folderWith({}), 'features.safetensors');
    const args = ['run', whole(), '--entry', 'encode_image', '--input', `pixel_values=${pictureOf('idefics3')}`];
    expect((await mdl(folderWith({}), ...args, '--outputs', out)).code).toBe(0);
    expect(readTensors(out).get('image_features')!.shape).toEqual([1, 4, 16]);
    const { stdout } = await ask(whole(), 'idefics3');
    expect((JSON.parse(stdout) as { tokens: unknown[] }).tokens.length).toBeGreaterThan(0);
  });
});

describe('prompts', () => {
  it('as they stand have a placeholder for each picture: R0601', async () => {
    const { stdout } = await ask(folderOf('llava'), 'llava', '--raw');
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'R0601', message: expect.stringContaining('0 places <image> and 1 images') },
    });
    const raw = `USER: <image>${expectedOf('llava').prompt}ASSISTANT:`;
    const answer = await asked(folderOf('llava'), 'llava', raw, '--raw');
    expect(JSON.parse(answer.stdout).tokens).toEqual(expectedOf('llava').tokens);
  });

  it('have no template by name: R0540', async () => {
    const { stdout } = await ask(folderOf('llava'), 'llava', '--template', 'human');
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'R0540', message: expect.stringContaining('no template') },
    });
    const args = ['generate', 'models/tinygpt-v.mdl', '--config', 'nano', '--init', '1', '--prompt', 'a'];
    for (const more of [['--raw'], ['--system', 'b']])
      expect((await mdl(process.cwd(), ...args, ...more)).stderr).toMatch(
        `R0540]: the prompts of TinyGPTV take no ${more[0]}`,
      );
  });

  it('are not data to train on: R0541', async () => {
    const args = ['evaluate', folderOf('llava'), '--data', 'emoji'];
    expect((await mdl(folderWith({}), ...args)).stderr).toMatch(/R0541.*\(image_placeholder, resample, shorter_side\)/);
  });
});

describe('what a folder says', () => {
  it('of SmolVLM 2 is the same model', () => {
    const other = changed('idefics3', 'config.json', (json) => ({
      ...json,
      model_type: 'smolvlm',
      vision_config: { ...(json.vision_config as object), model_type: 'smolvlm_vision' },
    }));
    const body = (folder: string): string => folderText(folder).replace(/^\/\/\/ sizes of .*$/m, '');
    expect(body(other)).toBe(body(folderOf('idefics3')));
  });

  it('in preprocessor_config.json, as before transformers 5, is the same', () => {
    const old = changed('llava', 'processor_config.json', ({ image_processor: _, ...json }) => json);
    const { image_processor } = JSON.parse(readFileSync(join(folderOf('llava'), 'processor_config.json'), 'utf8'));
    expect(readPictures(old, 16)).toBeUndefined();
    writeFileSync(join(old, 'preprocessor_config.json'), JSON.stringify(image_processor));
    expect(readPictures(old, 16)).toEqual(readPictures(folderOf('llava'), 16));
    // what the class takes where the file does not say
    const clip = { image_processor_type: 'CLIPImageProcessor' };
    writeFileSync(join(old, 'preprocessor_config.json'), JSON.stringify(clip));
    expect(readPictures(old, 224)).toMatchObject({ shorter_side: 224, resample: 'bicubic' });
    rmSync(join(old, 'processor_config.json'));
    writeFileSync(
      join(old, 'preprocessor_config.json'),
      JSON.stringify({ image_processor_type: 'ViTImageProcessorFast' }),
    );
    expect(readPictures(old, 224)).toMatchObject({ image_size: 224, resample: 'bilinear', mean: [0.5, 0.5, 0.5] });
  });

  it.each([
    [
      'llava',
      { resample: 0 },
      'resample of processor_config.json is 0, and 1 (Lanczos), 2 (bilinear) or 3 (bicubic) is expected',
    ],
    ['llava', { do_pad: true }, 'do_pad of processor_config.json is true, and false is expected'],
    ['llava', { rescale_factor: 1 }, 'rescale_factor of processor_config.json is 1, and 1/255 is expected'],
    [
      'llava',
      { crop_size: { height: 8, width: 8 } },
      `crop_size of processor_config.json is {"height":8,"width":8}, and a square of the model's 16 pixels is expected`,
    ],
    [
      'llava',
      { image_std: [1, 0, 1] },
      'image_std of processor_config.json is [1,0,1], and three numbers above 0 is expected',
    ],
    ['llava', { hue: 1 }, 'hue of processor_config.json is 1, and whether pixels depend on it is not known'],
    [
      'llava',
      { image_processor_type: 'Mine' },
      /^image_processor_type of processor_config.json is "Mine", and one of CLIPImageProcessor, .* is expected$/,
    ],
    [
      'idefics3',
      { do_image_splitting: 1 },
      'do_image_splitting of processor_config.json is 1, and true or false is expected',
    ],
    [
      'idefics3',
      { size: { longest_edge: 5000 } },
      'size of processor_config.json is {"longest_edge":5000}, and a longest_edge from 1 to 4096 is expected',
    ],
    [
      'idefics3',
      { max_image_size: { longest_edge: 8 } },
      `max_image_size of processor_config.json is {"longest_edge":8}, and a longest_edge of the model's 16 pixels is expected`,
    ],
  ])('C0466 for pictures of %s: %j', (name, keys, note) => {
    const folder = changed(name, 'processor_config.json', ({ image_processor, ...json }) => ({
      ...json,
      image_processor: { ...(image_processor as object), ...keys },
    }));
    expect(notesOf(() => folderText(folder))).toEqual([typeof note === 'string' ? note : expect.stringMatching(note)]);
  });

  it.each([
    [
      'llava',
      (json: object) => ({ ...json, vision_feature_layer: [-2, -5] }),
      'vision_feature_layer is [-2,-5], and a whole number is expected',
    ],
    [
      'llava',
      (json: object) => ({ ...json, vision_feature_layer: 3 }),
      'vision_feature_layer is 3, and a number from -3 to 2 is expected',
    ],
    [
      'llava',
      (json: object) => ({ ...json, projector_hidden_act: 'relu' }),
      'projector_hidden_act is "relu", and llava.mdl has it as "gelu"',
    ],
    [
      'llava',
      (json: object) => ({ ...json, text_config: { model_type: 'qwen2', use_bias: 1 } }),
      'text_config.model_type is "qwen2", and llava.mdl has it as "llama"',
    ],
    [
      'idefics3',
      (json: object) => ({ ...json, scale_factor: 3 }),
      'scale_factor is 3, and a divisor of the 4 patches of a side is expected',
    ],
    [
      'idefics3',
      (json: object) => ({ ...json, text_config: { rope_scaling: { type: 'yarn', factor: 2 } } }),
      'text_config.rope_scaling.rope_type is "yarn", and positions of smolvlm.mdl are not scaled',
    ],
  ])('C0466 for config.json of %s: %#', (name, change, note) => {
    expect(notesOf(() => folderText(changed(name, 'config.json', change)))).toContain(note);
  });

  it('C0466 where transformers rounds the places of patches to those of others', () => {
    // by torch.bucketize of PyTorch 2.15 on a machine with AVX; as released are sides of 16, 26, 27 and 32 patches
    const shared = [19, 25, 29, 31, 38, 40, 41, 43, 47, 49, 50, 54, 55, 58, 59, 61, 62];
    expect(shared.filter(hasOwnPositions)).toEqual([]);
    expect([4, 14, 16, 24, 26, 27, 32, 64].filter((side) => !hasOwnPositions(side))).toEqual([]);
    const folder = changed('idefics3', 'config.json', (json) => ({
      ...json,
      scale_factor: 5,
      vision_config: { ...(json.vision_config as object), image_size: 100 },
    }));
    expect(notesOf(() => folderText(folder))).toContainEqual(expect.stringContaining('has 25 patches a side'));
  });
});
