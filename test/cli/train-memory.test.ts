/** `mdl train --plan` and `--memory`: what a stage takes on a device, told before anything runs. */
import { describe, expect, it } from 'vitest';
import { folderWith, i64, mdl, safetensors } from './support.ts';

const MODEL = `import { Embedding, Linear } from "std"
model M {
  embed = Embedding(64, 64)
  up = Linear(64, 256)
  down = Linear(256, 64)
  entry loss(ids: int[B, T], labels: int[B, T]) -> (loss: []) {
    let x = embed(ids)
    cross_entropy(linear(x + down(gelu(up(x))), embed.weight), labels)
  }
}
stage s {
  train up.bias, down.bias
  optimize adamw()
  schedule constant(lr = 0.001, iters = 3)
}
`;
const ids = i64(
  [4, 32],
  Array.from({ length: 128 }, (_, i) => (i * 7) % 64),
);
const folder = () => folderWith({ 'm.mdl': MODEL, 'b.safetensors': safetensors({ ids, labels: ids }) });
const train = (...args: string[]) =>
  mdl(folder(), 'train', 'm.mdl', '--batch', 'b.safetensors', '--backend', 'webgpu', ...args);

describe('--plan', () => {
  it('has the bytes of each part, and needs neither weights nor a device', async () => {
    const { code, stdout, stderr } = await train('--plan', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const { stages } = JSON.parse(stdout);
    const [{ stage, dims, memory }] = stages;
    expect([stage, dims]).toEqual(['s', { B: 4, T: 32 }]);
    // both biases in one arena; AdamW has two moments
    expect(memory).toMatchObject({ trained: 4 * 320, gradients: 4 * 320, optimiser: 2 * 4 * 320 });
    expect(memory.weights).toBeGreaterThanOrEqual(4 * (64 * 64 + 2 * 64 * 256));
    const { peak, ...parts } = memory as Record<string, number>;
    expect(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)).toBe(peak);
  });

  it('is a table for people', async () => {
    const { stdout } = await train('--plan');
    expect(stdout).toMatch(/^s \(B = 4, T = 32\)\n {2}frozen weights +\d/);
    expect(stdout).toContain('optimiser state');
  });

  it.each([
    [['--plan'], '--plan'],
    [['--init', '0', '--memory', '1GB'], '--memory'],
  ])('%j is of WebGPU: C0208', async (args, option) => {
    const { code, stderr } = await mdl(folder(), 'train', 'm.mdl', '--batch', 'b.safetensors', ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`error\\[C0208\\]: .*${option}.*--backend webgpu`));
  });
});

describe('--memory', () => {
  it('is kept where the stage takes less', async () => {
    expect((await train('--plan', '--memory', '1GB')).code).toBe(0);
  });

  it('says what brings a stage under it: C0590', async () => {
    const { stdout } = await train('--plan', '--json');
    const { peak, weights } = JSON.parse(stdout).stages[0].memory;
    const { code, stderr } = await train('--init', '0', '--memory', String(peak - Math.round(weights / 4)));
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[C0590\]: s takes .* and --memory is .*: frozen matrices as int8 .* brings it to/);
    expect(stderr).toMatch(/--recompute`: /);
  });

  it('says that nothing does: C0590', async () => {
    const { stderr } = await train('--init', '0', '--memory', '1KB');
    expect(stderr).toMatch(/error\[C0590\]: .*nothing that was tried brings it under that, .* is the least/);
  });

  it('is bytes', async () => {
    const { code, stderr } = await train('--init', '0', '--memory', '8 apples');
    expect(code).toBe(2);
    expect(stderr).toContain('8GB');
  });

  it('refuses a batch whose sizes differ: C0591', async () => {
    const other = i64(
      [2, 32],
      Array.from({ length: 64 }, () => 1),
    );
    const at = folderWith({ 'm.mdl': MODEL, 'b.safetensors': safetensors({ ids, labels: other }) });
    const { stderr } = await mdl(at, 'train', 'm.mdl', '--batch', 'b.safetensors', '--backend', 'webgpu', '--plan');
    expect(stderr).toMatch(/error\[C0591\]: the batch gives labels 2 along axis 0, where 4 is expected/);
  });
});
