/** What a stage asks and how it asks stands in the stage: a name, and a place in the file, mean nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBatches } from '../../src/compiler/workbench/training/data.ts';
import { stageOf } from '../../src/compiler/workbench/training/stages.ts';
import { folderWith, mdl, ROOT, TINYGPTV } from '../cli/support.ts';
import { compileOk, repository } from '../support/project.ts';
import { recorder } from './support.ts';

const PATH = 'models/tinygpt-v.mdl';
const SOURCE = readFileSync(TINYGPTV, 'utf8');

/** The first batch of a stage of an edited TinyGPT-V. */
async function batchOf(name: string, edit: (source: string) => string = (source) => source, data = 'emoji') {
  const host = { read: (path: string) => (path === PATH ? edit(SOURCE) : repository.read(path)) };
  const model = compileOk(PATH, host, { config: 'nano' });
  const output = recorder();
  const request = { data, batchSize: 2, seed: 0 };
  const source = await openBatches(join(ROOT, PATH), model, stageOf(model, name), request, output);
  return { ...(await source.batch(0)), notes: output.notes };
}

/** An edit of one stage's text. */
const inStage = (name: string, from: string, to: string) => (source: string) => {
  const at = source.indexOf(`stage ${name} {`);
  return source.slice(0, at) + source.slice(at).replace(from, to);
};

test.each(['stage2', 'stage3', 'stage4'])('%s by another name gives the same bytes', async (name) => {
  const renamed = await batchOf('instruct', (source) => source.replace(`stage ${name} {`, 'stage instruct {'));
  expect(renamed).toEqual(await batchOf(name));
  const digit = await batchOf('tune1', (source) => source.replace(`stage ${name} {`, 'stage tune1 {'));
  expect(digit).toEqual(renamed);
});

test('the clauses decide, and each of them', async () => {
  const own = (await batchOf('stage4')).feeds.input_ids;
  for (const [clause, value] of [
    ['tasks "multitask"', 'tasks "captions"'],
    ['template "inst"', 'template "human"'],
    ['end "\\n"', 'end "###"'],
  ] as const)
    expect((await batchOf('stage4', inStage('stage4', clause, value))).feeds.input_ids, value).not.toEqual(own);
});

test('what a stage does not say is in the config, or an error', async () => {
  const said = await batchOf('stage3');
  // the config has prompt { template = "human", end = "###" }
  const silent = (source: string) =>
    inStage('stage3', '  template "human"\n', '')(inStage('stage3', '  end "###"\n', '')(source));
  expect(await batchOf('stage3', silent)).toEqual(said);
  await expect(batchOf('stage4', inStage('stage4', '  tasks "multitask"\n', ''))).rejects.toMatchObject({
    code: 'R1124',
    message:
      'the stage stage4 does not say its tasks, which the data emoji needs: ' +
      'add the clause `tasks "captions"`, with one of captions, descriptions, multitask, questions',
  });
  await expect(
    batchOf('pretrain', inStage('pretrain', 'batch 16', 'batch 16\n  tasks "captions"')),
  ).rejects.toMatchObject({
    code: 'R1125',
    message: 'the stage pretrain says its tasks, and the data emoji-pretrain has its own: leave it out',
  });
});

test('a stage with data of its own says that it does not take the command’s', async () => {
  expect((await batchOf('pretrain')).notes).toEqual(['pretrain: batches of its own data emoji-pretrain, not of emoji']);
  expect((await batchOf('pretrain', undefined, 'emoji-pretrain')).notes).toEqual([]);
});

test('clauses about data that say nothing of --batch are said', async () => {
  const model = compileOk(PATH, repository, { config: 'nano' });
  const output = recorder();
  const stage = stageOf(model, 'stage3');
  const request = { batch: 'none.safetensors', seed: 0 };
  await expect(openBatches(join(ROOT, PATH), model, stage, request, output)).rejects.toThrow('none.safetensors');
  expect(output.notes).toEqual(['stage3: tasks, template, end of the stage say nothing of --batch']);
});

test.each(['bos', 'pad'])('without its setting %s nothing is guessed', async (name) => {
  const without = (source: string) => source.replace(`${name} = tokens.${name}`, `${name} = none`);
  await expect(batchOf('stage2', without)).rejects.toMatchObject({
    code: 'R1122',
    message: expect.stringContaining(`batches of emoji need the setting ${name} of the recipe vision-language`),
  });
});

test('a file without a recipe is told to name one', async () => {
  const without = (source: string) =>
    source
      .replace(/recipe "vision-language" \{.*?\n\}\n/s, '')
      .replaceAll(/^ {2}(tasks|template|end|data|image_size) .*$/gm, '');
  await expect(batchOf('stage2', without)).rejects.toMatchObject({
    code: 'C0411',
    message: expect.stringContaining('TinyGPTV names no recipe, which says how it meets data and questions'),
  });
});

test('batches of pictures need the entry that makes image tokens', async () => {
  const without = (source: string) => source.replace('entry encode_image(', 'entry encode_picture(');
  await expect(batchOf('stage2', without)).rejects.toMatchObject({
    code: 'R1126',
    message: expect.stringContaining(
      'the stage stage2 cannot make batches of pictures: TinyGPTV has no entry encode_image',
    ),
  });
});

test('mdl evaluate asks as the stage does, or as it is told', async () => {
  const evaluate = (...more: string[]) =>
    mdl(
      folderWith(),
      'evaluate',
      TINYGPTV,
      '--config',
      'nano',
      '--init',
      '0',
      '--data',
      'emoji',
      '--count',
      '2',
      '--max-new-tokens',
      '1',
      '--json',
      ...more,
    );
  const asked = async (...more: string[]) => {
    const { stdout } = await evaluate(...more);
    return (JSON.parse(stdout) as { answers: { prompt: string }[] }).answers.map(({ prompt }) => prompt);
  };
  const byStage = await asked('--stage', '4');
  expect(byStage[0]).toMatch(/^\[INST\] <Img><ImageHere><\/Img> \[/);
  expect(await asked('--stage', 'stage4')).toEqual(byStage);
  expect(await asked('--tasks', 'multitask', '--template', 'inst', '--end', '\n')).toEqual(byStage);
  const { code, stdout } = await evaluate();
  expect([code, stdout]).toEqual([1, expect.stringContaining('add --stage NAME (of a .mdl file) or --tasks')]);
  expect((await evaluate('--stage', '1-4')).stdout).toContain('C0103');
  const wrong = await evaluate('--stage', '4', '--tasks', 'chat');
  expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('R1121') });
  expect(wrong.stdout).toContain('must be one of \\"captions\\", \\"descriptions\\", \\"multitask\\"');
}, 60_000);
