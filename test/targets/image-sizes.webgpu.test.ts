/** Convolutions and pools over images of any size, on each target: what the interpreter gives for the same sizes as numbers. */
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { relativeError } from '../support/reference.ts';
import { sessionOn, TARGETS } from '../support/targets.ts';

const net = (height: string, width: string): string => `import { Conv2d } from "std"
model Net {
  stem = Conv2d(3, 4, 3, stride = 2, padding = 1)
  deep = Conv2d(4, 6, kernel = 3, padding = 1)
  param up: [6, 2, 2, 2] = normal(0.3)
  param more: [2, 2, 3, 3] = normal(0.3)

  entry segment(images: [B, 3, ${height}, ${width}]) -> (map: [B, 2, ${height}, ${width}], score: [B, 6]) {
    let x = gelu(stem(images))
    let y = deep(max_pool2d(x, kernel = 3, stride = 2, padding = 1))
    let wide = conv_transpose2d(conv_transpose2d(y, up, stride = 2), more, stride = 2, padding = 1, output_padding = 1)
    (wide, mean(avg_pool2d(y, kernel = 3, stride = 1, padding = 1, count_include_pad = false), axes = [2, 3]))
  }
}`;

const images = (batch: number, height: number, width: number): HostTensor => {
  const shape = [batch, 3, height, width];
  const data = Float32Array.from({ length: batch * 3 * height * width }, (_, i) => Math.sin(1.7 * i) + (i % 7) / 5);
  return { dtype: 'f32', shape, data };
};

const SIZES = [
  [1, 4, 4],
  [2, 8, 20],
  [3, 24, 12],
  [0, 4, 8],
] as const;

describe.each(TARGETS)('%s', (target) => {
  it('one compilation, many sizes', async () => {
    const session = await sessionOn(target, net('4 * H', '4 * W'));
    for (const [batch, height, width] of SIZES) {
      const oracle = await sessionOn('reference', net(String(height), String(width)));
      const feeds = { images: images(batch, height, width) };
      const [found, expected] = [await session.run('segment', feeds), await oracle.run('segment', feeds)];
      for (const name of ['map', 'score']) {
        expect(found[name]!.shape).toEqual(expected[name]!.shape);
        expect(relativeError(found[name]!.data as Float32Array, expected[name]!.data as Float32Array)).toBeLessThan(
          2e-5,
        );
      }
    }
  });

  it('refuses a size that is no multiple, and an image that no window fits in', async () => {
    const session = await sessionOn(target, net('4 * H', '4 * W'));
    await expect(session.run('segment', { images: images(1, 6, 8) })).rejects.toMatchObject({
      code: 'R0210',
      message: 'the input images of segment has size 6 on axis 2 and 4*H is expected, so reshape it',
    });
    await expect(session.run('segment', { images: images(1, 0, 8) })).rejects.toMatchObject({ code: 'R0223' });
  });
});
