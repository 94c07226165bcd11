/** Errors of evaluation (what only the numbers can tell) and its speed on layers of a real size. */
import { describe, expect, test } from 'vitest';
import { OPS } from '../../src/compiler/ops/index.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { sizeOf } from '../../src/shared/tensor.ts';
import { tensor } from './extra-cases.ts';

const indices = (...elements: number[]) => tensor('i64', [elements.length], elements);
const data = tensor('f32', [2, 3], [1, 2, 3, 4, 5, 6]);

describe('an index out of range', () => {
  test('gather', () => {
    expect(() => OPS.gather.evaluate([data, indices(0, 3)], { axis: 1 })).toThrow(
      'gather got index 3 for axis 1 of size 3',
    );
    expect(() => OPS.gather.evaluate([data, indices(-1)], { axis: 0 })).toThrow(
      'gather got index -1 for axis 0 of size 2',
    );
  });
  test('gather_elements', () => {
    const column = tensor('i64', [2, 1], [0, 9]);
    expect(() => OPS.gather_elements.evaluate([data, column], { axis: 1 })).toThrow(
      'gather_elements got index 9 for axis 1 of size 3',
    );
  });
  test('scatter_add', () => {
    expect(() => OPS.scatter_add.evaluate([data, indices(0, 2), data], { axis: 0 })).toThrow(
      'scatter_add got index 2 for axis 0 of size 2',
    );
  });
  test('cross_entropy', () => {
    expect(() => OPS.cross_entropy.evaluate([data, indices(0, 3)], { ignore_index: -100 })).toThrow(
      'cross_entropy got target 3 for 3 classes and ignore_index -100',
    );
  });
  test('rotary', () => {
    const x = tensor('f32', [1, 1, 1, 2], [1, 2]);
    const attributes = { dims: 2, theta: 1e4, max_positions: 4 };
    expect(() => OPS.rotary.evaluate([x, tensor('i64', [1, 1], [4])], attributes)).toThrow(
      'rotary got position 4 and max_positions is 4',
    );
  });
});

test('a symbolic slice past the end is found when it runs', () => {
  expect(() => OPS.slice.evaluate([data], { starts: [0, 0], ends: [2, 4], steps: [1, 1] })).toThrow(
    'slice of axis 1 ends at 4 and the axis has 3',
  );
});

test('cross_entropy with nothing to count is NaN, as torch', () => {
  const [loss] = OPS.cross_entropy.evaluate([data, indices(-100, -100)], { ignore_index: -100 });
  expect(loss.data[0]).toBeNaN();
});

test('a linear of the vision transformer (257×1408 · 1408×1408) ends before the time-out of the runner', () => {
  const filled = (shape: number[]): WideTensor => ({
    dtype: 'f32',
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5),
  });
  const [x, weight] = [filled([257, 1408]), filled([1408, 1408])];
  const [out] = OPS.linear.evaluate([x, weight], {});
  let corner = 0;
  for (let i = 0; i < 1408; i++) corner += x.data[256 * 1408 + i]! * weight.data[1407 * 1408 + i]!;
  expect(out.data.at(-1)).toBe(corner);
});
