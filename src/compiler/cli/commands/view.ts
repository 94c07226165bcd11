/** `mdl view`: a model, a compiled folder or an ONNX file as one HTML file with its tree, costs and graphs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelView } from '../../../shared/view.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { viewOf } from '../../view/index.ts';
import { pageOf, type Viewer } from '../../view/page.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { loadModel, type SettingsOptions } from '../../workbench/model.ts';
import { compiledManifest, folderView, onnxFileView } from '../../workbench/onnx-view.ts';
import { formatBytes } from '../../workbench/units.ts';
import type { Output } from '../output.ts';

interface Options extends SettingsOptions {
  readonly out: string;
}

/** @throws CliError C0104, C0504, C0505; DiagnosticError */
export default async function view(output: Output, [file]: readonly string[], options: Options): Promise<void> {
  const made = viewAt(output, file!, options);
  const html = pageOf(made, viewerFrom(dirname(fileURLToPath(import.meta.url))));
  try {
    writeFileSync(options.out, html);
  } catch (error) {
    throw cliError('file_not_written', { file: options.out, reason: reasonOf(error) }, [], error);
  }
  const entries = made.entries.map(({ name, nodes }) => ({ name, nodes: nodes.length }));
  output.result(`${options.out}: ${made.name}, ${entries.length} entries, ${formatBytes(html.length)}`, {
    out: options.out,
    model: made.name,
    parameters: made.parameters,
    entries,
  });
}

function viewAt(output: Output, file: string, options: Options): ModelView {
  const note = (text: string): void => output.note(text);
  if (file.endsWith('.onnx')) return onnxFileView(file, note);
  const manifest = compiledManifest(file);
  if (manifest) return folderView(file, manifest, note);
  const { model, compilation } = loadModel(file, options, output);
  const made = viewOf(model);
  if (!made) throw new DiagnosticError(compilation.diagnostics());
  return made;
}

/** What the build made of src/viewer, looked for from a folder upwards: beside this program in a package, in dist where it runs from its sources. @throws CliError C0505 */
export function viewerFrom(start: string): Viewer {
  for (let folder = start; ; folder = dirname(folder)) {
    for (const place of [folder, join(folder, 'dist')]) {
      const [script, style] = [join(place, 'viewer.js'), join(place, 'viewer.css')];
      if (existsSync(script) && existsSync(style))
        return { script: readFileSync(script, 'utf8'), style: readFileSync(style, 'utf8') };
    }
    if (folder === dirname(folder)) throw cliError('viewer_missing', { folder: start });
  }
}
