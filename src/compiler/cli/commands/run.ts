/**
 * `mdl run`: one entry on tensors from a file, outputs to a file. Outside checks drive the project through this, so
 * its contract is kept: inputs and outputs by name, integers as I32 or I64, absent past_key_values.* of length 0.
 */
import { rename, writeFile } from 'node:fs/promises';
import { chromeTrace, writeSafetensors } from '../../../runtime/index.ts';
import { backendName } from '../../workbench/backends.ts';
import { cliError } from '../../workbench/errors.ts';
import { readInputs } from '../../workbench/inputs.ts';
import {
  type Loaded,
  loadModel,
  openWeights,
  type SettingsOptions,
  type WeightsOptions,
} from '../../workbench/model.ts';
import { profileLines } from '../../workbench/plan/profile.ts';
import { openForRun } from '../../workbench/session.ts';
import { asTrained } from '../../workbench/training/carried.ts';
import { computeGradients } from '../../workbench/training/gradients.ts';
import { loadStage, stageOf, stageOrOnly } from '../../workbench/training/stages.ts';
import type { WeightProvider } from '../../workbench/weights/provider.ts';
import type { Output } from '../output.ts';

export interface RunOptions extends SettingsOptions, WeightsOptions {
  readonly entry: string;
  readonly inputs: string;
  readonly outputs: string;
  readonly tap: readonly string[];
  readonly backend: string;
  readonly opset: string;
  readonly grads?: string;
  readonly stage?: string;
  readonly profile?: string;
}

export default async function run(output: Output, [file]: readonly string[], asked: RunOptions): Promise<void> {
  if (asked.stage !== undefined && asked.grads === undefined)
    throw cliError('option_without', { option: '--stage', without: '--grads' });
  if (asked.profile !== undefined && asked.backend !== 'webgpu')
    throw cliError('option_without', { option: '--profile', without: '--backend webgpu' });
  const anyStage = asked.grads !== undefined && asked.stage === undefined;
  const given = anyStage
    ? { ...asked, stage: stageOrOnly(loadModel(file!, asked, output).model, undefined).name }
    : asked;
  const staged = given.stage !== undefined && given.stage !== 'all';
  const options = await asTrained(file!, given, output, staged);
  const plain = loadModel(file!, options, output);
  const loaded = staged ? loadStage(file!, options, stageOf(plain.model, options.stage!), output) : plain;
  const weights = await openWeights(loaded.model, options, output);
  if (!weights) throw cliError('weights_needed', { weights: 'no weights were given' });
  try {
    await runOn(loaded, weights, output, options);
  } finally {
    await weights.close();
  }
}

async function runOn(loaded: Loaded, weights: WeightProvider, output: Output, options: RunOptions): Promise<void> {
  const inputs = await readInputs(options.inputs);
  const backend = backendName(options.backend);
  const opset = options.opset === '23' ? 23 : 17;
  const session = await openForRun(loaded, weights, {
    backend,
    opset,
    entries: [options.entry],
    taps: options.tap,
  });
  try {
    const profile = options.profile !== undefined;
    const results = await session.run(options.entry, inputs, { profile });
    const steps = profile ? await session.takeProfile() : [];
    await writeSafetensors(options.outputs, new Map(Object.entries(results)));
    if (options.grads !== undefined && options.stage !== undefined) {
      const { entry, stage, grads } = options;
      await writeSafetensors(grads, await computeGradients(loaded, weights, { entry, stage, inputs, backend, opset }));
    }
    const lines = Object.entries(results).map(
      ([name, tensor]) => `  ${name.padEnd(28)} ${tensor.dtype}[${tensor.shape.join(', ')}]`,
    );
    const shapes = Object.fromEntries(
      Object.entries(results).map(([name, { dtype, shape }]) => [name, { dtype, shape }]),
    );
    if (options.profile !== undefined) {
      await writeFile(`${options.profile}.part`, chromeTrace(steps));
      await rename(`${options.profile}.part`, options.profile);
      lines.push('', ...profileLines(steps));
    }
    output.result([`${options.entry} on ${session.info().backend}: ${options.outputs}`, ...lines].join('\n'), {
      entry: options.entry,
      backend: session.info().backend,
      outputs: shapes,
      ...(profile ? { steps } : {}),
    });
  } finally {
    await session.dispose();
  }
}
