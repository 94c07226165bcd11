/** `mdl view`: a model, a compiled folder or an ONNX file as one HTML file with its tree, costs and graphs. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseManifest } from '../../../runtime/index.ts';
import type { ModelView } from '../../../shared/view.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { viewOf } from '../../view/index.ts';
import { type OnnxView, onnxEntry, onnxView } from '../../view/onnx.ts';
import { pageOf, type Viewer } from '../../view/page.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { loadModel, type SettingsOptions } from '../../workbench/model.ts';
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
  if (file.endsWith('.onnx')) {
    const graph = onnxAt(output, file, basename(file, '.onnx'));
    return onnxView(basename(file), file, [graph]);
  }
  const manifest = join(file, 'manifest.json');
  if (existsSync(file) && statSync(file).isDirectory() && existsSync(manifest)) return folderAt(output, file, manifest);
  const { model, compilation } = loadModel(file, options, output);
  const made = viewOf(model);
  if (!made) throw new DiagnosticError(compilation.diagnostics());
  return made;
}

function folderAt(output: Output, folder: string, file: string): ModelView {
  const { model, targets } = parseManifest(readFileSync(file, 'utf8'), file);
  const files = Object.entries(targets.onnx?.files ?? {});
  if (files.length === 0) throw cliError('view_onnx', { file: folder, reason: 'it was not compiled for onnx' });
  const flags = Object.entries(model.flags).map(([name, on]) => `${name}=${on}`);
  const about = [`config ${model.config_name}`, ...flags].join(', ');
  return onnxView(
    model.name,
    about,
    files.map(([entry, graph]) => onnxAt(output, join(folder, graph), entry)),
  );
}

function onnxAt(output: Output, file: string, name: string): OnnxView {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw cliError('file_not_read', { what: 'the ONNX file', file, reason: reasonOf(error) }, [], error);
  }
  let graph: OnnxView;
  try {
    graph = onnxEntry(bytes, name);
  } catch (error) {
    throw cliError('view_onnx', { file, reason: reasonOf(error) }, [], error);
  }
  if (graph.uncounted.length > 0) output.note(`FLOPs of ${name} leave out ${graph.uncounted.join(', ')}`);
  return graph;
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
