/** `mdl generate` and `mdl demo`, with the nano model and seeded weights. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import demo from '../../src/compiler/cli/commands/demo.ts';
import { recordingOutput } from './output.ts';
import { folderWith, mdl, PICTURE, PRETRAINED, type Ran, TINYGPTV } from './support.ts';

interface Answer {
  readonly text: string;
  readonly tokens: number[];
  readonly prompt: string;
  readonly weights: string;
}

const NANO = [TINYGPTV, '--config', 'nano', '--init', '0'];
const folder = folderWith({ 'notes.txt': 'no image' });
const generate = (...args: string[]): Promise<Ran> => mdl(folder, 'generate', ...args, '--max-new-tokens', '6');
const answer = async (...args: string[]): Promise<Answer> =>
  JSON.parse((await mdl(folder, '--json', 'generate', ...args, '--max-new-tokens', '6')).stdout) as Answer;

describe('a model whose recipe does not do what is asked, before a tokenizer is looked for', () => {
  const CLASSES = `recipe "image-classification" { image_size = 2 }
model M {
  param w: [12, 3] = normal(1.0)
  entry classify(pixel_values: [N, 3, 2, 2]) -> (logits: [N, 3]) { reshape(pixel_values, [N, 12]) @ w }
}
`;
  writeFileSync(join(folder, 'classes.mdl'), CLASSES);

  it('gives no answers to prompts: C0413', async () => {
    const { code, stderr } = await mdl(folder, 'generate', 'classes.mdl', '--init', '0', '--prompt', 'hi');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error[C0413]: the recipe image-classification gives no answers to prompts: `mdl run` runs an entry',
    );
  });

  it('without a loss there is nothing to judge it by: C0412', async () => {
    const { code, stderr } = await mdl(folder, 'evaluate', 'classes.mdl', '--init', '0', '--data', 'pictures');
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[C0412\]: .*loss/);
  });
});

describe('a picture', () => {
  // the cat of the README, with the weights that the examples use; the emoji were on white in training
  const trained = [TINYGPTV, '--config', 'nano', '--set', 'lora=false', '--weights', PRETRAINED];
  const caption = [...trained, '--template', 'none', '--prompt', '<ImageHere>', '--image'];

  it('is seen as the model was trained: transparency is its background', async () => {
    expect((await answer(...caption, PICTURE)).text).toBe('a picture of a cat');
    expect((await answer(...caption, PICTURE, '--set', 'image.background=[0,0,0]')).text).not.toContain('cat');
  });

  it('is refused by name: its size, its kind', async () => {
    const tooLarge = await generate(...caption, PICTURE, '--max-pixels', '4095');
    expect(tooLarge).toMatchObject({ code: 1, stdout: '' });
    expect(tooLarge.stderr).toContain('the image has 64 × 64 pixels and at most 4095 are read');
    const without = await generate(...trained, '--prompt', 'hi', '--no-exif-orientation');
    expect(without.stderr).toContain('error[C0208]: --no-exif-orientation has no meaning without an --image');
    const wrong = await generate(...caption, PICTURE, '--set', 'image.background=[0,0,256]');
    expect(wrong.stderr).toContain('error[E0201]: background must be three integers from 0 to 255 and is [0,0,256]');
  });
});

describe('an answer', () => {
  it('is on stdout, what it is worth on stderr', async () => {
    const { code, stdout, stderr } = await generate(...NANO, '--image', PICTURE, '--prompt', 'what is this?', '--ids');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'note: the weights are untrained (seed 0), so the answer means nothing\n',
    });
    expect(stdout).toMatch(/\ntoken ids: \d+( \d+){5}\n$/);
    const quiet = await mdl(
      folder,
      '-q',
      'generate',
      ...NANO,
      '--image',
      PICTURE,
      '--prompt',
      'what is this?',
      '--ids',
      '--max-new-tokens',
      '6',
    );
    expect(quiet).toEqual({ code: 0, stdout, stderr: '' });
  });

  it('says the same in JSON, with the whole prompt', async () => {
    const found = await answer(...NANO, '--image', PICTURE, '--prompt', 'what is this?');
    expect(found).toMatchObject({
      prompt: '###Human: <Img><ImageHere></Img> what is this? ###Assistant: ',
      weights: 'seed 0',
      finish: expect.any(String),
    });
    expect(found.tokens).toHaveLength(6);
  });

  it('is the same by seed: of the weights, of the sampling', async () => {
    const sampled = (seed: string) =>
      answer(...NANO, '--prompt', 'hi', '--temperature', '1.5', '--top-p', '0.95', '--top-k', '200', '--seed', seed);
    const first = await sampled('1');
    expect((await sampled('1')).tokens).toEqual(first.tokens);
    expect((await sampled('2')).tokens).not.toEqual(first.tokens);
    expect((await answer(TINYGPTV, '--config', 'nano', '--init', '9', '--prompt', 'hi')).tokens).not.toEqual(
      (await answer(...NANO, '--prompt', 'hi')).tokens,
    );
  });

  it('depends on the image, on both backends alike', async () => {
    const about = (picture: string, ...more: string[]) =>
      answer(...NANO, '--image', join(PICTURE, '..', picture), '--prompt', 'what is this?', ...more);
    const cat = await about('1f431.png');
    const score = (found: Answer): number => (found as unknown as { score: number }).score;
    expect(score(await about('1f355.png'))).not.toBe(score(cat));
    expect((await about('1f431.png', '--backend', 'reference')).tokens).toEqual(cat.tokens);
    expect((await about('1f431.png', '--opset', '23')).tokens).toEqual(cat.tokens);
  });

  it('takes several images in their places', async () => {
    const found = await answer(
      ...NANO,
      '--image',
      PICTURE,
      '--image',
      join(PICTURE, '..', '1f355.png'),
      '--prompt',
      '<Img><ImageHere></Img> or <Img><ImageHere></Img>?',
      '--template',
      'none',
    );
    expect(found.prompt).toBe('<Img><ImageHere></Img> or <Img><ImageHere></Img>?');
    expect(found.tokens).toHaveLength(6);
  });

  it('knows beams and a penalty for repetition', async () => {
    expect((await answer(...NANO, '--prompt', 'hi', '--num-beams', '3')).tokens).toHaveLength(6);
    const plain = await answer(...NANO, '--prompt', 'hi');
    expect((await answer(...NANO, '--prompt', 'hi', '--repetition-penalty', '50')).tokens).not.toEqual(plain.tokens);
  });
});

describe('a compiled folder', () => {
  beforeAll(async () => {
    expect((await mdl(folder, 'compile', ...NANO, '--out', 'nano')).code).toBe(0);
  });

  it('answers as the .mdl file does', async () => {
    const question = ['--image', PICTURE, '--prompt', 'what is this?'];
    const compiled = await answer('nano', ...question);
    expect(compiled).toEqual({ ...(await answer(...NANO, ...question)) });
    expect(await answer('nano/manifest.json', ...question)).toEqual(compiled);
  });

  it('without its tokenizer needs one', async () => {
    const other = folderWith();
    expect((await mdl(other, 'compile', ...NANO, '--out', 'nano')).code).toBe(0);
    const tokenizer = readFileSync(join(other, 'nano/tokenizer.json'));
    rmSync(join(other, 'nano/tokenizer.json'));
    const without = await mdl(other, 'generate', 'nano', '--prompt', 'hi', '--max-new-tokens', '2');
    expect(without).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^error\[C0112\]: the tokenizer nano\/tokenizer\.json cannot be used: no such file or directory\n {2}`--tokenizer FILE` names one/,
      ),
    });
    writeFileSync(join(other, 't.json'), tokenizer);
    expect(
      (await mdl(other, 'generate', 'nano', '--prompt', 'hi', '--max-new-tokens', '2', '--tokenizer', 't.json')).code,
    ).toBe(0);
  });
});

describe('a folder without an entry that answers', () => {
  it('is told which, before a tokenizer is looked for', async () => {
    const parts = folderWith();
    const entries = ['--entry', 'embed_tokens', '--out', 'parts'];
    expect((await mdl(parts, 'compile', ...NANO, ...entries)).code).toBe(0);
    rmSync(join(parts, 'parts/tokenizer.json'));
    expect(await mdl(parts, 'generate', 'parts', '--prompt', 'hi')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error\[C0412\]: TinyGPTV has no entry decode, which answers of the recipe vision-language need, and its entries are embed_tokens/,
      ),
    });
  });
});

describe('mistakes', () => {
  const cases: Readonly<Record<string, readonly [string[], RegExp]>> = {
    'no weights': [[TINYGPTV, '--config', 'nano', '--prompt', 'hi'], /error\[C0106\]/],
    'a file that is no image': [
      [...NANO, '--prompt', 'hi', '--image', 'notes.txt'],
      /^error\[C0111\]: the image notes\.txt cannot be used: /,
    ],
    'no image file': [
      [...NANO, '--prompt', 'hi', '--image', 'none.png'],
      /^error\[C0104\]: the image none\.png cannot be read: no such file or directory\n/,
    ],
    'more places than images': [
      [...NANO, '--prompt', '<ImageHere> <ImageHere>', '--image', PICTURE],
      /error\[R0601\]: the prompt has 2 places <ImageHere> and 1 images/,
    ],
    'fewer places than images': [
      [...NANO, '--prompt', '<ImageHere>', '--image', PICTURE, '--image', PICTURE],
      /error\[R0601\]/,
    ],
    'an unknown template': [
      [...NANO, '--prompt', 'hi', '--template', 'humn'],
      /error\[R0603\]: there is no prompt template humn, did you mean human/,
    ],
    'a tokenizer that is none': [
      [...NANO, '--prompt', 'hi', '--tokenizer', 'notes.txt'],
      /error\[C0112\]: the tokenizer notes\.txt cannot be used: /,
    ],
    'no tokenizer of the full config': [
      [TINYGPTV, '--init', '0', '--prompt', 'hi'],
      /error\[C0112\]: the tokenizer .*tokenizer\.json cannot be used: no such file/,
    ],
    'top-p without a temperature': [
      [...NANO, '--prompt', 'hi', '--top-p', '0.5'],
      /^error\[C0103\]: --top-p is "0\.5", and a --temperature above 0 beside it/,
    ],
    'top-k without a temperature': [[...NANO, '--prompt', 'hi', '--top-k', '5'], /^error\[C0103\]: --top-k is "5"/],
    'a seed without a temperature': [[...NANO, '--prompt', 'hi', '--seed', '5'], /^error\[C0103\]: --seed is "5"/],
    'a negative temperature': [
      [...NANO, '--prompt', 'hi', '--temperature', '-1'],
      /^error\[C0103\]: --temperature is "-1", and at least 0/,
    ],
    'beams without end': [
      [...NANO, '--prompt', 'hi', '--num-beams', '1000000'],
      /error\[R0301\]: the option num_beams/,
    ],
    'beams with a temperature': [
      [...NANO, '--prompt', 'hi', '--num-beams', '2', '--temperature', '1'],
      /^error\[C0103\]: --num-beams is "2"/,
    ],
    'more than all probability': [
      [...NANO, '--prompt', 'hi', '--temperature', '1', '--top-p', '5'],
      /error\[R0301\]: the option top_p is 5/,
    ],
    'no model': [['nano.mdl', '--prompt', 'hi'], /^error\[C0104\]: the model nano\.mdl cannot be read/],
    'a folder that is no model': [
      ['.', '--prompt', 'hi'],
      /^error\[R0203\]: no compiled model could be opened at \. \(no such file or directory\)/,
    ],
  };

  it.each(Object.entries(cases))('%s', async (_, [args, says]) => {
    const { code, stdout, stderr } = await generate(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(says);
  });

  it('more tokens than positions', async () => {
    const { code, stderr } = await mdl(folder, 'generate', ...NANO, '--prompt', 'hi', '--max-new-tokens', '500');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error\[R0306\]: the prompt has \d+ tokens and 500 new ones may follow, and the model has 256 positions/,
    );
  });
});

it.each([
  ['--set', 'qk_norm=false'],
  ['--config', 'nano'],
  ['--init', '1'],
  ['--weights', 'w.safetensors'],
  ['--merge-lora'],
  ['--opset', '23'],
  ['--backend', 'reference'],
])('what was decided when a folder was compiled is refused, not ignored: %s', async (...option) => {
  const { code, stderr } = await mdl(folder, 'generate', 'nano', '--prompt', 'hi', ...option);
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/error\[C0208\]: --.* has no meaning without a \.mdl file/),
  });
});

it('mdl demo makes its own folder anew, and nobody else’s', async () => {
  const out = folderWith({ 'run/mine.txt': 'kept' });
  await expect(demo(recordingOutput(), [], { out, steps: 2 })).rejects.toMatchObject({ code: 'C0630' });
  expect(readFileSync(join(out, 'run/mine.txt'), 'utf8')).toBe('kept');
});

it('mdl demo: a summary of the full model, the nano one trained through four stages, its answers', async () => {
  const output = recordingOutput();
  const out = join(folderWith(), 'demo');
  await demo(output, [], { out, steps: 2 });
  const text = output.results.map((result) => result.text).join('\n');
  expect(text).toContain('3,915,931,008');
  for (const stage of ['stage1', 'stage2', 'stage3', 'stage4'])
    expect(text).toMatch(new RegExp(`${stage} +2 steps +loss \\d`));
  // one question of each task that the six of the evaluation happen to have
  expect(text.match(/wanted ".*", got ".*"/g)!.length).toBeGreaterThan(3);
  const summary = output.results.at(-1)!.text.split('\n');
  expect(summary).toContainEqual(expect.stringMatching(/^ {2}task +asked +exact +\(const\) +VQA/));
  expect(summary.at(-1)).toMatch(/^ {2}all +6 +\d+ % +\d+ %$/);
  // with five questions, ten rows of the table, its title, the heading, the report's path and four rows of the command: 24
  expect(summary.length).toBeLessThanOrEqual(5 + 1 + 10);
  for (const line of summary) expect(line.length, line).toBeLessThan(80);
  expect(existsSync(join(out, 'run', 'report.html'))).toBe(true);
  expect(existsSync(join(out, 'full', 'onnx/decoder_model_merged.onnx'))).toBe(true);
}, 400_000);
