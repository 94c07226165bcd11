/** `mdl ablate`: whole ablations of a micro model. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import ablateCommand, { type AblateCommandOptions } from '../../src/compiler/cli/commands/ablate.ts';
import { openAblation } from '../../src/compiler/workbench/ablation/folder.ts';
import { modelText } from '../../src/compiler/workbench/ablation/model-text.ts';
import { runAblation } from '../../src/compiler/workbench/ablation/run.ts';
import { variantsOf } from '../../src/compiler/workbench/ablation/variants.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { stageList } from '../../src/compiler/workbench/training/stages.ts';
import { type Cell, CellLog, type CellRecord } from '../../src/runtime/train/cell.ts';
import { DEFAULTS, MICRO, microFolder, type Recorded, recorder } from '../training/support.ts';
import { mdl, TINYGPTV } from './support.ts';

// ── whole ablations ────────────────────────────────────────────────────────────────────────────
/** MICRO with a flag whose absence makes NaN, and one whose absence does not compile. */
const BREAKABLE = MICRO.replace('flag lora = true', 'flag lora = true\nflag safe = true\nflag square = true')
  .replace('let h = first(x)', 'let h = first(x) when safe else sqrt(first(x) - 1000.0)')
  .replace('head = Linear(d, classes)', 'head = Linear(d when square else d + 1, classes)');

const { folder, file, batch } = microFolder(undefined, BREAKABLE);

const optionsOf = (out: string, more: Partial<AblateCommandOptions> = {}): AblateCommandOptions => ({
  seed: DEFAULTS.seed,
  backend: DEFAULTS.backend,
  opset: DEFAULTS.opset,
  flags: 'lora',
  seeds: 2,
  stages: 'one,two',
  steps: 3,
  last: 2,
  init: 0,
  batch,
  out: join(folder, out),
  ...more,
});

async function ablate(out: string, more: Partial<AblateCommandOptions> = {}): Promise<Recorded> {
  const output = recorder();
  await ablateCommand(output, [file], optionsOf(out, more));
  return output;
}

interface Result {
  readonly summary: readonly { variant: string; stage: string; loss: { mean: number } | null }[];
}

const resultOf = (output: Recorded): Result => output.results[0] as Result;

const lossOf = (output: Recorded, variant: string, stage: string): number | undefined =>
  resultOf(output).summary.find((each) => each.variant === variant && each.stage === stage)?.loss?.mean;

const reportFile = (out: string, name: string): string => readFileSync(join(folder, out, name), 'utf8');

const recordFile = (out: string, { variant, seed, stage }: Cell): string =>
  join(folder, out, 'cells', variant, `seed-${seed}`, `${stage}.json`);

describe('mdl ablate', () => {
  it('trains each variant through the stages, from the same weights', async () => {
    const output = await ablate('whole', { stages: 'one,nothing,two' });
    // stage one switches LoRA off by itself: the two variants are one model there
    expect(lossOf(output, 'no-lora', 'one')).toBe(lossOf(output, 'full', 'one'));
    expect(lossOf(output, 'no-lora', 'two')).not.toBe(lossOf(output, 'full', 'two'));
    expect(lossOf(output, 'full', 'nothing')).toBeUndefined();
    const parsed = JSON.parse(reportFile('whole', 'report.json')) as { cells: CellRecord[] };
    expect(parsed.cells).toHaveLength(12);
    expect(parsed.cells.filter(({ outcome }) => outcome === 'trained').every(({ loss }) => loss.length === 3)).toBe(
      true,
    );
    expect(reportFile('whole', 'report.md')).toMatch(/\| no lora \| \d\.\d{3} ± \d\.\d{3} \| – \| \d/);
    expect(reportFile('whole', 'report.html')).toContain('one: gradient norm');
    // what the last stage left is kept, what came before is not
    expect(existsSync(join(folder, 'whole/cells/full/seed-0/two.safetensors'))).toBe(true);
    expect(existsSync(join(folder, 'whole/cells/full/seed-0/one.safetensors'))).toBe(false);
  });

  it('trains all stages of the file, in order, where none are named', async () => {
    const { stages: _, ...unnamed } = optionsOf('all', { seeds: 1, steps: 1 });
    const output = recorder();
    await ablateCommand(output, [file], unnamed);
    expect(output.results[0]).toMatchObject({ stages: ['one', 'two', 'nothing'] });
  });

  it('keeps going when a variant becomes NaN or does not compile', async () => {
    const output = await ablate('broken', { flags: 'safe,square,lora', seeds: 1 });
    expect(lossOf(output, 'no-lora', 'two')).toBeGreaterThan(0);
    const text = reportFile('broken', 'report.md');
    expect(text).toMatch(/\| no safe \| NaN \| – \|/);
    expect(text).toMatch(/\| no square \| failed \| – \|/);
    expect(text).toMatch(/- no safe, seed 0, one: stopped after 0 steps: the loss is not finite at step 1 of one/);
    expect(text).toMatch(/- no square, seed 0, one: stopped after 0 steps: E\d{4}: /);
  });

  it('stops where it is told to, and a resumed run gives the same numbers', async () => {
    const given = optionsOf('stopped');
    const { model } = loadModel(file, given, recorder());
    const options = { ...given, checkpointEvery: 1, keep: 1 };
    const variants = variantsOf(model.settings.flags, 'lora');
    const plan = {
      file,
      text: modelText(model),
      variants,
      seeds: [0, 1],
      stages: stageList(model, 'one,two'),
      options,
    };
    const controller = new AbortController();
    const kept = await openAblation(join(folder, 'interrupted'), false, {});
    let steps = 0;
    const stop = {
      // in the middle of the second stage
      step: () => void (++steps === 4 && controller.abort()),
      finished: () => {},
    };
    const first = await runAblation(plan, kept, controller.signal, stop);
    expect(first.map(({ stage }) => stage)).toEqual(['one']);
    const all = { step: () => {}, finished: () => {} };
    const again = await openAblation(join(folder, 'interrupted'), true, {});
    const rest = await runAblation(plan, again, new AbortController().signal, all);
    const whole = await openAblation(join(folder, 'at once'), false, {});
    const once = await runAblation(plan, whole, new AbortController().signal, all);
    const curves = (records: readonly CellRecord[]) => records.map(({ loss, grad_norm }) => ({ loss, grad_norm }));
    expect(curves(rest)).toEqual(curves(once));
    expect(rest).toHaveLength(8);
  });

  it('resumes: finished cells are skipped, lost ones are trained again', async () => {
    const before = await ablate('resumed');
    const stage = recordFile('resumed', { variant: 'no-lora', seed: 1, stage: 'two' });
    rmSync(stage);
    // what a killed writer leaves
    writeFileSync(`${stage}.123.part`, '{');
    const untouched = recordFile('resumed', { variant: 'full', seed: 0, stage: 'one' });
    const bytes = readFileSync(untouched);
    const after = recorder();
    // its weights went with the stage before: start that seed again
    rmSync(join(stage, '..'), { recursive: true });
    await ablateCommand({ ...after, quiet: false }, [file], optionsOf('resumed', { resume: true }));
    expect(after.notes.filter((note) => note.endsWith('(kept)'))).toHaveLength(6);
    expect(resultOf(after).summary).toEqual(resultOf(before).summary);
    expect(readFileSync(untouched)).toEqual(bytes);
    expect(existsSync(stage)).toBe(true);
  });

  it('refuses a folder that holds a run (C0206), and to resume another ablation (C0302) or none (R0805)', async () => {
    await ablate('settings', { seeds: 1 });
    await expect(ablate('settings', { seeds: 1 })).rejects.toMatchObject({ code: 'C0206' });
    await expect(ablate('settings', { seeds: 1, steps: 4, resume: true })).rejects.toThrow(
      /settings holds another ablation: its steps is 3 and this one has 4, so resume with its settings/,
    );
    await expect(ablate('settings', { resume: true })).rejects.toMatchObject({ code: 'C0302' });
    await expect(ablate('no such folder', { resume: true })).rejects.toMatchObject({ code: 'R0805' });
    // how many steps are averaged is no matter of training
    await ablate('settings', { seeds: 1, last: 1, resume: true });
  });

  it('stops when the model is edited on the way (C0304), and goes on when the edit is undone', async () => {
    const given = optionsOf('edited', { seeds: 1 });
    const { model } = loadModel(file, given, recorder());
    const options = { ...given, checkpointEvery: 1, keep: 1 };
    const [variants, stages] = [variantsOf(model.settings.flags, 'lora'), stageList(model, 'one')];
    const plan = { file, text: modelText(model), variants, seeds: [0], stages, options };
    const kept = await openAblation(given.out, false, {});
    const edit = { step: () => {}, finished: () => writeFileSync(file, `${BREAKABLE}\n// edited`) };
    const { signal } = new AbortController();
    await expect(runAblation(plan, kept, signal, edit)).rejects.toMatchObject({ code: 'C0304' });
    writeFileSync(file, BREAKABLE);
    const undone = { step: () => {}, finished: () => {} };
    expect(await runAblation(plan, kept, signal, undone)).toHaveLength(2);
  });

  it('refuses damaged records and lost weights (C0303)', async () => {
    await ablate('damaged', { seeds: 1 });
    const one = recordFile('damaged', { variant: 'full', seed: 0, stage: 'one' });
    const good = readFileSync(one, 'utf8');
    for (const bad of ['{', '[]', good.replace('"loss":[', '"loss":[1,')]) {
      writeFileSync(one, bad);
      await expect(ablate('damaged', { seeds: 1, resume: true })).rejects.toMatchObject({ code: 'C0303' });
    }
    writeFileSync(one, good);
    rmSync(recordFile('damaged', { variant: 'full', seed: 0, stage: 'two' }));
    await expect(ablate('damaged', { seeds: 1, resume: true })).rejects.toThrow(
      /one\.safetensors cannot be used to go on with the ablation: .*; remove the folder it is in/,
    );
    writeFileSync(join(folder, 'damaged/ablation.json'), '3');
    await expect(ablate('damaged', { seeds: 1, resume: true })).rejects.toMatchObject({ code: 'C0303' });
  });

  it('says what is wrong with the input before anything is trained', async () => {
    await expect(ablate('a', { flags: 'lore' })).rejects.toMatchObject({ code: 'C0301' });
    await expect(ablate('a', { stages: 'three' })).rejects.toMatchObject({ code: 'C0201' });
    await expect(ablate('a', { batch: join(folder, 'none.safetensors') })).rejects.toThrow();
    const { init: _, ...unset } = optionsOf('a');
    await expect(ablateCommand(recorder(), [file], unset)).rejects.toMatchObject({ code: 'C0106' });
    expect(existsSync(join(folder, 'a'))).toBe(false);
    await expect(ablate('micro.mdl/out')).rejects.toMatchObject({ code: 'C0105' });
  });

  it('remembers skipped steps as NaN', () => {
    const log = new CellLog({ variant: 'full', seed: 0, stage: 'one' });
    const layers = { a: { norm: 3, max: 1, zero: 0 }, b: { norm: 2, max: 1, zero: 0 } };
    const base = { stage: 'one', lr: 1, tokens: 1, tokens_per_second: 1, loss_scale: 1, layers } as const;
    const seconds = { feed: 0, step: 0, update: 0 };
    log.add({ ...base, seconds, step: 1, loss: 2, grad_norm: 4 });
    log.add({ ...base, seconds, step: 2, loss: 2, grad_norm: Number.POSITIVE_INFINITY, skipped: true });
    const record = log.finish('trained');
    expect(record).toMatchObject({ loss: [2, Number.NaN], grad_norm: [4, Number.NaN], smallest_norm: [2, Number.NaN] });
  });

  it('runs on TinyGPT-V, from the command line', async () => {
    const set = ['vit.depth=1', 'phi.num_layers=1', 'phi.hidden_size=32', 'phi.intermediate_size=64', 'proj.mid=16'];
    const { code, stdout, stderr } = await mdl(
      folder,
      'ablate',
      TINYGPTV,
      '--config',
      'nano',
      ...set.flatMap((each) => ['--set', each]),
      ...['--init', '0', '--data', 'emoji', '--flags', 'qk_norm', '--stages', '1-2', '--seeds', '1'],
      ...['--steps', '2', '--batch-size', '2', '--out', 'tiny'],
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('[4/4] no qk_norm, seed 0, stage2: loss ');
    expect(stdout).toMatch(/^variant +stage1 +stage2\nfull +\d\.\d{3} +\d\.\d{3}\nno qk_norm +\d\.\d{3} +\d\.\d{3}\n/);
    expect(readFileSync(join(folder, 'tiny/report.md'), 'utf8')).toContain(
      '| variant | stage1 | paper | stage2 | paper |',
    );
  }, 60_000);
});
