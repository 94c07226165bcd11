/** `mdl ir`: the printed graph of an entry, after the passes or after one of them. */
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Graph } from '../../ir/graph.ts';
import { printGraph } from '../../ir/print.ts';
import { PIPELINE, runPipeline } from '../../passes/pipeline.ts';
import { cliError } from '../errors.ts';
import { loadModel, type SettingsOptions } from '../model.ts';
import type { Output } from '../output.ts';

const TRACE = 'trace';

export default async function ir(
  output: Output,
  [file]: readonly string[],
  options: SettingsOptions & { entry: string; printAfter?: string },
): Promise<void> {
  const passes = [TRACE, ...PIPELINE.map((pass) => pass.name)];
  const wanted = options.printAfter ?? passes.at(-1)!;
  if (!passes.includes(wanted)) throw cliError('unknown_pass', { pass: wanted, passes: passes.join(', ') });
  const { model, compilation } = loadModel(file!, options, output);
  const entry = model.entry(options.entry);
  if (!entry) throw new DiagnosticError(compilation.diagnostics());
  const stages = new Map<string, Graph>([[TRACE, entry.graph]]);
  runPipeline(entry.graph, { after: (name, graph) => stages.set(name, graph) });
  const text = printGraph(stages.get(wanted)!);
  output.result(text, { entry: options.entry, after: wanted, ir: text });
}
