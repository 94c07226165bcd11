/** What quantising costs: errors of each matrix and of its products, and of the loss (`mdl compile --quantise-report`). */

import { initialise } from '../../../runtime/init.ts';
import { rounded } from '../../../runtime/weights/packed.ts';
import { printQuantisation } from '../../../shared/quantisation.ts';
import type { Quantised } from '../../quantise/choose.ts';
import { columns } from '../columns.ts';
import type { WeightProvider } from '../weights/provider.ts';
import type { ProductInputs } from './calibration.ts';

export interface MatrixReport {
  readonly key: string;
  readonly shape: readonly number[];
  readonly as: string;
  /** ‖Ŵ − W‖ / ‖W‖ */
  readonly weight_error: number;
  /** ‖X Ŵᵀ − X Wᵀ‖ / ‖X Wᵀ‖; null: no product of the loss reads the matrix */
  readonly output_error: number | null;
}

export interface QuantiseReport {
  /** what the products were judged by: inputs of this data, or normal numbers */
  readonly inputs: string;
  readonly matrices: readonly MatrixReport[];
  /** the mean loss of as many batches behind those that calibrate, with f32 weights and with these; null without data */
  readonly loss: { readonly batches: number; readonly f32: number; readonly quantised: number } | null;
}

/** @param inputs by key; undefined: normal numbers for all */
export async function matrixReports(
  weights: WeightProvider,
  quantised: Quantised,
  inputs: ReadonlyMap<string, ProductInputs> | undefined,
  onMatrix: (done: number) => void = () => {},
): Promise<readonly MatrixReport[]> {
  const reports: MatrixReport[] = [];
  for (const [key, as] of quantised) {
    const { shape, data } = await weights.read(key);
    const columns = shape.at(-1)!;
    const [exact, found] = [data as Float32Array, (await rounded(weights, key, as)).data as Float32Array];
    const x = inputs ? inputs.get(key)?.sample : normalRows(columns);
    reports.push({
      key,
      shape,
      as: printQuantisation(as),
      weight_error: relative(exact, found),
      output_error: x ? outputError(exact, found, x, columns) : null,
    });
    onMatrix(reports.length);
  }
  return reports;
}

const ROWS = 64;

const normalRows = (columns: number): Float32Array =>
  initialise({ kind: 'normal', mean: 0, std: 1 }, { seed: 0, key: 'inputs', shape: [ROWS, columns] });

function relative(exact: Float32Array, found: Float32Array): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    error += (exact[i]! - found[i]!) ** 2;
    size += exact[i]! ** 2;
  }
  return quotient(error, size);
}

/** Of x Wᵀ, in float64. */
function outputError(exact: Float32Array, found: Float32Array, x: Float32Array, columns: number): number {
  let [error, size] = [0, 0];
  for (let row = 0; row < exact.length; row += columns)
    for (let at = 0; at < x.length; at += columns) {
      let [sum, difference] = [0, 0];
      for (let i = 0; i < columns; i++) {
        sum += x[at + i]! * exact[row + i]!;
        difference += x[at + i]! * (exact[row + i]! - found[row + i]!);
      }
      error += difference ** 2;
      size += sum ** 2;
    }
  return quotient(error, size);
}

const quotient = (error: number, size: number): number => (error === 0 ? 0 : Math.sqrt(error / size));

export function quantiseText({ inputs, matrices, loss }: QuantiseReport): string {
  const percent = (value: number): string => `${(100 * value).toPrecision(3)} %`;
  const rows = matrices.map(({ key, shape, as, weight_error, output_error }) => [
    key,
    `[${shape.join(', ')}]`,
    as,
    percent(weight_error),
    output_error === null ? '–' : percent(output_error),
  ]);
  const head = ['matrix', 'shape', 'as', 'error of weights', 'of outputs'];
  const change = loss && (loss.quantised - loss.f32) / loss.f32;
  return [
    ...columns(head, rows, 3),
    '',
    `outputs: relative to those of f32 weights, for ${inputs}`,
    ...(loss && change !== null
      ? [
          `loss of the ${loss.batches} batches behind those: ${loss.f32.toFixed(5)} with f32 weights, ${loss.quantised.toFixed(5)} with these (${change < 0 ? '−' : '+'}${percent(Math.abs(change))})`,
        ]
      : []),
  ].join('\n');
}
