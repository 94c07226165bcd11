/** `mdl compile --target pytorch` as a user calls it: the files, what it refuses, and what names the places. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTensors } from '../support/reference.ts';
import { folderWith, mdl, ROOT } from './support.ts';

const MODULES = `module Has() { param w: [2] = ones()  forward(x: [2]) -> [2] { x * w } }
module Levelled() {
  buffer level: [2] = ones()
  forward(x: [B, 2]) -> [B, 2] {
    if is_training() { update level = level + 1.0 }
    x / level
  }
}
module Uses(other) { forward(x: [2]) -> [2] { other(x) } }
`;
const MLP = join(ROOT, 'examples', 'mlp.mdl');

describe('mdl compile --target pytorch', () => {
  it('writes model.py, every weight by its key, and a manifest', async () => {
    const folder = folderWith();
    const options = ['--target', 'pytorch', '--config', 'small', '--init', '3', '--out', 'out'];
    const { code, stdout, stderr } = await mdl(folder, 'compile', MLP, ...options);
    expect(stderr).not.toContain('error');
    expect(code).toBe(0);
    expect(stdout).toContain('model.py');
    const text = readFileSync(join(folder, 'out', 'model.py'), 'utf8');
    expect(text).toContain('class MLPClassifier(nn.Module):');
    const keys = [...readTensors(join(folder, 'out', 'model.safetensors')).keys()];
    expect(keys).toContain('blocks.0.linear.weight');
    expect(keys).toHaveLength(10);
    const manifest = JSON.parse(readFileSync(join(folder, 'out', 'manifest.json'), 'utf8'));
    expect(manifest.targets.pytorch).toMatchObject({ model: 'model.py', weights: [{ file: 'model.safetensors' }] });
  });

  it.each([
    ['--opset', '23'],
    ['--weights-dtype', 'f16'],
  ])('refuses %s', async (option, value) => {
    const folder = folderWith();
    const { code, stderr } = await mdl(folder, 'compile', MLP, '--target', 'pytorch', '--init', '0', option, value);
    expect(code).toBe(1);
    expect(stderr).toContain('C0208');
    expect(stderr).toContain(option);
  });

  it.each([
    ['C0500', 'half.weight', 'param half: [2] = ones() key "half.weight"\n entry run(x: [2]) -> (y: [2]) { x * half }'],
    ['C0500', '_modules', 'param _modules: [2] = ones()\n entry run(x: [2]) -> (y: [2]) { x * _modules }'],
    ['C0500', '__class__', 'param __class__: [2] = ones()\n entry run(x: [2]) -> (y: [2]) { x * __class__ }'],
    ['C0500', 'belongs to another module', 'b = Has()\n a = Uses(b)\n entry run(x: [2]) -> (y: [2]) { a(x) }'],
    [
      'C0502',
      'size S',
      'fn ones_like(x, n) { full([n], 1.0) }\n entry run(x: [S]) -> (y: [S]) { ones_like(exp(sum(x)), S) + x }',
    ],
    [
      'C0503',
      'Levelled (level) asks is_training() at main.mdl:5:8',
      'level = Levelled()\n entry run(x: [B, 2]) -> (y: [B, 2]) { level(x) when is_training() else x }',
    ],
    [
      'C0503',
      'called in training alone',
      'level = Levelled()\n entry run(x: [B, 2]) -> (y: [B, 2]) { level(x) when is_training() else x }',
    ],
  ])('%s %s', async (code, what, members) => {
    const folder = folderWith({ 'main.mdl': `${MODULES}model Tiny {\n ${members}\n}\n` });
    const ran = await mdl(folder, 'compile', 'main.mdl', '--target', 'pytorch', '--init', '0', '--out', 'out');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(code);
    expect(ran.stderr).toContain(what);
  });
});
