/** What needs not be said, and what is said of a model that compiles to nothing. */
import { describe, expect, it } from 'vitest';
import { withoutRepeats } from '../../src/compiler/cli/output.ts';
import { compile } from '../../src/compiler/index.ts';
import { stageOrOnly } from '../../src/compiler/workbench/training/stages.ts';
import { memory } from '../support/project.ts';
import { recordingOutput } from './output.ts';
import { folderWith, mdl, SMALL } from './support.ts';

const WITHOUT = `import { Linear } from "std"

model Tiny {
  fc = Linear(4, 4)
}
`;

describe('a model without an entry', () => {
  it('is a warning of check, and no failure', async () => {
    const { code, stdout } = await mdl(folderWith({ 'tiny.mdl': WITHOUT }), 'check', 'tiny.mdl');
    expect(code).toBe(0);
    expect(stdout).toContain('warning[W0102]: Tiny has no entry, so nothing of it is compiled');
    expect(stdout).toContain('tiny.mdl:3:7');
  });

  it.each(['onnx', 'webgpu'])('is a warning of compile to %s', async (target) => {
    const folder = folderWith({ 'tiny.mdl': WITHOUT });
    const { stderr } = await mdl(folder, 'compile', 'tiny.mdl', '--out', 'out', '--target', target);
    expect(stderr).toContain('warning[W0102]');
  });

  it('is nothing to a file of modules, or a model that has one', async () => {
    const files = { 'small.mdl': SMALL, 'lib.mdl': 'fn twice(x) { x + x }\n' };
    const { stdout } = await mdl(folderWith(files), 'check', 'small.mdl', 'lib.mdl');
    expect(stdout).toBe('small.mdl, lib.mdl: no problems\n');
  });
});

describe('the stage of a command that is given none', () => {
  const stages = (...names: string[]) => {
    const text = `model M { param w: [4] = ones()  entry loss(x: [4]) -> (loss: []) { sum(x * w) } }\n${names
      .map((name) => `stage ${name} { train w }`)
      .join('\n')}\n`;
    return compile('main.mdl', memory({ 'main.mdl': text })).model!;
  };

  it('is the only one', () => {
    expect(stageOrOnly(stages('all'), undefined).name).toBe('all');
    expect(() => stageOrOnly(stages('all'), 'al')).toThrow('the model has no stage al, did you mean all');
  });

  it('must be named where there are none or several', () => {
    expect(() => stageOrOnly(stages('one', 'two'), undefined)).toThrow(
      'the model has 2 stages, one, two, and none was named: give --stage NAME',
    );
    expect(() => stageOrOnly(stages(), undefined)).toThrow(
      expect.objectContaining({
        code: 'C0555',
        message: expect.stringContaining('the model has no stage, and this trains one: declare one in its file'),
      }),
    );
  });
});

it('a line that each stage would say is said once', () => {
  const output = recordingOutput();
  const once = withoutRepeats(output);
  for (const text of ['of adapters', 'stage1', 'of adapters']) once.note(text);
  expect(output.notes).toEqual(['of adapters', 'stage1']);
});
