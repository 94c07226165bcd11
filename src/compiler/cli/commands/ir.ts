/** `mdl ir`: the printed graph of an entry, after the passes or after one of them. */
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { ENTRY_PASSES, graphsOf } from '../../graphs.ts';
import { PIPELINE } from '../../passes/pipeline.ts';
import { loadModel, type SettingsOptions } from '../../workbench/model.ts';
import type { Output } from '../output.ts';
import { printerAfter } from '../passes.ts';

export default async function ir(
  output: Output,
  [file]: readonly string[],
  options: SettingsOptions & { entry: string; printAfter?: string },
): Promise<void> {
  const after = options.printAfter ?? PIPELINE.at(-1)!.name;
  const printer = printerAfter(after, ENTRY_PASSES);
  const { model, compilation } = loadModel(file!, options, output);
  if (!graphsOf(model, { entries: [options.entry], afterPass: printer.after }))
    throw new DiagnosticError(compilation.diagnostics());
  const text = printer.graphs()[0]!.ir;
  output.result(text, { entry: options.entry, after, ir: text });
}
