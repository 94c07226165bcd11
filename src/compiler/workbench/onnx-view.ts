/** ONNX files and compiled folders as views: what `mdl view` shows and `mdl diff` compares. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseManifest } from '../../runtime/index.ts';
import type { Manifest } from '../../shared/artifact.ts';
import type { ModelView } from '../../shared/view.ts';
import { type OnnxView, onnxEntry, onnxView } from '../view/onnx.ts';
import { cliError, reasonOf } from './errors.ts';

/** Says what a view leaves out. */
export type Note = (text: string) => void;

/** A file of ONNX with one graph, named as the file is. @throws CliError C0104, C0504 */
export function onnxFileView(file: string, note: Note): ModelView {
  return onnxView(basename(file), file, [onnxGraph(file, basename(file, '.onnx'), note)]);
}

/** The manifest of a folder that `mdl compile` wrote; undefined where the path is something else. @throws RuntimeError R0202 */
export function compiledManifest(path: string): Manifest | undefined {
  const file = join(path, 'manifest.json');
  if (!existsSync(path) || !statSync(path).isDirectory() || !existsSync(file)) return undefined;
  return parseManifest(readFileSync(file, 'utf8'), file);
}

/** The ONNX graphs of a compiled folder. @throws CliError C0104, C0504 */
export function folderView(folder: string, manifest: Manifest, note: Note): ModelView {
  const { model } = manifest;
  const flags = Object.entries(model.flags).map(([name, on]) => `${name}=${on}`);
  const about = [`config ${model.config_name}`, ...flags].join(', ');
  return onnxView(model.name, about, folderGraphs(folder, manifest, note));
}

/** Its graphs by entry. @throws CliError C0104, C0504 */
export function folderGraphs(folder: string, { targets }: Manifest, note: Note): readonly OnnxView[] {
  const files = Object.entries(targets.onnx?.files ?? {});
  if (files.length === 0) throw cliError('view_onnx', { file: folder, reason: 'it was not compiled for onnx' });
  return files.map(([entry, graph]) => onnxGraph(join(folder, graph), entry, note));
}

/** The graph of a file, under a name. @throws CliError C0104, C0504 */
export function onnxGraph(file: string, name: string, note: Note): OnnxView {
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
  if (graph.uncounted.length > 0) note(`FLOPs of ${name} leave out ${graph.uncounted.join(', ')}`);
  return graph;
}
