/** How many workgroups a step takes: the arithmetic at the limit of an axis, 65,535 on every device. */
import { describe, expect, it } from 'vitest';
import { workgroupsOf } from '../../../src/runtime/webgpu/dispatch.ts';

const LIMIT = 65_535;

/** @param counts of each part, along x, y and z */
function groups(...counts: readonly (readonly [number, number, number])[]) {
  const values = Float64Array.from(counts.flat());
  const parts = counts.map((part, index) => part.map((_, axis) => ({ of: 3 * index + axis, per: 1 })));
  return workgroupsOf('main', { origin: 'm.mdl:1:1', parts }, values, LIMIT);
}

describe('workgroups', () => {
  it.each<[counts: [number, number, number], expected: readonly number[]]>([
    [
      [1, 1, 1],
      [1, 1, 1],
    ],
    [
      [LIMIT, 1, 1],
      [LIMIT, 1, 1],
    ],
    [
      [LIMIT + 1, 1, 1],
      [32_768, 2, 1],
    ],
    [
      [1, 1, 70_001],
      [35_001, 2, 1],
    ],
    [
      [1, 70_001, 3],
      [52_501, 4, 1],
    ],
    [
      [2 * LIMIT, 1, 1],
      [LIMIT, 2, 1],
    ],
    [
      [2 * LIMIT + 1, 1, 1],
      [43_691, 3, 1],
    ],
    [
      [LIMIT, LIMIT, 1],
      [LIMIT, LIMIT, 1],
    ],
  ])('%j are %j', (counts, expected) => {
    const found = groups(counts)!;
    expect(found).toEqual(expected);
    // all are there, and no row is in vain
    const wanted = counts[0] * counts[1] * counts[2];
    expect(found[0] * found[1]).toBeGreaterThanOrEqual(wanted);
    expect(found[0] * (found[1] - 1)).toBeLessThan(wanted);
  });

  it('counts are rounded up, one axis at a time', () => {
    const parts = [[4, 64, 2].map((per, of) => ({ of, per }))];
    expect(workgroupsOf('main', { origin: '', parts }, Float64Array.of(9, 65, 4), LIMIT)).toEqual([12, 1, 1]);
  });

  it('parts of one kernel add up, and empty ones are nothing', () => {
    expect(groups([3, 1, 1], [0, 4, 1], [2, 2, 2])).toEqual([11, 1, 1]);
    expect(groups([0, 4, 1])).toBeUndefined();
  });

  it('more than the index of a workgroup can count is an error', () => {
    expect(() => groups([LIMIT, LIMIT, 2])).toThrow(
      expect.objectContaining({
        code: 'R1011',
        message: expect.stringContaining('needs 8589672450 workgroups and a device takes 4294836225'),
      }),
    );
  });
});
