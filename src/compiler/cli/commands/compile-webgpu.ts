/** `mdl compile --target webgpu`: a model to a plan, its kernels as text, a module to import, and its weights. */
import { resolve } from 'node:path';
import { changedTensors } from '../../../shared/training.ts';
import type { ParameterPlan, WebGpuPlan } from '../../../shared/webgpu.ts';
import { ownOutputs } from '../../../shared/webgpu.ts';
import { generateModule } from '../../backends/typescript/index.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { buildWebGpu } from '../../webgpu-artifact.ts';
import { cliError } from '../errors.ts';
import { openWeights, withoutEntries } from '../model.ts';
import type { Output } from '../output.ts';
import { kernelsText } from '../plan/kernels.ts';
import { formatBytes, formatCount } from '../progress.ts';
import { openBase } from '../training/base.ts';
import { forStage, loadUnder } from '../training/stages.ts';
import { safetensorsFile, withHalves } from '../weights/safetensors.ts';
import { writeArtifact } from '../weights/write.ts';
import { type CompileOptions, countParameters, tokenizerFile } from './compile.ts';

const WEIGHTS = 'weights.safetensors';

/** @throws CliError C0208 for options of the other target, and what reading and writing throw */
export async function compileWebGpu(output: Output, file: string, options: CompileOptions): Promise<void> {
  const began = performance.now();
  const without = '--target onnx';
  if (options.swapAdapters) throw cliError('option_without', { option: '--swap-adapters', without });
  if (options.opset !== '17') throw cliError('option_without', { option: '--opset', without });
  const { model, compilation, stage, own } = loadUnder(file, options, options.stage, output);
  output.warn(withoutEntries(model));
  const built = forStage(stage?.name ?? '', () =>
    buildWebGpu(model, {
      weights: options.weightsDtype ?? 'f32',
      ...(options.entry.length > 0 ? { entries: options.entry } : {}),
      ...(stage ? { stage } : {}),
    }),
  );
  if (!built) throw new DiagnosticError(compilation.diagnostics());
  const tokenizer = tokenizerFile(file, model);
  const given = options.weights !== undefined || options.init !== undefined;
  // a stage starts from what `mdl train` would start it from
  const weights =
    stage && given ? await openBase({ model, own }, options, output) : await openWeights(model, options, output);
  const stored = safetensorsFile(WEIGHTS, storedParameters(built));
  const origin = weights && {
    origin: weights.origin,
    trained: weights.trained,
    files: [{ file: stored.file, bytes: stored.bytes }],
  };
  const plan = { ...built, weights: origin ?? null };
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const generated = generateModule(plan, { command: commandOf(file, options) });
  const files = new Map<string, Uint8Array>();
  for (const [name, text] of generated.files) files.set(name, encode(text));
  files.set('kernels.wgsl', encode(kernelsText(plan)));
  if (tokenizer) files.set('tokenizer.json', tokenizer);
  files.set('plan.json', encode(`${JSON.stringify(plan)}\n`));
  const bar = output.progress('weights', weights ? stored.bytes : 0);
  try {
    const provider = weights && withHalves(weights, plan.parameters);
    await writeArtifact(resolve(options.out), files, [stored], provider, (done) => bar.update(done));
  } finally {
    bar.stop();
    await weights?.close();
  }
  const seconds = (performance.now() - began) / 1000;
  const flags = [...model.settings.flags].map(([name, on]) => `${name}=${on}`).join(' ');
  const line = (name: string, what: string): string => `  ${name.padEnd(30)} ${what}`;
  const text = [
    `${model.name} (config ${model.settings.configName || 'none'}, webgpu; ${flags}) in ${options.out}`,
    ...Object.entries(plan.entries).map(([name, { steps }]) => {
      const kernels = new Set(steps.map(({ kernel }) => kernel)).size;
      // over no workgroups, where there is one new position
      const leftOut = steps.filter(({ alternatives = [] }) =>
        alternatives.some(({ groups }) => groups[0].of === 0),
      ).length;
      const cached = leftOut > 0 ? `, ${steps.length - leftOut} in a cached step` : '';
      return line(name, `${String(steps.length).padStart(6)} dispatches of ${kernels} kernels${cached}`);
    }),
    line(`${generated.name}.js`, `${generated.create}(device, weights)`),
    line('plan.json', formatBytes(files.get('plan.json')!.length)),
    weights
      ? line(WEIGHTS, formatBytes(stored.bytes))
      : `  no weights: --weights or --init would write ${formatBytes(stored.bytes)}`,
    `  ${formatCount(countParameters(model))} parameters, ${seconds.toFixed(2)} s`,
  ].join('\n');
  output.result(text, {
    out: options.out,
    module: { file: `${generated.name}.js`, create: generated.create },
    model: plan.model,
    weights: plan.weights,
    ...(plan.training ? { training: { stage: plan.training.stage, trained: plan.training.trained.length } } : {}),
    kernels: plan.kernels.length,
    entries: Object.fromEntries(
      Object.entries(plan.entries).map(([name, plan]) => [
        name,
        { inputs: plan.inputs, outputs: ownOutputs(plan), cache: plan.cache, dispatches: plan.steps.length },
      ]),
    ),
    seconds,
  });
}

/** What the entries use, and what training changes besides: it starts from it. */
function storedParameters({ parameters, training }: WebGpuPlan): readonly ParameterPlan[] {
  const used = new Set(parameters.map(({ key }) => key));
  const others = training ? changedTensors(training).filter(({ key }) => !used.has(key)) : [];
  return [...parameters, ...others.map((tensor) => ({ ...tensor, storage: 'f32' }) as const)];
}

/** The command that writes the same folder again, without where from and where to. */
function commandOf(file: string, options: CompileOptions): string {
  const words = ['mdl compile', quoted(file)];
  const add = (option: string, value: string | undefined): void => {
    if (value !== undefined) words.push(option, quoted(value));
  };
  add('--config', options.config);
  add('--config-file', options.configFile);
  for (const set of options.set ?? []) add('--set', set);
  if (options.mergeLora) words.push('--merge-lora');
  for (const entry of options.entry) add('--entry', entry);
  add('--init', options.init === undefined ? undefined : String(options.init));
  words.push('--target webgpu');
  add('--weights-dtype', options.weightsDtype);
  add('--stage', options.stage);
  return words.join(' ');
}

/** As a shell takes it, where that is needed. */
function quoted(word: string): string {
  return /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
