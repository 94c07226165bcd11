/** GPTQ against NumPy, code for code, and better than rounding to nearest for inputs that go together. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gptq } from '../../src/compiler/workbench/quantise/gptq.ts';
import { dequantise, type Packed, quantise, unpackCodes } from '../../src/runtime/weights/quantise.ts';
import type { Quantisation } from '../../src/shared/quantisation.ts';
import { provokes } from '../runtime/support.ts';

/** As test/fixtures/quantise/gptq.py makes them. */
interface Case {
  readonly quantisation: Quantisation;
  readonly rows: number;
  readonly columns: number;
  readonly inputs: string;
  readonly weights: string;
  readonly codes: string;
  readonly scales: string;
  readonly zeros: string;
  /** ‖X Ŵᵀ − X Wᵀ‖ / ‖X Wᵀ‖ */
  readonly output_error: number;
}
const CASES = JSON.parse(
  readFileSync(new URL('../fixtures/quantise/gptq.json', import.meta.url), 'utf8'),
) as readonly Case[];

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
const floats = (text: string): Float32Array => new Float32Array(bytes(text).buffer);

function gramOf(inputs: Float32Array, columns: number): Float64Array {
  const gram = new Float64Array(columns * columns);
  for (let row = 0; row < inputs.length; row += columns)
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < columns; j++) gram[i * columns + j]! += inputs[row + i]! * inputs[row + j]!;
  return gram;
}

function outputError(one: Case, packed: Packed): number {
  const [inputs, exact, found] = [floats(one.inputs), floats(one.weights), dequantise(packed, one.quantisation)];
  let [error, size] = [0, 0];
  for (let at = 0; at < inputs.length; at += one.columns)
    for (let row = 0; row < exact.length; row += one.columns) {
      let [sum, difference] = [0, 0];
      for (let i = 0; i < one.columns; i++) {
        sum += inputs[at + i]! * exact[row + i]!;
        difference += inputs[at + i]! * (found[row + i]! - exact[row + i]!);
      }
      error += difference ** 2;
      size += sum ** 2;
    }
  return Math.sqrt(error / size);
}

describe.each(CASES)('int$quantisation.bits in groups of $quantisation.group, zeros $quantisation.zeros', (one) => {
  const { quantisation, columns } = one;
  const packed = gptq(floats(one.weights), gramOf(floats(one.inputs), columns), quantisation, 'w');

  it('has the codes, scales and zeros of NumPy', () => {
    expect([...unpackCodes(packed.codes, quantisation.bits, one.rows * columns)]).toEqual([
      ...new Int8Array(bytes(one.codes).buffer),
    ]);
    expect([...packed.scales]).toEqual([...new Uint16Array(bytes(one.scales).buffer)]);
    expect([...packed.zeros]).toEqual([...floats(one.zeros)]);
  });

  it('has the error of NumPy, less than half of that of rounding to nearest', () => {
    const nearest = quantise(floats(one.weights), { ...quantisation, method: 'nearest' }, { key: 'w', first: 0 });
    expect(outputError(one, packed)).toBeCloseTo(one.output_error, 9);
    expect(outputError(one, packed)).toBeLessThan(0.5 * outputError(one, nearest));
  });
});

it('rounds to nearest where nothing ever comes in', () => {
  const [weights, as] = [floats(CASES[0]!.weights), CASES[0]!.quantisation];
  const nearest = quantise(weights, { ...as, method: 'nearest' }, { key: 'w', first: 0 });
  expect(gptq(weights, new Float64Array(64 * 64), as, 'w')).toEqual(nearest);
});

describe('refuses', () => {
  it('a weight that is not finite', async () => {
    const weights = floats(CASES[0]!.weights);
    weights[70] = Number.NaN;
    const message = await provokes('R1224', () =>
      gptq(weights, new Float64Array(64 * 64), CASES[0]!.quantisation, 'w'),
    );
    expect(message).toContain('w holds NaN at element 70');
  });

  it('the method without inputs', async () => {
    const message = await provokes('R1240', () =>
      quantise(new Float32Array(32), CASES[0]!.quantisation, { key: 'up.weight', first: 0 }),
    );
    expect(message).toContain('up.weight');
  });
});
