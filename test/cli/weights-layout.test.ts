/** `mdl weights --layout MODEL`: by which layout files are read, where their keys go, what is left over or missing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LayoutReport } from '../../src/compiler/workbench/layouts/report.ts';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { fixture } from '../support/reference.ts';
import { configFile } from '../tinygptv/support.ts';
import { f32, folderWith, mdl } from './support.ts';

const part = (name: string): string => fixture(`layouts/${name}`);
const TINY = ['--layout', 'models/tinygpt-v.mdl', '--config-file', configFile()];
const PARTS = ['phi-2', 'eva_vit_g.pth', 'blip2.pth', 'stage4.pth'].map(part);

type Report = LayoutReport & { readonly complete: boolean };
const reportOf = async (...args: string[]): Promise<{ code: number; report: Report }> => {
  const { code, stdout } = await mdl(process.cwd(), 'weights', ...args, '--json');
  return { code, report: JSON.parse(stdout) as Report };
};

describe("TinyGPT-V's parts", () => {
  it('are each read by their layout, and nothing is missing', async () => {
    const { code, report } = await reportOf(...PARTS, ...TINY);
    expect(code).toBe(0);
    expect(report.files.map(({ layout, overlay }) => [layout, overlay])).toEqual([
      ['PhiForCausalLM.phi2', false],
      ['EvaViT.eva_clip', false],
      ['TinyGPTV.blip2', false],
      ['TinyGPTV.stages', true],
    ]);
    expect(report).toMatchObject({ missing: [], complete: true });
    expect(report.files.flatMap(({ unknown }) => unknown)).toEqual([]);
    // q, k and v of a head lie beside each other in the model
    const attention = report.files[0]!.keys.filter(({ into }) =>
      into[0]!.endsWith('layers.0.self_attn.query_key_value.weight'),
    );
    expect(attention.map(({ part: which, turned }) => [which, turned])).toEqual([
      [[1, 3], true],
      [[2, 3], true],
      [[3, 3], true],
    ]);
    // EVA's file has one block more than is used
    expect(report.files[1]!.unused).toContain('norm.weight');
  });

  it('say as text what is missing where a part is: exit code 1', async () => {
    const { code, stdout } = await mdl(process.cwd(), 'weights', ...PARTS.slice(0, 2), ...TINY);
    expect(code).toBe(1);
    expect(stdout).toContain('layout PhiForCausalLM.phi2');
    expect(stdout).toMatch(/q_proj\.weight +→ \S+query_key_value\.weight +1 of 3, reordered/);
    expect(stdout).toContain('not used by the model:');
    expect(stdout).toContain('missing: no file has it:');
    expect(stdout).toMatch(/\d+ keys of models\/tinygpt-v\.mdl have no numbers/);
  });
});

describe('other files', () => {
  const model = `model M {
  param weight: [2] = zeros()
  param bias:   [2] = zeros()
  entry run(x: [B, 2]) -> (y: [B, 2]) { x * weight + bias }
}
`;

  it("of the model's own keys need no layout; what nobody knows is left over", async () => {
    const folder = folderWith({ 'm.mdl': model });
    const file = join(folder, 'a.safetensors');
    writeFileSync(
      file,
      encodeSafetensors(
        new Map([
          ['weight', f32([2], [1, 2])],
          ['scale', f32([2], [1, 2])],
        ]),
      ),
    );
    const { code, report } = await reportOf(file, '--layout', join(folder, 'm.mdl'));
    expect(code).toBe(1);
    expect(report).toMatchObject({
      files: [{ layout: 'own', keys: [{ key: 'weight', into: ['weight'], turned: false }], unknown: ['scale'] }],
      missing: ['bias'],
      complete: false,
    });
  });

  it('that fit a layout in part say which keys decided: C0460', async () => {
    const file = join(folderWith(), 'a.safetensors');
    writeFileSync(
      file,
      encodeSafetensors(
        new Map([
          ['blocks.0.norm1.weight', f32([2], [1, 2])],
          ['x', f32([2], [1, 2])],
        ]),
      ),
    );
    const { code, stderr } = await mdl(process.cwd(), 'weights', file, ...TINY);
    expect(code).toBe(1);
    expect(stderr).toMatch(/C0460[\s\S]*blocks\.0\.norm1\.weight[\s\S]*it does not know x/);
  });

  it('take --config only beside --layout: C0208', async () => {
    const { code, stderr } = await mdl(process.cwd(), 'weights', PARTS[1]!, '--config', 'nano');
    expect([code, stderr]).toEqual([1, expect.stringContaining('C0208')]);
  });
});
