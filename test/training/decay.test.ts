/** Which parameters decay: a stage's own rule, and TinyGPT-V's as its authors' trainer has it. */
import { describe, expect, it, test } from 'vitest';
import { decays, planOf, trainedParameter } from '../../src/compiler/training/plan.ts';
import { problems, program } from '../language/support.ts';
import { compileOk, repository } from '../support/project.ts';
import { readJson } from '../support/reference.ts';

const NAMES = (clauses: string): string => `
import { Linear } from "std"
module Shortcut(d) { param weight: [d, d] = normal(0.1)  forward(x: [B, d]) -> [B, d] { x @ weight } }
model M {
  kiln    = Linear(4, 4)
  subnet  = Linear(4, 4)
  rgbnet  = Linear(4, 4)
  bias    = Shortcut(4)
  layers  = [Shortcut(4) for _ in range(2)]
  entry loss(x: [B, 4]) -> (loss: []) {
    let y = x |> kiln |> subnet |> rgbnet |> bias
    for layer in layers { y = layer(y) }
    mean(y * y)
  }
}
stage s { train **  schedule constant(lr = 0.1)  ${clauses} }
`;

function decayed(clauses: string): string[] {
  const { stages } = program(NAMES(clauses));
  const plan = planOf(
    stages[0]!,
    stages[0]!.trained.map((parameter) => trainedParameter(parameter, stages[0]!)),
    { buffers: [], dropout: false, countsTokens: false, combine: 'equal' },
  );
  return plan.trained.filter(({ decay }) => decay).map(({ key }) => key);
}

describe('what decays', () => {
  const matrices = [
    'kiln.weight',
    'subnet.weight',
    'rgbnet.weight',
    'bias.weight',
    'layers.0.weight',
    'layers.1.weight',
  ];

  it('is every tensor of rank 2 and up, whatever its name', () => {
    expect(decayed('')).toEqual(matrices);
  });

  it.each([
    ['no_decay kiln, layers[1]', ['subnet.weight', 'rgbnet.weight', 'bias.weight', 'layers.0.weight']],
    ['no_decay **.weight', []],
    ['no_decay bias\n no_decay {subnet, rgbnet}.weight', ['kiln.weight', 'layers.0.weight', 'layers.1.weight']],
    ['no_decay **.bias', ['kiln.weight', 'subnet.weight', 'rgbnet.weight', 'layers.0.weight', 'layers.1.weight']],
  ])('without what the stage says: %s', (clauses, keys) => {
    expect(decayed(clauses)).toEqual(keys);
  });

  it('and a pattern that matches nothing is an error, as one of `train` is', () => {
    expect(problems(NAMES('no_decay kilm'))).toEqual([expect.stringMatching(/^E0403 kilm/)]);
  });

  it('a member may be called no_decay', () => {
    const text = NAMES('no_decay no_decay').replaceAll('kiln', 'no_decay');
    expect(program(text).stages[0]!.noDecay.size).toBe(2);
  });
});

describe("TinyGPT-V's stages", () => {
  interface Released {
    readonly keys: Readonly<Record<string, { readonly shape: readonly number[] }>>;
  }
  // runner_base.py of the released code, line 108
  const authors = (key: string, shape: readonly number[]): boolean =>
    !(shape.length < 2 || ['bias', 'ln', 'bn'].some((part) => key.includes(part)));

  test('decay what their trainer decays, of every key of the full model', () => {
    const { keys } = readJson<Released>('tinygptv-full-keys.json');
    const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'full' });
    const expected = Object.fromEntries(Object.entries(keys).map(([key, { shape }]) => [key, authors(key, shape)]));
    for (const stage of model.stages) {
      const found = [...model.parameters].map(([key, parameter]) => [key, decays(parameter, stage)]);
      expect(Object.fromEntries(found)).toEqual(expected);
    }
  });
});
