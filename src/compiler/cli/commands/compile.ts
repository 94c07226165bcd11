/** `mdl compile`: a model to the files of a target, a manifest, and its weights. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { RECIPES } from '../../../recipes/index.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import { GRAPH_PASSES, type Graphs, graphsOf } from '../../graphs.ts';
import type { AfterPass } from '../../ir/graph.ts';
import { DEFAULT_ADAPTER, SwapError } from '../../swap-adapters.ts';
import { TARGETS } from '../../targets/index.ts';
import { WRITTEN_TARGETS } from '../../targets/names.ts';
import type { Artifact, Target, TargetOption, TargetOptions } from '../../targets/target.ts';
import { clientFiles } from '../../workbench/compile/client-files.ts';
import { companionsOf } from '../../workbench/compile/companions.ts';
import { joined } from '../../workbench/compile/join.ts';
import { cliError } from '../../workbench/errors.ts';
import { leftBehind } from '../../workbench/folder/left-behind.ts';
import { homeOf, isModelFolder } from '../../workbench/folder/program.ts';
import { openWeights, withoutEntries } from '../../workbench/model.ts';
import { calibrated } from '../../workbench/quantise/calibrated.ts';
import { keptNotes } from '../../workbench/quantise/kept.ts';
import { quantiseText } from '../../workbench/quantise/report.ts';
import { openBase } from '../../workbench/training/base.ts';
import { asTrained } from '../../workbench/training/carried.ts';
import { adapterFiles } from '../../workbench/training/peft.ts';
import type { LoadedStage } from '../../workbench/training/staged.ts';
import { forStage, loadUnder } from '../../workbench/training/stages.ts';
import { formatBytes } from '../../workbench/units.ts';
import type { WeightProvider } from '../../workbench/weights/provider.ts';
import { writeArtifact } from '../../workbench/weights/write.ts';
import { commandOf } from '../compile/command.ts';
import { asIntegers, type CompileOptions } from '../compile/options.ts';
import { reportOf } from '../compile/report.ts';
import type { Output } from '../output.ts';
import { printerAfter } from '../passes.ts';

type Loaded = ReturnType<typeof loadUnder>;

export default async function run(output: Output, [file]: readonly string[], given: CompileOptions): Promise<void> {
  const options = await asTrained(file!, given, output, given.stage !== undefined);
  const target = TARGETS[options.target];
  const settings = targetOptions(target, options);
  const { printAfter } = options;
  const printer = printAfter === undefined ? undefined : printerAfter(printAfter, [...GRAPH_PASSES, ...target.passes]);
  const began = performance.now();
  const loaded = loadUnder(file!, options, options.stage, output);
  output.warn(withoutEntries(loaded.model));
  const graphs = compiledGraphs(target, loaded, options, printer?.after);
  if (options.contribOps && graphs.quantised.size === 0)
    throw cliError('option_without', { option: '--contrib-ops', without: '--quantise, --weights-dtype int4 or int8' });
  if (options.quantiseReport && graphs.quantised.size === 0)
    throw cliError('option_without', {
      option: '--quantise-report',
      without: '--quantise, --weights-dtype int4 or int8',
    });
  const opened = await weightsFor(loaded, options, output);
  for (const note of opened ? keptNotes(opened, graphs.quantised) : []) output.note(note);
  const { weights, report } = await closingOnError(opened, async () =>
    opened
      ? calibrated(file!, loaded, opened, graphs.quantised, options, output)
      : { weights: opened, report: undefined },
  );
  const artifact = await closingOnError(weights, () =>
    target.compile(graphs, {
      ...(options.stage === undefined ? asStored(target, settings, weights) : settings),
      afterPass: printer?.after,
    }),
  );
  const printed = await closingOnError(weights, () => printer?.graphs() ?? []);
  const written = await writeAll(artifact, weights, { file: file!, options, output });
  const seconds = (performance.now() - began) / 1000;
  for (const note of largeFiles(artifact)) output.note(note);
  if (isModelFolder(file!) && changes(options)) for (const note of leftBehind(file!)) output.note(note);
  const text = reportOf(artifact, { out: options.out, withWeights: weights !== undefined, seconds, ...written });
  const after = printer ? { after: { pass: printAfter, graphs: printed } } : {};
  const quality = report ? ['', quantiseText(report)] : [];
  output.result([...printed.map(({ ir }) => ir), text, ...quality].join('\n'), {
    out: options.out,
    manifest: written.manifest,
    ...written.facts,
    ...after,
    ...(report ? { quantise_report: report } : {}),
    seconds,
  });
}

/** @throws CliError C0208 for options that the target does not take */
function targetOptions(
  target: Target,
  { opset, weightsDtype, cacheDtype, stage, swapAdapters = false, contribOps = false, shardMb }: CompileOptions,
): TargetOptions {
  const asked: readonly (readonly [string, TargetOption, boolean])[] = [
    // 17, the default, says nothing: programs give it with every target
    ['--opset', 'opset', opset !== '17'],
    ['--weights-dtype', 'weights', weightsDtype === 'f32' || weightsDtype === 'f16'],
    ['--cache-dtype', 'caches', cacheDtype !== undefined],
    ['--contrib-ops', 'contrib', contribOps],
    ['--shard-mb', 'shardBytes', shardMb !== undefined],
    ['--stage', 'stage', stage !== undefined],
    ['--swap-adapters', 'adapters', swapAdapters],
  ];
  for (const [option, name, there] of asked) {
    if (!there || target.takes.includes(name)) continue;
    const taking = WRITTEN_TARGETS.filter((other) => TARGETS[other].takes.includes(name));
    throw cliError('option_without', { option, without: `--target ${taking.join(' or ')}` });
  }
  return {
    ...(target.takes.includes('opset') ? { opset: opset === '23' ? (23 as const) : (17 as const) } : {}),
    ...(weightsDtype === 'f32' || weightsDtype === 'f16' ? { weights: weightsDtype } : {}),
    ...(target.takes.includes('clients') ? { clients: true } : {}),
    ...(contribOps ? { contrib: true } : {}),
    ...(shardMb === undefined ? {} : { shardBytes: shardMb * 2 ** 20 }),
  };
}

/**
 * Without --weights-dtype, matrices that the weights have as halves stay so where the target can store them: f16 holds them
 * exactly. Not beside a stage, whose training writes f32.
 */
function asStored(target: Target, settings: TargetOptions, weights: WeightProvider | undefined): TargetOptions {
  const halves = weights?.halves;
  if (!halves || halves.size === 0 || settings.weights !== undefined || !target.takes.includes('weights'))
    return settings;
  return { ...settings, weights: new Map([...halves].map((key) => [key, 'f16'])) };
}

/** Bytes that a page reads into one buffer. */
const LARGEST_BUFFER = 2 ** 31;

/** A file of external data that no page can load: it has one tensor, which is not split. Files of safetensors are read by ranges. */
const largeFiles = ({ weights }: Artifact): readonly string[] =>
  weights
    .filter(({ head, bytes }) => head === undefined && bytes >= LARGEST_BUFFER)
    .map(
      ({ file, bytes }) =>
        `${file} has ${formatBytes(bytes)}, and browsers read less than 2 GiB at once: it has one tensor, which --weights-dtype int8 makes smaller`,
    );

async function closingOnError<T>(weights: WeightProvider | undefined, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    await weights?.close();
    throw error;
  }
}

/** @throws DiagnosticError; CliError C0103, C0208 when adapters cannot be inputs, C0202 when the stage cannot train */
function compiledGraphs(
  target: Target,
  { model, compilation, stage }: Loaded,
  options: CompileOptions,
  afterPass: AfterPass | undefined,
): Graphs {
  if (options.swapAdapters && options.mergeLora) {
    const expected = 'either --swap-adapters or --merge-lora';
    throw cliError('option_value', { option: '--merge-lora', text: 'true', expected });
  }
  try {
    const graphs = forStage(stage?.name ?? '', () =>
      graphsOf(model, {
        quantise: asIntegers(options.weightsDtype),
        caches: options.cacheDtype,
        ...(options.entry.length > 0 ? { entries: options.entry } : {}),
        ...(options.swapAdapters ? { adapters: 'inputs' } : {}),
        ...(stage ? { stage, training: target.training } : {}),
        ...(afterPass ? { afterPass } : {}),
      }),
    );
    if (graphs) return graphs;
  } catch (error) {
    if (!(error instanceof SwapError)) throw error;
    const without = 'LoRA in the model';
    throw cliError('option_without', { option: '--swap-adapters', without }, [error.message], error);
  }
  throw new DiagnosticError(compilation.diagnostics());
}

/** A stage starts from what `mdl train` would start it from. */
async function weightsFor(
  { model, stage, own }: Partial<LoadedStage> & { readonly model: Model },
  options: CompileOptions,
  output: Output,
): Promise<WeightProvider | undefined> {
  const given = options.weights !== undefined || options.init !== undefined;
  return stage && given ? openBase({ model, own }, options, output) : openWeights(model, options, output);
}

/** Writes the folder, and closes the weights. */
async function writeAll(
  artifact: Artifact,
  weights: WeightProvider | undefined,
  { file, options, output }: { readonly file: string; readonly options: CompileOptions; readonly output: Output },
) {
  const { model, adapters } = artifact.graphs;
  const folder = resolve(options.out);
  try {
    const adapter = adapters && weights ? await adapterFiles(DEFAULT_ADAPTER, model, weights) : undefined;
    const ownAdapter = (adapter?.size ?? 0) > 0;
    const origin = weights ?? null;
    const made = artifact.files(origin, ownAdapter);
    const companions = await companionsOf(artifact.target, made, commandOf(file, options));
    const tokenizer = tokenizerFile(file, model);
    const clients = clientFiles(artifact, { file, changed: changes(options), tokenizer });
    const manifest = joined(folder, artifact.manifest(origin, ownAdapter), output);
    const files = new Map<string, Uint8Array>([
      ...(tokenizer ? [['tokenizer.json', tokenizer] as const] : []),
      ...filesBeside(file, model),
      ...made,
      ...clients,
      ...companions.files,
      ...(adapter ?? []),
    ]);
    files.set('manifest.json', new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
    const bar = output.progress('weights', weights ? artifact.weights.reduce((sum, { bytes }) => sum + bytes, 0) : 0);
    try {
      await writeArtifact(folder, files, artifact.weights, weights, (done) => bar.update(done));
    } finally {
      bar.stop();
    }
    return { manifest, ownAdapter, more: companions.made, facts: companions.facts };
  } finally {
    await weights?.close();
  }
}

/** Whether the model is another than the one that a folder describes. */
const changes = ({ config, configFile, set }: CompileOptions): boolean =>
  config !== undefined || configFile !== undefined || (set ?? []).length > 0;

/** The tokenizer that the model's recipe names, if it lies beside the model. */
function tokenizerFile(file: string, { recipe }: Model): Uint8Array | undefined {
  const { tokenizer: name } = recipe?.settings ?? {};
  // a tokenizer that needs no file has a name that a folder may have too
  const known = RECIPES.find((one) => one.name === recipe?.declaration.name);
  if (recipe && known?.tokenizerOf?.(recipe.settings)) return undefined;
  if (typeof name !== 'string' || !/^[\w.-]+$/.test(name)) return undefined;
  const path = join(homeOf(file), name);
  return existsSync(path) ? readFileSync(path) : undefined;
}

/** What of the recipe's files lies beside the tokenizer. */
function filesBeside(file: string, { recipe }: Model): readonly (readonly [string, Uint8Array])[] {
  const { tokenizer } = recipe?.settings ?? {};
  const folder = dirname(join(homeOf(file), typeof tokenizer === 'string' ? tokenizer : ''));
  return (recipe?.declaration.beside ?? []).flatMap((name) => {
    const path = join(folder, name);
    return existsSync(path) ? [[name, readFileSync(path)] as const] : [];
  });
}
