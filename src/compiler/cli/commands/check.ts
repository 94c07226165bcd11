/** `mdl check`: every mistake of one or several files, under the default settings and with each flag turned. */
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { diagnosticsToJson } from '../../diagnostics/json.ts';
import { renderDiagnostics } from '../../diagnostics/render.ts';
import { type Compilation, compile } from '../../index.ts';
import { locate } from '../../workbench/host.ts';
import { requestOf, type SettingsOptions, settingsOf, withoutEntries } from '../../workbench/model.ts';
import type { Output } from '../output.ts';

export default async function check(output: Output, files: readonly string[], options: SettingsOptions): Promise<void> {
  if (report(output, files, options)) process.exitCode = 1;
}

/** Prints the mistakes of files; whether there are errors among them. */
export function report(output: Output, files: readonly string[], options: SettingsOptions): boolean {
  const found = new Map<string, Diagnostic>();
  for (const file of files) {
    for (const diagnostic of checkFile(file, options)) {
      const { span } = diagnostic.primary;
      const key = `${diagnostic.code} ${span.source.path} ${span.start} ${span.end}`;
      if (!found.has(key)) found.set(key, diagnostic);
    }
  }
  const diagnostics = [...found.values()];
  const text =
    diagnostics.length > 0
      ? renderDiagnostics(diagnostics, { colour: output.colour })
      : `${files.join(', ')}: no problems`;
  output.result(text, diagnosticsToJson(diagnostics));
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error');
}

function checkFile(file: string, options: SettingsOptions): Diagnostic[] {
  const { path, host } = locate(file, requestOf(file, options));
  const settings = settingsOf(options);
  const first = compile(path, host, settings);
  // a file of modules only has no model to elaborate; its names are checked all the same
  const library = first.program?.model === undefined;
  const diagnostics = [...traced(first), ...withoutEntries(first.partial)].filter(
    (diagnostic) => !(library && diagnostic.code === 'E0108'),
  );
  if (!first.model || !first.program) return diagnostics;
  for (const [flag, value] of first.model.settings.flags) {
    const turned = { ...settings, set: [...(settings.set ?? []), { name: flag, text: String(!value) }] };
    diagnostics.push(...traced(compile(path, host, turned)));
  }
  const configs = options.config === undefined ? [...first.program.configs.keys()].slice(1) : [];
  for (const config of configs) diagnostics.push(...traced(compile(path, host, { ...settings, config })));
  return diagnostics;
}

/** Diagnostics after every entry was traced, and the loss as a stage trains it where that is another graph. */
function traced(compilation: Compilation): readonly Diagnostic[] {
  const model = compilation.partial;
  for (const entry of model?.entries ?? []) {
    const graph = model?.entry(entry);
    if (model?.losses.has(entry) && graph?.asksTraining) model?.entry(entry, [], { training: { dropout: true } });
  }
  return compilation.diagnostics();
}
