/** What model.py does in training: layers of torch have their own, and any other body that asks is refused with its line. */
import { describe, expect, it } from 'vitest';
import { TorchProblem } from '../../../src/compiler/backends/pytorch/index.ts';
import { modelPy } from './support.ts';

function refused(source: string): TorchProblem {
  try {
    modelPy(source);
  } catch (error) {
    if (error instanceof TorchProblem) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const MODEL = 'model Tiny { entry run(x: [B, 4]) -> (y: [B, 4]) {';

describe('a body that asks is_training()', () => {
  it('is that of batch normalisation, which is a layer of torch, in a model with dropout', () => {
    const text = modelPy(`import { BatchNorm1d } from "std"
      model Tiny { norm = BatchNorm1d(4)  entry run(x: [B, 4]) -> (y: [B, 4]) { dropout(norm(x), 0.5) } }`);
    expect(text).toContain('self.norm = nn.BatchNorm1d(4');
    expect(text).toContain('F.dropout(self.norm(x), 0.5, self.training)');
  });

  it.each([
    ['in the model', `${MODEL}\n if is_training() { x = x * 2.0 }\n x } }`, 'the model', 'main.mdl:2:5'],
    [
      'in a function of the file',
      `fn f(x) { x when is_training() else -x }\n ${MODEL} f(x) } }`,
      'the function f',
      'main.mdl:1:18',
    ],
    [
      'in a loop',
      `${MODEL}\n for i in range(2) {\n let t = x when is_training() else -x\n x = t }\n x } }`,
      'the model',
      'main.mdl:3:17',
    ],
    [
      'in a module of a list',
      `module Own() {\n forward(x: [B, 4]) -> [B, 4] {\n x when not is_training() else x + 1.0 } }
       model Tiny { parts = [Own()]  entry run(x: [B, 4]) -> (y: [B, 4]) { parts[0](x) } }`,
      'Own (parts.0)',
      'main.mdl:3:13',
    ],
    [
      'that a module of the name of a layer of torch has',
      `module BatchNorm1d() { forward(x: [B, 4]) -> [B, 4] { x when is_training() else -x } }
       model Tiny { norm = BatchNorm1d()  entry run(x: [B, 4]) -> (y: [B, 4]) { norm(x) } }`,
      'BatchNorm1d (norm)',
      'main.mdl:1:62',
    ],
  ])('is refused %s', (_, source, body, place) => {
    const { kind, details, notes } = refused(source);
    expect({ kind, details }).toEqual({ kind: 'torch_training', details: { body, place } });
    expect(notes).toHaveLength(2);
  });

  it('is written where nothing depends on the answer: it is not asked', () => {
    expect(modelPy(`${MODEL} x when true or is_training() else -x } }`)).toContain('return x');
  });
});
