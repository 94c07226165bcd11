/** Mistakes in `einsum` and `tensor`, and what they become. Their numbers and gradients: test/fixtures/functions, by torch. */
import { describe, expect, it } from 'vitest';
import { problems, program } from './support.ts';

const of = (body: string): string =>
  `model M { entry run(x: [B, 4], y: [4, 8], n: int[B, 4]) -> (z: [...]) { ${body} } }`;

describe('einsum', () => {
  it.each([
    ['"bi,ij,bj"', 'x, y', 'E0294 the equation names 3 tensors and is given 2'],
    ['"bi,ij->bj->b"', 'x, y', 'E0293 it has more than one ->'],
    ['"...i->i"', 'x', 'E0293 `...` stands for no axes here: give each axis a letter'],
    ['"b1->b"', 'x', 'E0293 "1" is no label: each axis has a letter'],
    ['"bi->b,i"', 'x', 'E0293 "," is no label: each axis has a letter'],
    ['"bb->b"', 'x', 'E0293 bb has the label b twice, and no diagonal is taken'],
    ['"bi->bb"', 'x', 'E0293 its result has the label b twice'],
    ['"bi->bk"', 'x', 'E0293 its result has the label k, which no tensor has'],
    ['"bit->b"', 'x', 'E0294 bit stands for 3 axes and the tensor [B, 4] has 2'],
    ['",i->i"', 'x, x', 'E0294 no label stands for 0 axes and the tensor [B, 4] has 2'],
    ['"bi,ji->bj"', 'x, y', 'E0294 i is 4 in one tensor and 8 in another'],
    ['"bi,bj->ij"', 'x, y', 'E0294 b is B in one tensor and 4 in another'],
    ['"bi->b"', 'n', 'E0201 a of einsum must be a tensor of floats and is a tensor of ints'],
  ])('%s of %s', (equation, operands, message) => {
    expect(problems(of(`einsum(${equation}, ${operands})`)).join('\n')).toContain(message);
  });

  it('is one matmul where its axes lie as a matmul reads them', () => {
    const text =
      'model M { entry run(q: [B, 4, T, 8], k: [B, 4, S, 8]) -> (w: [B, 4, T, S]) { einsum("bhqd,bhkd->bhqk", q, k) } }';
    expect(
      program(text)
        .entry('run')!
        .graph.nodes.map(({ op }) => op),
    ).toEqual(['matmul']);
  });
});

describe('tensor', () => {
  it.each([
    ['tensor([[1, 2], [3]])', 'E0295 a list has 1 items and the first beside it 2'],
    ['tensor([[1, 2], 3])', 'E0295 a list of 2 stands beside'],
    ['tensor([1, [2, 3]])', 'E0295 a list stands beside a number'],
    ['tensor([])', 'E0295 an empty list has no element type'],
    ['tensor([[], []])', 'E0295 an empty list has no element type'],
    ['tensor([1, true])', 'E0295 numbers and bools are in one list'],
    ['tensor(["a"])', 'E0295 its elements are numbers or bools, and'],
    ['tensor([x, x])', 'E0295 its elements are numbers or bools, and'],
    [`tensor(${'['.repeat(65)}1${']'.repeat(65)})`, 'E0295 lists are nested 65 deep, and a tensor may have 64 axes'],
    ['tensor([i for i in range(65537)])', 'E0295 it has 65537 elements, and at most 65536 are written in a program'],
  ])('%s', (expression, message) => {
    expect(problems(of(expression)).join('\n')).toContain(message);
  });

  it('is of bodies, and no member', () => {
    expect(problems('model M { k = tensor([1, 2])  entry run(x: [2]) -> (y: [2]) { x } }').join('\n')).toContain('E03');
  });
});
