/** `mdl compile --calibrate` and `--quantise-report`: codes by GPTQ before weights are written, and what quantising costs. */

import { runtimeError } from '../../../runtime/errors.ts';
import type { DataSource } from '../../../runtime/train/index.ts';
import type { Packed } from '../../../runtime/weights/quantise.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import type { Quantised } from '../../quantise/choose.ts';
import { cliError } from '../errors.ts';
import type { Loaded } from '../model.ts';
import type { Notes } from '../notes.ts';
import { openBatches } from '../training/data.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { meanLoss, type ProductInputs, productInputs } from './calibration.ts';
import { gptq } from './gptq.ts';
import { matrixReports, type QuantiseReport } from './report.ts';

export interface CalibrationOptions {
  /** as --data of mdl train */
  readonly calibrate?: string;
  readonly calibrateBatches?: number;
  readonly quantiseReport?: boolean;
}

export interface Calibrated {
  /** with the codes that calibration found */
  readonly weights: WeightProvider;
  readonly report?: QuantiseReport;
}

const BATCHES = 8;
const MOST_BATCHES = 4096;

/**
 * @throws CliError C0208 for options that nothing follows from, C0635 for more batches than are looked at, C0506 without a loss, C0507 for inputs that are not finite, C0508 for
 * a matrix that no batch reaches; RuntimeError R1240 for a method that wants data where there is none
 */
export async function calibrated(
  file: string,
  loaded: Loaded,
  weights: WeightProvider,
  quantised: Quantised,
  { calibrate, calibrateBatches: batches = BATCHES, quantiseReport = false }: CalibrationOptions,
  output: Notes,
): Promise<Calibrated> {
  if (batches > MOST_BATCHES) throw cliError('calibration_batches', { given: batches, most: MOST_BATCHES });
  const wanted = [...quantised].filter(([, { method }]) => method === 'gptq');
  if (wanted.length === 0 && !quantiseReport) {
    if (calibrate === undefined) return { weights };
    throw cliError('option_without', { option: '--calibrate', without: '--quantise-report' });
  }
  if (calibrate === undefined && wanted.length > 0) throw runtimeError('quantise_uncalibrated', { key: wanted[0]![0] });
  const data = calibrate === undefined ? undefined : await openCalibration(file, loaded.model, calibrate, output);
  try {
    const inputs =
      data &&
      (await gathered(
        loaded,
        weights,
        quantised,
        { data, batches },
        wanted.map(([key]) => key),
        output,
      ));
    const codes = await codesOf(weights, wanted, inputs ?? new Map(), output);
    const own = codes.size > 0 ? withCodes(weights, codes) : weights;
    if (!quantiseReport) return { weights: own };
    const behind = data && { data, from: batches, count: batches };
    const report: QuantiseReport = {
      inputs: calibrate === undefined ? 'normal numbers of seed 0' : `batches 0 to ${batches - 1} of ${data!.name}`,
      matrices: await matrixReports(own, quantised, inputs),
      loss: behind
        ? {
            batches,
            f32: await meanLoss(loaded, weights, new Map(), behind),
            quantised: await meanLoss(loaded, own, quantised, behind),
          }
        : null,
    };
    return { weights: own, report };
  } finally {
    await data?.close?.();
  }
}

/** Batches as the model's last stage has them; a model without stages says nothing more of them. */
function openCalibration(file: string, model: Model, data: string, output: Notes): Promise<DataSource> {
  const stage: Stage = model.stages.at(-1) ?? {
    name: 'calibration',
    doc: '',
    flags: new Map(),
    trained: [],
    noDecay: new Set(),
    eval: [],
    evaluates: () => false,
    minimizes: model.entryFor('loss'),
    loss: model.namedOutputs.loss,
    optimize: undefined,
    schedule: undefined,
    options: {},
  };
  return openBatches(file, model, stage, { data, seed: 0 }, output);
}

async function gathered(
  loaded: Loaded,
  weights: WeightProvider,
  quantised: Quantised,
  { data, batches }: { readonly data: DataSource; readonly batches: number },
  grams: readonly string[],
  output: Notes,
): Promise<ReadonlyMap<string, ProductInputs>> {
  output.note(`calibrating: ${batches} batches of ${data.name}`);
  return productInputs(loaded, weights, {
    data,
    batches,
    keys: new Set(quantised.keys()),
    grams: new Set(grams),
  });
}

/** @throws CliError C0508 */
async function codesOf(
  weights: WeightProvider,
  wanted: readonly (readonly [string, NonNullable<ReturnType<Quantised['get']>>])[],
  inputs: ReadonlyMap<string, ProductInputs>,
  output: Notes,
): Promise<ReadonlyMap<string, Packed>> {
  const missing = wanted.filter(([key]) => !inputs.has(key)).map(([key]) => key);
  if (missing.length > 0) throw cliError('calibration_unreached', { keys: missing });
  const codes = new Map<string, Packed>();
  for (const [at, [key, as]] of wanted.entries()) {
    output.note(`gptq: ${key} (${at + 1} of ${wanted.length})`);
    const { data } = await weights.read(key);
    codes.set(key, gptq(data as Float32Array, inputs.get(key)!.gram!, as, key));
  }
  return codes;
}

/** The weights, and codes that some of them come with. */
function withCodes(weights: WeightProvider, codes: ReadonlyMap<string, Packed>): WeightProvider {
  return {
    ...weights,
    packed: (key, as) => (codes.has(key) ? pieceOf(codes.get(key)!) : weights.packed?.(key, as)),
  };
}

async function* pieceOf(packed: Packed): AsyncIterable<Packed> {
  yield packed;
}
