/** What model.py does in training: layers of torch have their own, any other body that asks has a branch, or is refused with its line. */
import { describe, expect, it } from 'vitest';
import { TorchProblem } from '../../../src/compiler/backends/pytorch/index.ts';
import { DiagnosticError } from '../../../src/compiler/diagnostics/diagnostic.ts';
import { classOf, expectStructure, modelPy } from './support.ts';

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

  it('is a method with a branch, and an update sets the buffer', () => {
    const text = modelPy(`module Own() {
        buffer level: [4] = zeros()
        forward(x: [B, 4]) -> [B, 4] {
          if is_training() { update level = mean(x, axes = [0]) }
          x - level
        }
      }
      model Tiny { own = Own()  entry run(x: [B, 4]) -> (y: [B, 4]) { own(x) } }`);
    expectStructure(text);
    expect(classOf(text, 'Own')).toMatch(
      / {8}if self\.training:\n(?: {12}.*\n)+ {8}# x - level\n {8}return x - self\.level /,
    );
    expect(text).toContain('            self.level = x.mean(dim=0).detach()');
    expect(classOf(text, 'Tiny')).not.toContain('self.training');
  });

  it.each([
    ['in a function of the file', 'fn f(x) { x when is_training() else -x }', 'f(x)', '        if self.training:\n'],
    ['in a loop', '', 'for i in range(2) { x = x when is_training() else -x }\n x', '        if self.training:\n'],
    [
      'with numbers that are drawn',
      '',
      'x + random([B, 4]) when is_training() else x',
      'x + torch.rand(B, 4, device=x.device)',
    ],
  ])('is one with a branch %s', (_, before, body, said) => {
    const text = modelPy(`${before}\n${MODEL} ${body} } }`);
    expectStructure(text);
    expect(classOf(text, 'Tiny')).toContain(said);
  });

  const OWN = 'module Own() { forward(x: [B, 4]) -> [B, 4] { x when not is_training() else x + 1.0 } }';

  it.each([
    [
      'is called in training alone',
      `${OWN}\n model Tiny { own = Own()  entry run(x: [B, 4]) -> (y: [B, 4]) { x = own(x) when is_training() else x } }`,
      'Own (own)',
      'with these arguments it is called in training alone',
    ],
    [
      'gives a tensor in training and a number elsewhere',
      `module Rate() { forward(x: [B, 4]) { mean(x, axes = [0, 1]) when is_training() else 0.5 } }
       model Tiny { rate = Rate()  entry run(x: [B, 4]) -> (y: [B, 4]) { x * rate(x) } }`,
      'Rate (rate)',
      'it gives a tensor in training and the float 0.5 elsewhere',
    ],
  ])('is refused where it %s', (_, source, body, reason) => {
    const { kind, details, notes } = refused(source.replace('x = own', 'own'));
    expect({ kind, details }).toMatchObject({ kind: 'torch_training', details: { body, reason } });
    expect(notes).toHaveLength(2);
  });

  it('says what is wrong in training alone', () => {
    const source = `${MODEL} x + full([5], 1.0) when is_training() else x } }`;
    expect(() => modelPy(source)).toThrow(DiagnosticError);
  });

  it('is written where nothing depends on the answer: it is not asked', () => {
    expect(modelPy(`${MODEL} x when true or is_training() else -x } }`)).toContain('return x');
  });
});
