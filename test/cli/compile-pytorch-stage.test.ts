/** `mdl compile --target pytorch --stage`: train.py, the stage as data of Python, and what has none. `mdl data write`: shards. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ShardIndex } from '../../src/compiler/workbench/training/shards.ts';
import { DATA, SMALL } from '../pytorch/small.ts';
import { readTensors } from '../support/reference.ts';
import { folderWith, mdl } from './support.ts';

const read = (folder: string, name: string): string => readFileSync(join(folder, name), 'utf8');

async function compile(source: string, ...more: readonly string[]) {
  const folder = folderWith({ 'small.mdl': source, 'data.mjs': DATA });
  const options = ['--target', 'pytorch', '--init', '5', '--out', 'out'];
  return { folder, ...(await mdl(folder, 'compile', 'small.mdl', ...options, ...more)) };
}

describe('a stage for PyTorch', () => {
  it('is its block as data, with what a batch counts', async () => {
    const { folder, code, stderr } = await compile(SMALL, '--stage', 'fit');
    expect(code, stderr).toBe(0);
    const text = read(folder, 'out/stages/fit.py');
    expect(text).toContain('optimizer=AdamW(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1),');
    expect(text).toContain(
      'schedule=LinearWarmupCosine(lr=0.03, iters=6, epochs=1, min_lr=0.001, warmup_lr=0.0001, warmup=2.0),',
    );
    expect(text).toContain('def weight(batch):');
    expect(text).toContain('return (labels[:, 1:] != -100).float().sum()');
    expect(text).toContain('combine="weighted",');
    expect(text).toContain('metrics={"largest": 1},');
    expect(text).toContain('Trained("layers.0.up.weight", "layers.0", True),');
    expect(text).toContain('Trained("layers.0.up.bias", "layers.0", False),');
    expect(text).not.toContain('"lower.');
    for (const name of ['train.py', 'training/run.py', 'training/checkpoints.py'])
      expect(existsSync(join(folder, 'out', name)), name).toBe(true);
  });

  it.each([
    ['a mean over elements', 'mean(x * x, axes = [0, 1])', ['B = x.shape[0]', 'return torch.sym_float(B)']],
    ['a weighted sum', 'sum(x * m) / maximum(sum(m), 1.0)', ['return m.sum()']],
    ['a sum', 'sum(x, axes = [0, 1])', ['combine="sum"']],
  ])('%s', async (_, loss, expected) => {
    const source = `model Tiny {
      param w: [3] = ones()
      entry loss(x: [B, 3], m: [B, 3]) -> (loss: []) { of(x * w, m) }
    }
    fn of(x, m) { ${loss.replaceAll('sum(x * m)', 'sum(x * m, axes = [0, 1])').replaceAll('sum(m)', 'sum(m, axes = [0, 1])')} }
    stage s { train w  optimize sgd()  schedule constant(lr = 0.1)  accumulate 2 }`;
    const { folder, code, stderr } = await compile(source, '--stage', 's');
    expect(code, stderr).toBe(0);
    for (const part of expected) expect(read(folder, 'out/stages/s.py')).toContain(part);
  });

  it('needs the entry loss: C0512', async () => {
    const source = SMALL.replace('entry loss', 'entry other(x: [B, 16]) -> (y: [B, 64]) { head(x) }\n  entry loss');
    const { code, stderr } = await compile(source, '--stage', 'fit', '--entry', 'other');
    expect(code).toBe(1);
    expect(stderr).toContain('C0512');
  });
});

describe('mdl data write', () => {
  const own = ['small.mdl', '--init', '5', '--stage', 'fit', '--data', './data.mjs', '--out', 'shards'];

  it('writes the batches of training, in order', async () => {
    const folder = folderWith({ 'small.mdl': SMALL, 'data.mjs': DATA });
    const { code, stdout, stderr } = await mdl(folder, 'data', 'write', ...own);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('24 batches of fit in 1 shards');
    const index = JSON.parse(read(folder, 'shards/index.json')) as ShardIndex;
    expect(index).toMatchObject({
      format: 'mdl-shards',
      version: 1,
      stage: 'fit',
      batches: 24,
      inputs: ['ids', 'labels'],
    });
    expect(index.rows).toEqual(Array.from({ length: 24 }, () => 2));
    expect(index.settings).toMatchObject({ seed: '0', stages: 'fit' });
    const tensors = readTensors(join(folder, 'shards', index.shards[0]!.file));
    expect(tensors.get('3.labels')!.data.every((label) => Number(label) === -100)).toBe(true);
    expect(tensors.size).toBe(48);
  });

  it('leaves no shards of a longer write before it', async () => {
    const folder = folderWith({ 'small.mdl': SMALL, 'data.mjs': DATA });
    await mdl(folder, 'data', 'write', ...own);
    writeFileSync(join(folder, 'shards', 'shard-00007.safetensors'), '');
    const { code } = await mdl(folder, 'data', 'write', ...own, '--steps', '1');
    expect(code).toBe(0);
    expect(existsSync(join(folder, 'shards', 'shard-00007.safetensors'))).toBe(false);
  });
});
