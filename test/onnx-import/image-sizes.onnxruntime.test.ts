/** ONNX files of images whose height and width are dynamic: imported as multiples of their strides, they are run on many sizes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { folderWith } from '../cli/support.ts';
import { relativeError } from '../support/reference.ts';
import { node, onnx } from './files.ts';
import { imported, opened, originalOutputs, portsOf, RUNS } from './support.ts';

const INTS = 7;
const ints = (name: string, values: number[]) => ({ name, type: INTS, ints: values });

const weights = (name: string, dims: number[]) => {
  const size = dims.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, i) => Math.cos(2.3 * i + dims[0]!) / 2);
  return { name, dims, dataType: 1, rawData: new Uint8Array(data.buffer) };
};

const images = (batch: number, height: number, width: number): HostTensor => {
  const data = Float32Array.from({ length: batch * 3 * height * width }, (_, i) => Math.sin(1.3 * i));
  return { dtype: 'f32', shape: [batch, 3, height, width], data };
};

/** A stride of 2 three times, uneven padding, a pool that counts what is inside, and a transposed convolution. */
function write(): string {
  const file = join(folderWith(), 'net.onnx');
  const bytes = onnx({
    inputs: [['image', ['batch', 3, 'height', 'width']]],
    nodes: [
      node('Conv', ['image', 'stem'], ['a'], 'stem', [ints('strides', [2, 2]), ints('pads', [0, 0, 1, 1])]),
      node('MaxPool', ['a'], ['b'], 'pool', [
        ints('kernel_shape', [3, 3]),
        ints('strides', [2, 2]),
        ints('pads', [1, 1, 1, 1]),
      ]),
      node('Conv', ['b', 'deep'], ['c'], 'deep', [ints('pads', [1, 1, 1, 1])]),
      node('AveragePool', ['c'], ['d'], 'mean', [
        ints('kernel_shape', [3, 3]),
        ints('strides', [2, 2]),
        ints('pads', [1, 1, 1, 1]),
      ]),
      node('ConvTranspose', ['c', 'up'], ['y'], 'up', [ints('strides', [2, 2]), ints('pads', [1, 0, 0, 1])]),
    ],
    initialisers: [weights('stem', [4, 3, 3, 3]), weights('deep', [5, 4, 3, 3]), weights('up', [5, 2, 3, 3])],
    outputs: ['d', 'y'],
  });
  writeFileSync(file, bytes);
  return file;
}

describe('height and width of images', () => {
  it('are multiples of the strides, or the command says so', async () => {
    const file = write();
    const refused = await imported(file).catch((error: Error & { notes?: readonly string[] }) => error);
    expect(JSON.stringify(refused)).toContain('its stride 2: make it a multiple, such as --dim \\"Height=2*N\\"');
    const { text } = await imported(file, ['height=8*H', 'width=8*W']);
    expect(text).toContain('[Batch, 3, 8 * H, 8 * W]');
  });

  it.each(RUNS)('%s: what the file gives, on several sizes', async (_, request) => {
    const file = write();
    const open = await opened(await imported(file, ['height=8*H', 'width=8*W']), request);
    const { inputs, outputs } = portsOf(open);
    for (const given of [images(2, 8, 24), images(1, 32, 8), images(3, 16, 16)]) {
      const expected = await originalOutputs(file, [given]);
      const found = await open.session.run(open.entry, { [inputs[0]!]: given });
      for (const [index, name] of outputs.entries()) {
        expect(found[name]!.shape).toEqual(expected[index]!.shape);
        expect(relativeError(found[name]!.data as Float32Array, expected[index]!.data as Float32Array)).toBeLessThan(
          1e-5,
        );
      }
    }
    await open.close();
  });
});
