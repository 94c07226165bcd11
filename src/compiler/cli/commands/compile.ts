/** `mdl compile`: a model to ONNX graphs, a manifest, and weights files; for the other target compile-webgpu.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { buildOnnx } from '../../onnx-artifact.ts';
import { DEFAULT_ADAPTER, SwapError, swappableAdapters } from '../../swap-adapters.ts';
import { cliError } from '../errors.ts';
import {
  type Loaded,
  loadModel,
  openWeights,
  type SettingsOptions,
  type WeightsOptions,
  withoutEntries,
} from '../model.ts';
import type { Output } from '../output.ts';
import { formatBytes, formatCount } from '../progress.ts';
import { atTrainedSize } from '../training/image-size.ts';
import { adapterFiles } from '../training/peft.ts';
import { withTrainedPrompt } from '../training/trained-prompt.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { writeArtifact } from '../weights/write.ts';

export interface CompileOptions extends SettingsOptions, WeightsOptions {
  readonly out: string;
  readonly opset: string;
  readonly entry: readonly string[];
  readonly target?: 'onnx' | 'webgpu';
  /** with target webgpu */
  readonly weightsDtype?: 'f32' | 'f16';
  /** with target webgpu: the stage whose training the module offers */
  readonly stage?: string;
}

export default async function run(output: Output, [file]: readonly string[], given: CompileOptions): Promise<void> {
  // a stage has a size of its own, as in `mdl train`
  const sized = given.stage === undefined ? await atTrainedSize(given, output) : given;
  const options = await withTrainedPrompt(sized, output);
  if (options.target === 'webgpu') return (await import('./compile-webgpu.ts')).compileWebGpu(output, file!, options);
  if (options.weightsDtype !== undefined)
    throw cliError('option_without', { option: '--weights-dtype', without: '--target webgpu' });
  if (options.stage !== undefined) throw cliError('option_without', { option: '--stage', without: '--target webgpu' });
  const began = performance.now();
  const { model, compilation } = loadModel(file!, options, output);
  output.warn(withoutEntries(model));
  if (options.swapAdapters) checkSwap(model, options);
  const artifact = buildOnnx(model, {
    opset: options.opset === '23' ? 23 : 17,
    ...(options.entry.length > 0 ? { entries: options.entry } : {}),
    ...(options.swapAdapters ? { swapAdapters: true } : {}),
  });
  if (!artifact) throw new DiagnosticError(compilation.diagnostics());
  const tokenizer = tokenizerFile(file!, model);
  const weights = await openWeights(model, options, output);
  const adapter = options.swapAdapters && weights ? await ownAdapter(model, weights) : new Map<string, Uint8Array>();
  const origin = weights ? { origin: weights.origin, trained: weights.trained } : null;
  const manifest = artifact.manifest(origin, adapter.size > 0);
  const files = new Map<string, Uint8Array>(artifact.entries.map((entry) => [entry.file, entry.bytes]));
  for (const [name, content] of adapter) files.set(name, content);
  files.set('manifest.json', new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
  if (tokenizer) files.set('tokenizer.json', tokenizer);
  const bytes = artifact.weights.reduce((sum, weightsFile) => sum + weightsFile.bytes, 0);
  const bar = output.progress('weights', weights ? bytes : 0);
  try {
    await writeArtifact(resolve(options.out), files, artifact.weights, weights, (done) => bar.update(done));
  } finally {
    bar.stop();
    await weights?.close();
  }
  const seconds = (performance.now() - began) / 1000;
  const lines = artifact.entries.map(({ file: name, graph, bytes: graphBytes, name: entry }) => {
    const parameters = graph.parameters.length;
    return `  ${name.padEnd(30)} ${entry.padEnd(14)} ${String(graph.nodes.length).padStart(6)} ops  ${String(parameters).padStart(5)} parameters  ${formatBytes(graphBytes.length)}`;
  });
  const stored = weights
    ? artifact.weights.map((weightsFile) => `  ${weightsFile.file.padEnd(30)} ${formatBytes(weightsFile.bytes)}`)
    : [`  no weights: the graphs refer to ${formatBytes(bytes)} that --weights or --init would write`];
  const flags = [...model.settings.flags].map(([name, on]) => `${name}=${on}`).join(' ');
  const text = [
    `${model.name} (config ${model.settings.configName || 'none'}, opset ${options.opset}; ${flags}) in ${options.out}`,
    ...lines,
    ...stored,
    ...(options.swapAdapters
      ? [
          `  adapters are inputs; ${adapter.size > 0 ? `the weights' own is in ${DEFAULT_ADAPTER}` : 'the weights have none'}`,
        ]
      : []),
    `  ${formatCount(countParameters(model))} parameters, ${seconds.toFixed(2)} s`,
  ].join('\n');
  output.result(text, { out: options.out, manifest, seconds });
}

/** The files of the adapter that the weights came with. */
async function ownAdapter(model: Loaded['model'], weights: WeightProvider): Promise<Map<string, Uint8Array>> {
  try {
    return await adapterFiles(DEFAULT_ADAPTER, model, weights);
  } catch (error) {
    await weights.close();
    throw error;
  }
}

/** @throws CliError C0103, C0208 when the model has no adapters that a session could swap */
function checkSwap(model: Loaded['model'], options: CompileOptions): void {
  if (options.mergeLora) {
    const expected = 'either --swap-adapters or --merge-lora';
    throw cliError('option_value', { option: '--merge-lora', text: 'true', expected });
  }
  try {
    swappableAdapters(model);
  } catch (error) {
    if (!(error instanceof SwapError)) throw error;
    throw cliError(
      'option_without',
      { option: '--swap-adapters', without: 'LoRA in the model' },
      [error.message],
      error,
    );
  }
}

/** The tokenizer that the config names, if it lies beside the model. */
export function tokenizerFile(file: string, model: ReturnType<typeof loadModel>['model']): Uint8Array | undefined {
  const name = (model.config().tokens as { tokenizer?: unknown } | undefined)?.tokenizer;
  if (typeof name !== 'string' || !/^[\w.-]+$/.test(name)) return undefined;
  const path = join(dirname(file), name);
  return existsSync(path) ? readFileSync(path) : undefined;
}

export function countParameters(model: ReturnType<typeof loadModel>['model']): number {
  let count = 0;
  for (const parameter of model.parameters.values()) {
    if (!parameter.buffer) count += parameter.shape.reduce((product, dim) => product * dim, 1);
  }
  return count;
}
