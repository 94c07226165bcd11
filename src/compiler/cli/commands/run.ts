/**
 * `mdl run`: one entry on tensors, pictures or texts, outputs to a file. Outside checks drive the project through this, so
 * its contract is kept: inputs and outputs by name, integers as I32 or I64, absent past_key_values.* of length 0.
 */
import { rename, writeFile } from 'node:fs/promises';
import type { Reading } from '../../../recipes/recipe.ts';
import { chromeTrace, writeSafetensors } from '../../../runtime/index.ts';
import type { TensorPort } from '../../../shared/artifact.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { backendName } from '../../workbench/backends.ts';
import { cliError } from '../../workbench/errors.ts';
import { readGiven, readInputs } from '../../workbench/inputs.ts';
import {
  type Loaded,
  loadModel,
  openWeights,
  type SettingsOptions,
  type WeightsOptions,
} from '../../workbench/model.ts';
import { profileLines } from '../../workbench/plan/profile.ts';
import { recipeFor, tokenizerFor } from '../../workbench/recipe.ts';
import { openForRun } from '../../workbench/session.ts';
import { numberLines, numbersOf } from '../../workbench/tensor-text.ts';
import { asTrained } from '../../workbench/training/carried.ts';
import { computeGradients } from '../../workbench/training/gradients.ts';
import { loadStage, stageOf, stageOrOnly } from '../../workbench/training/stages.ts';
import type { WeightProvider } from '../../workbench/weights/provider.ts';
import type { Output } from '../output.ts';

export interface RunOptions extends SettingsOptions, WeightsOptions {
  readonly entry: string;
  readonly inputs?: string;
  /** NAME=FILE */
  readonly input?: readonly string[];
  readonly outputs?: string;
  /** numbers beside the shapes */
  readonly print?: boolean;
  readonly tokenizer?: string;
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
    await runOn(file!, loaded, weights, output, options);
  } finally {
    await weights.close();
  }
}

async function runOn(
  file: string,
  loaded: Loaded,
  weights: WeightProvider,
  output: Output,
  options: RunOptions,
): Promise<void> {
  const backend = backendName(options.backend);
  const opset = options.opset === '23' ? 23 : 17;
  const session = await openForRun(loaded, weights, {
    backend,
    opset,
    entries: [options.entry],
    taps: options.tap,
  });
  try {
    const inputs = await inputsOf(file, loaded, session.manifest.entries[options.entry]?.inputs ?? [], options);
    const profile = options.profile !== undefined;
    const results = await session.run(options.entry, inputs, { profile });
    const steps = profile ? await session.takeProfile() : [];
    if (options.outputs !== undefined) await writeSafetensors(options.outputs, new Map(Object.entries(results)));
    if (options.grads !== undefined && options.stage !== undefined) {
      const { entry, stage, grads } = options;
      await writeSafetensors(grads, await computeGradients(loaded, weights, { entry, stage, inputs, backend, opset }));
    }
    const lines = Object.entries(results).flatMap(([name, tensor]) => [
      `  ${name.padEnd(28)} ${tensor.dtype}[${tensor.shape.join(', ')}]`,
      ...(options.print ? numberLines(tensor).map((line) => `    ${line}`) : []),
    ]);
    const readings = readingsOf(loaded, results);
    lines.push(...readings.map(readingLine));
    const shapes = Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => {
        const { dtype, shape } = tensor;
        return [name, { dtype, shape, ...(options.print ? numbersOf(tensor) : {}) }];
      }),
    );
    if (options.profile !== undefined) {
      await writeFile(`${options.profile}.part`, chromeTrace(steps));
      await rename(`${options.profile}.part`, options.profile);
      lines.push('', ...profileLines(steps));
    }
    const written = options.outputs === undefined ? '' : `: ${options.outputs}`;
    output.result([`${options.entry} on ${session.info().backend}${written}`, ...lines].join('\n'), {
      entry: options.entry,
      backend: session.info().backend,
      outputs: shapes,
      ...(readings.length > 0 ? { readings } : {}),
      ...(profile ? { steps } : {}),
    });
  } finally {
    await session.dispose();
  }
}

/** @throws CliError C0208, C0550–C0553, C0411, and as `readInputs` and `readGiven` */
async function inputsOf(
  file: string,
  { model }: Loaded,
  ports: readonly TensorPort[],
  options: RunOptions,
): Promise<Record<string, HostTensor>> {
  const { inputs, input = [], tokenizer } = options;
  const needed = ports.map(({ name }) => name);
  if (inputs === undefined && input.length === 0 && needed.length > 0)
    throw cliError('inputs_needed', { entry: options.entry, inputs: needed });
  let tokenised = false;
  const given = await readGiven(input, ports, async (request) => {
    const { recipe, model: told } = recipeFor(model);
    const open = tokenizerFor(file, told, tokenizer);
    const read = await recipe.input?.({
      ...request,
      settings: told.settings,
      tokenizer: () => {
        tokenised = true;
        return open();
      },
    });
    if (read) return read;
    const { name, kind } = request.file;
    throw cliError('input_needs_recipe', { file: name, kind, recipe: recipe.name, input: request.port.name });
  });
  if (tokenizer !== undefined && !tokenised)
    throw cliError('option_without', {
      option: '--tokenizer',
      without: 'a text of --input that is read with a tokenizer file',
    });
  const all = inputs === undefined ? {} : await readInputs(inputs);
  const twice = Object.keys(given).find((name) => Object.hasOwn(all, name));
  if (twice !== undefined) throw cliError('option_twice', { option: `the input ${twice}` });
  return { ...all, ...given };
}

function readingsOf({ model }: Loaded, results: Readonly<Record<string, HostTensor>>): readonly Reading[] {
  if (!model.recipe) return [];
  const { recipe, model: told } = recipeFor(model);
  return recipe.readings?.(results, told.settings) ?? [];
}

/** `  logits[0]   cat 7.31   dog 2.1`. */
function readingLine({ output, row, classes }: Reading): string {
  const said = classes.map(({ name, value }) => `${name} ${Number(value.toPrecision(4))}`).join('   ');
  return `  ${`${output}[${row}]`.padEnd(28)} ${said}`;
}
