/** `mdl init`: what it writes is a project that the other commands take, and it never writes over anything. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COLOURS, draw, SHAPES, type Shape } from '../../src/compiler/cli/init/shapes.ts';
import { decodeImage } from '../../src/runtime/index.ts';
import { folderWith, mdl } from './support.ts';

/** What a project of each kind must be, at few steps. */
const PROJECTS = {
  text: {
    config: 'bytes',
    data: /\.md$/,
    commands: ['train', 'evaluate', 'generate'],
    said: /validation bits_per_byte/,
  },
  image: {
    config: 'tiny',
    data: /\/\d+\.png$/,
    commands: ['train', 'evaluate', 'run', 'compile'],
    said: /validation accuracy/,
  },
  'vision-language': {
    config: 'bytes',
    data: /^\d+\.png$|^all\.jsonl$/,
    commands: ['train', 'evaluate', 'generate'],
    said: /1 steps {3}loss/,
  },
} as const;

/** what a command is given to be done soon */
const FEW: Readonly<Record<string, readonly string[]>> = {
  train: ['--steps', '1'],
  evaluate: ['--count', '2'],
  generate: ['--max-new-tokens', '2'],
  compile: [],
  run: [],
};

const wordsOf = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!).slice(1);

describe.each(Object.entries(PROJECTS))('%s', (kind, { config, data, commands: wanted, said }) => {
  it('writes a model, data and a page, and prints its commands, which are the page’s and run', async () => {
    const folder = folderWith();
    const { code, stdout, stderr } = await mdl(folder, 'init', kind, 'mine/first');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const project = join(folder, 'mine/first');
    expect(readdirSync(project).sort()).toEqual(['README.md', 'data', 'model.mdl']);
    const files = readdirSync(join(project, 'data'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile()))
      expect(join(relative(join(project, 'data'), file.parentPath), file.name)).toMatch(data);
    const page = readFileSync(join(project, 'README.md'), 'utf8');
    const commands = [...page.matchAll(/^ {4}(mdl .*)$/gm)].map((match) => match[1]!);
    expect(commands.map((command) => command.split(' ')[1])).toEqual(wanted);
    expect(stdout.match(/mdl .*/g)).toEqual(commands);
    for (const command of commands) {
      const words = wordsOf(command);
      const ran = await mdl(project, ...words, ...FEW[words[0]!]!);
      expect(ran, command).toMatchObject({ code: 0 });
      if (words[0] === 'train') expect(ran.stdout).toMatch(said);
    }
  });

  it('has a model that is formatted, right, and small unless told otherwise', async () => {
    const folder = folderWith();
    await mdl(folder, 'init', kind, '.');
    expect((await mdl(folder, 'fmt', '--check', '.')).code).toBe(0);
    expect((await mdl(folder, 'check', 'model.mdl')).code).toBe(0);
    const summary = JSON.parse((await mdl(folder, 'summary', 'model.mdl', '--json')).stdout) as object;
    expect(summary).toMatchObject({ config, stages: [{ name: 'train_all' }] });
  });
});

it('learns: the text project needs less than 4.8 bits for a byte after 60 steps, on rows that it has not seen', async () => {
  const folder = folderWith();
  await mdl(folder, 'init', 'text', '.');
  const args = ['--init', '1', '--data', 'data', '--val-split', '0.1', '--val-every', '60', '--steps', '60', '--json'];
  const { stages } = JSON.parse((await mdl(folder, 'train', 'model.mdl', ...args)).stdout) as {
    stages: { validation: { bits_per_byte: number } }[];
  };
  expect(stages[0]!.validation.bits_per_byte).toBeLessThan(4.8);
});

it('draws pictures that a decoder reads: 32 × 32, and each shape is another', () => {
  const drawn = SHAPES.map((shape) =>
    draw({ shape, colour: COLOURS.red, background: [255, 255, 255], x: 16, y: 16, radius: 12, turned: 0 }),
  );
  const pictures = drawn.map((bytes) => decodeImage(bytes));
  for (const { width, height } of pictures) expect([width, height]).toEqual([32, 32]);
  expect(new Set(pictures.map(({ data }) => data.join())).size).toBe(SHAPES.length);
  const at = (shape: Shape, x: number, y: number): number[] => {
    const { data } = pictures[SHAPES.indexOf(shape)]!;
    return [...data.subarray(3 * (32 * y + x), 3 * (32 * y + x) + 3)];
  };
  expect(at('circle', 16, 16)).toEqual([...COLOURS.red]);
  expect(at('ring', 16, 16)).toEqual([255, 255, 255]);
  expect(at('square', 9, 9)).toEqual([...COLOURS.red]);
  expect(at('circle', 7, 7)).toEqual([255, 255, 255]);
  // its tip points up
  expect(at('triangle', 16, 6)).toEqual([...COLOURS.red]);
  expect(at('triangle', 8, 6)).toEqual([255, 255, 255]);
});

it('C0426: writes nothing into a folder that is not empty, however it is called', async () => {
  const folder = folderWith({ 'notes/mine.txt': 'mine' });
  for (const [name, first] of [
    ['notes', 'mine.txt'],
    ['new/..', 'notes'],
  ] as const) {
    const { code, stderr } = await mdl(folder, 'init', 'text', name);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^error\\[C0426\\]: ${name} is not empty, ${first} is in it: give a folder that is new or empty`),
    );
  }
  expect(readdirSync(folder)).toEqual(['notes']);
  expect(readdirSync(join(folder, 'notes'))).toEqual(['mine.txt']);
});

it('C0105: a file is in the way', async () => {
  const folder = folderWith({ taken: '' });
  expect((await mdl(folder, 'init', 'text', 'taken')).stderr).toMatch(/error\[C0105\]: taken .*a file is in the way/);
});

it('refuses another kind with those that there are', async () => {
  const folder = folderWith();
  const { code, stderr } = await mdl(folder, 'init', 'audio', 'x');
  expect(code).toBe(2);
  expect(stderr).toMatch(/'audio' is invalid for argument 'kind'. Allowed choices are text, image, vision-language\./);
  expect(existsSync(join(folder, 'x'))).toBe(false);
});
