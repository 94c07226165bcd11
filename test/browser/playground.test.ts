/** The playground as a new user goes through it: a mistake, its fix, a flag, a run, a training, a link. */
import { unzipSync, zipSync } from 'fflate';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOST_BYTES } from '../../examples/playground/build.ts';
import { EXAMPLES } from '../../examples/playground/src/examples.ts';
import { modelFile, recipeData, seededWeights, stagesOf, trainStages } from '../../src/compiler/workbench/library.ts';
import { openSession } from '../../src/runtime/index.ts';
import { plainPng } from '../recipes/vision-language/support.ts';
import { folderWith } from '../support/folder.ts';
import { unavailable } from './chromium.ts';
import { facts, openPage, openPlayground, type Playground, retype, trainIn } from './playground-page.ts';

const CLASSIFIER = `import { Linear } from "std"
/// a layer in between
flag deep = false
config small { features = 4, hidden = 8, classes = 3 }
model Tiny {
  up   = Linear(features, hidden)
  more = Linear(hidden, hidden) when deep
  down = Linear(hidden, classes)
  entry classify(x: [B, features]) -> (logits: [B, classes]) { x |> up |> more |> relu |> down }
}
`;

/** 16 numbers and one of three classes a row. */
const TABLE = [
  [...Array.from({ length: 16 }, (_, i) => `images.${i}`), 'labels'].join(','),
  ...Array.from({ length: 24 }, (_, row) =>
    [...Array.from({ length: 16 }, (_, i) => Math.sin(row + 3 * i).toFixed(3)), row % 3].join(','),
  ),
].join('\n');

/** Losses of the first stage by the float64 interpreter in Node, where the recipe reads the data from the disk. */
async function lossesInNode(
  file: string,
  { config, data, steps }: { readonly config: string; readonly data: Record<string, string>; readonly steps: number },
): Promise<number[]> {
  const losses: number[] = [];
  const stages = await stagesOf({
    ...modelFile(file),
    settings: { config },
    weights: (model) => seededWeights(model, 0),
    data: recipeData(file, { data: folderWith(data), batchSize: 8, seed: 0 }),
    backend: 'reference',
    lr: 0.02,
  });
  await trainStages(stages, { steps, onRecord: (record) => void ('loss' in record && losses.push(record.loss)) });
  return losses;
}

/** Of the probabilities that a compiled folder gives for a row. */
async function sumOfClasses(folder: string): Promise<number> {
  const session = await openSession(folder, { backend: 'onnx' });
  try {
    const images = { dtype: 'f32', shape: [1, 16], data: new Float32Array(16).fill(0.5) } as const;
    const { probabilities } = await session.run('classify', { images });
    return (probabilities!.data as Float32Array).reduce((sum, x) => sum + x, 0);
  } finally {
    await session.dispose();
  }
}

/** Pixels of the page beside the window. */
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
/** Controls in view that a screen reader has no name for. */
const NAMELESS = `[...document.querySelectorAll('button, input, select, textarea')]
  .filter((one) => one.offsetParent !== null && !one.closest('.cm-editor'))
  .filter((one) => !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim()))
  .map(({ outerHTML }) => outerHTML)`;

describe.skipIf(unavailable)(`the playground${unavailable ? ` (${unavailable})` : ''}`, () => {
  let playground: Playground;
  beforeAll(async () => {
    playground = await openPlayground();
  });
  afterAll(() => playground?.close());

  const tab = (page: Page, name: string): Promise<void> => page.click(`#tab-${name}`);

  it('loads less than it may before a backend is asked for', () => {
    expect(playground.bytes).toBeLessThan(MOST_BYTES);
  });

  it('shows a mistake while it is typed, with a fix that one click takes', async () => {
    const { page, complaints } = await openPage(playground);
    await retype(page, CLASSIFIER.replace('|> relu', '|> relv'));
    await page.waitForSelector('#problems button.error');
    expect(await page.textContent('#problems')).toContain('E0105');
    expect(await page.textContent('#problem-count')).toBe('1 error');
    await page.click('#problems button.error');
    await page.hover('.cm-lintRange-error');
    await page.click('.cm-diagnosticAction');
    await page.waitForSelector('#problem-count:text-is("no problems")');
    expect(await page.textContent('.cm-content')).toContain('|> relu');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('tells the type under the pointer, completes, and draws shapes into the text', async () => {
    const { page } = await openPage(playground);
    await retype(page, CLASSIFIER);
    await facts(page, 'Tiny');
    await page.waitForSelector('.shape');
    expect(await page.locator('.shape').allTextContents()).toContain('[B, 8]');
    await page.hover('.cm-line:has-text("entry classify") .sem-property:text("up")');
    await page.waitForSelector('.cm-tooltip-hover, .cm-tooltip .cm-lsp-documentation');
    await page.click('.cm-line:has-text("down = Linear")');
    await page.keyboard.press('End');
    await page.keyboard.type('\nlast = Lin');
    await page.waitForSelector('.cm-tooltip-autocomplete');
    expect(await page.textContent('.cm-tooltip-autocomplete')).toContain('Linear');
    await page.context().close();
  });

  it('turns a flag and a size: parameters, shapes and the tree follow', async () => {
    const { page } = await openPage(playground);
    await retype(page, CLASSIFIER);
    expect(await facts(page, 'Tiny')).toContain('67 parameters');
    expect(await page.getAttribute('tr[data-path="more"]', 'class')).toBe('off');
    await page.click('#flag-deep');
    expect(await facts(page, '139')).toContain('+72');
    await page.fill('#set-hidden', '16');
    await page.press('#set-hidden', 'Enter');
    await facts(page, '403 parameters');
    await page.waitForSelector('.shape:text-is("[B, 16]")');
    await page.click('text=As in the file');
    expect(await facts(page, '67 parameters')).not.toContain('+');
    await page.context().close();
  });

  it('says when what is chosen does not fit the text, and takes the file as it is', async () => {
    const { page } = await openPage(playground);
    await retype(page, CLASSIFIER.replace('config small', 'config other'));
    await page.waitForSelector('#problems button.error');
    await page.click('#settings >> text=As in the file');
    await facts(page, 'Tiny', '67 parameters');
    expect(await page.inputValue('#config')).toBe('other');
    await page.context().close();
  });

  it('shows the graph, and goes from a box to its line and back', async () => {
    const { page, complaints } = await openPage(playground);
    await retype(page, CLASSIFIER);
    await facts(page, 'Tiny');
    await tab(page, 'graph');
    await page.waitForSelector('.graph .box');
    const labels = await page.locator('.graph .box text:first-of-type').allTextContents();
    expect(labels).toEqual(expect.arrayContaining(['x', 'linear · up', 'relu', 'linear · down', 'logits']));
    await page.click('.graph .box:has-text("relu")');
    await page.waitForSelector('.cm-activeLine:has-text("entry classify")');
    await page.waitForSelector('.graph .here:has-text("relu")');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each(['onnx', 'wgsl', 'graph', 'pytorch'])('shows what the line of the cursor became: %s', async (target) => {
    const { page } = await openPage(playground);
    await retype(page, CLASSIFIER);
    await facts(page, 'Tiny');
    await page.click('.cm-line:has-text("entry classify")');
    await tab(page, 'code');
    await page.selectOption('#panel-code select', target);
    const wanted = { onnx: 'Relu', wgsl: '@compute', graph: 'relu(', pytorch: 'class Tiny' }[target]!;
    await page.waitForSelector(`#panel-code pre:has-text("${wanted}")`);
    await page.context().close();
  });

  it('runs an entry: the interpreter and ONNX Runtime say the same', async () => {
    const { page, complaints } = await openPage(playground);
    await retype(page, CLASSIFIER);
    await facts(page, 'Tiny');
    await tab(page, 'run');
    const run = async (backend: string): Promise<number[]> => {
      await page.selectOption('#panel-run select:has(option[value="reference"])', backend);
      await page.click('#panel-run button.main');
      await page.waitForSelector('#panel-run button.main:disabled');
      await page.waitForSelector('#panel-run button.main:enabled');
      const text = await page.textContent('#panel-run .output pre');
      return text!.trim().split(/\s+/).map(Number);
    };
    const [exact, onnx] = [await run('reference'), await run('onnx')];
    expect(exact).toHaveLength(3);
    for (const [index, value] of onnx.entries()) expect(value).toBeCloseTo(exact[index]!, 4);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('trains 20 steps with a falling loss, and runs what was learned', async () => {
    const { page, complaints } = await openPage(playground);
    await tab(page, 'train');
    await page.selectOption('#panel-train select:has(option[value="random"])', 'random');
    await trainIn(page, { steps: 20, rate: 0.02, backend: 'onnx' });
    expect(await page.textContent('#train-status')).toMatch(/^20 steps in .* onnxruntime-web/);
    const [, from, to] = /from ([\d.]+) to ([\d.]+) over 20 steps/.exec(
      (await page.getAttribute('#loss-plot', 'aria-label'))!,
    )!;
    expect(Number(to)).toBeLessThan(Number(from) / 2);
    expect(await page.textContent('#panel-train table')).toContain('head');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Download weights')]);
    await tab(page, 'run');
    await page.setInputFiles('#panel-run input[accept=".safetensors"]', (await download.path())!);
    await page.click('#panel-run button.main');
    await page.waitForSelector('#panel-run .output');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('trains on a table that is typed as `mdl train` trains on the file, and takes along what was learned', async () => {
    const { page, complaints } = await openPage(playground);
    await tab(page, 'train');
    await page.fill('#panel-train textarea', TABLE);
    await trainIn(page, { steps: 5, rate: 0.02, backend: 'reference' });
    const expected = await lossesInNode('examples/mlp.mdl', {
      config: 'small',
      data: { 'table.csv': TABLE },
      steps: 5,
    });
    const [, from, to] = /from ([\d.]+) to ([\d.]+) over 5 steps/.exec(
      (await page.getAttribute('#loss-plot', 'aria-label'))!,
    )!;
    expect([Number(from), Number(to)]).toEqual([expected[0]!, expected.at(-1)!].map((x) => Number(x.toPrecision(3))));
    expect(await page.textContent('.findings')).toContain('every layer has one');
    const folders = { onnx: 'classify.onnx', webgpu: 'plan.json', pytorch: 'model.py' };
    for (const [target, graph] of Object.entries(folders)) {
      await page.selectOption('.keep select', target);
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('.keep >> text="Download"')]);
      const files = unzipSync(await readAll(download));
      expect(Object.keys(files)).toContain(graph);
      if (target === 'onnx') expect(await sumOfClasses(folderWith(files))).toBeCloseTo(1, 5);
    }
    await page.fill('#panel-train textarea', TABLE.replace('labels', 'label'));
    await page.click('#panel-train button.main');
    await page.waitForSelector('#panel-train .trouble:visible');
    expect(await page.textContent('#panel-train .trouble')).toContain('labels');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('trains on a zip of pictures in folders, which are the classes', async () => {
    const { page, complaints } = await openPage(playground);
    await page.selectOption('#examples', 'examples/resnet.mdl');
    await facts(page, 'ResNet');
    await tab(page, 'train');
    await page.selectOption('#panel-train select:has(option[value="files"])', 'files');
    await page.click('#panel-train button.main');
    await page.waitForSelector('#panel-train .trouble:visible');
    expect(await page.textContent('#panel-train .trouble')).toContain('a zip with a folder of pictures for each class');
    const colours = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255] } as const;
    const pictures = Object.entries(colours).flatMap(([name, colour]) =>
      Array.from({ length: 8 }, (_, i) => [`pets/${name}/${i}.png`, plainPng([...colour])] as const),
    );
    const buffer = Buffer.from(zipSync(Object.fromEntries(pictures)));
    await page.setInputFiles('#panel-train input[type="file"][multiple]', {
      name: 'pets.zip',
      mimeType: 'application/zip',
      buffer,
    });
    await page.waitForSelector('#panel-train :text("24 files")');
    await trainIn(page, { steps: 6, rate: 0.05, backend: 'onnx' });
    expect(await page.getAttribute('#loss-plot', 'aria-label')).toContain('over 6 steps');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('trains both of two settings on the same data, with the gradients of each', async () => {
    const { page, complaints } = await openPage(playground);
    await tab(page, 'compare');
    await page.click('#flag-normalise');
    await page.waitForSelector('#compared');
    await page.click('#panel-compare summary');
    await page.fill('#panel-compare label:text-is("steps") + input', '8');
    await page.selectOption('#panel-compare select:has(option[value="reference"])', 'reference');
    await page.click('#panel-compare button.main');
    await page.waitForSelector('#ends');
    const label = (await page.getAttribute('#compare-loss-plot', 'aria-label'))!;
    const ends = [...label.matchAll(/([AB]): from ([\d.]+) to ([\d.]+) over 8 steps/g)];
    expect(ends.map(([, side]) => side)).toEqual(['A', 'B']);
    expect(ends[0]![3]).not.toBe(ends[1]![3]);
    expect(await page.locator('#panel-compare .findings li').allTextContents()).toEqual([
      expect.stringMatching(/^A: gradients: every layer/),
      expect.stringMatching(/^B: gradients: every layer/),
    ]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('refuses weights of another model by their keys', async () => {
    const { page } = await openPage(playground);
    await retype(page, CLASSIFIER);
    await facts(page, 'Tiny');
    await tab(page, 'run');
    const header = JSON.stringify({ other: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } });
    const bytes = Buffer.alloc(8 + header.length + 4);
    bytes.writeBigUInt64LE(BigInt(header.length));
    bytes.write(header, 8);
    const file = { name: 'other.safetensors', mimeType: 'application/octet-stream', buffer: bytes };
    await page.setInputFiles('#panel-run input[accept=".safetensors"]', file);
    await page.click('#panel-run button.main');
    await page.waitForSelector('#panel-run .trouble');
    expect(await page.textContent('#panel-run .trouble')).toContain('other is no key of Tiny');
    await page.context().close();
  });

  it('compares two settings', async () => {
    const { page } = await openPage(playground);
    await retype(page, CLASSIFIER);
    await facts(page, 'Tiny');
    await tab(page, 'compare');
    await page.click('#flag-deep');
    await page.waitForSelector('#compared tr:has-text("parameters of more")');
    expect(await page.textContent('#compared tr:has-text("parameters")')).toMatch(/67\s*139\s*\+72/);
    await page.context().close();
  });

  it('shares a project as a link, saves it as a zip, and opens both again', async () => {
    const { page } = await openPage(playground);
    await retype(page, CLASSIFIER.replace('model Tiny', 'model Shared'));
    await facts(page, 'Shared');
    await page.click('#flag-deep');
    await facts(page, '139');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    await page.click('#share');
    await expect.poll(() => new URL(page.url()).hash).toMatch(/^#1\./);
    const hash = new URL(page.url()).hash;
    const again = await openPage(playground, { hash });
    expect(await facts(again.page, '139')).toContain('Shared');
    await again.page.selectOption('#examples', 'examples/resnet.mdl');
    await facts(again.page, 'ResNet');
    await again.page.setInputFiles('#load', {
      name: 'mlp.zip',
      mimeType: 'application/zip',
      buffer: await readAll(download),
    });
    expect(await facts(again.page, '139')).toContain('Shared');
    await page.goto(`${playground.origin}/index.html${hash.slice(0, -40)}`);
    await page.reload();
    await page.waitForSelector('#trouble:not([hidden])');
    expect(await page.textContent('#trouble')).toContain('the link is not whole');
    await page.context().close();
    await again.page.context().close();
  });

  it('starts from every model of the list without a problem', async () => {
    const { page, complaints } = await openPage(playground);
    for (const { path } of EXAMPLES.flatMap(({ models }) => models)) {
      await page.selectOption('#examples', path);
      await page.waitForSelector(`.files [title="${path}"][aria-current="true"]`);
      await facts(page, 'parameters');
      expect(await page.textContent('#problem-count'), path).toBe('no problems');
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('keeps its width on a phone, and has no control without a name', async () => {
    const { page } = await openPage(playground, { width: 390, height: 844 });
    for (const name of ['model', 'costs', 'graph', 'code', 'run', 'train', 'compare']) {
      await tab(page, name);
      await page.waitForTimeout(100);
      expect(await page.evaluate(OVERFLOW), name).toBeLessThanOrEqual(0);
      expect(await page.evaluate(NAMELESS), name).toEqual([]);
    }
    await page.context().close();
  });
});

async function readAll(download: { createReadStream(): Promise<NodeJS.ReadableStream> }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks);
}
