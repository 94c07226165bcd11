/** What `mdl diff` compares: programs, of the working directory or of a revision, compiled folders and ONNX files. */
import { basename } from 'node:path';
import type { OnnxOpset } from '../../backends/onnx/index.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import { graphsOf } from '../../graphs.ts';
import { type Compilation, compile } from '../../index.ts';
import { TARGETS } from '../../targets/index.ts';
import { viewOf } from '../../view/index.ts';
import { type OnnxView, onnxEntry, onnxView } from '../../view/onnx.ts';
import { cliError } from '../errors.ts';
import { locateRevision } from '../host.ts';
import { settingsOf as optionsOf, requestOf, type SettingsOptions } from '../model.ts';
import { compiledManifest, folderGraphs, type Note, onnxGraph } from '../onnx-view.ts';
import { compareModels, type ModelDifference, settingsOf, settingTexts } from './compare.ts';
import { type Costs, compareCosts } from './costs.ts';
import { compareViews, type Shown } from './views.ts';

export interface SideOptions extends SettingsOptions {
  readonly file: string;
}

export interface DiffOptions {
  /** levels of modules that are told apart */
  readonly depth: number;
  /** of a program, to compare an ONNX file with */
  readonly entry?: string | undefined;
  /** names of the options that say under which settings programs are compiled, and the other side alone */
  readonly settings: readonly string[];
  readonly others: readonly string[];
  readonly note: Note;
}

export type Difference = ModelDifference & { readonly costs: Costs };

interface Program {
  readonly kind: 'program';
  readonly model: Model;
  readonly compilation: Compilation;
}

interface Graphs {
  readonly kind: 'graphs';
  readonly name: string;
  readonly graphs: readonly OnnxView[];
  readonly settings?: ReadonlyMap<string, string>;
  readonly opset: OnnxOpset;
  /** a file, whose graph is of an entry that it does not name */
  readonly single: boolean;
}

/**
 * Programs are compared as programs. Where a side is ONNX, the other is compiled to it, so that both have ONNX's operators.
 * @throws DiagnosticError; CliError C0104, C0208, C0482, C0504, C0611, C0612
 */
export function compareSides(a: SideOptions, b: SideOptions, options: DiffOptions): Difference {
  const [before, after] = [sideOf(a, options.note), sideOf(b, options.note)] as const;
  if (before.kind === 'program' && after.kind === 'program') {
    if (options.entry !== undefined)
      throw cliError('option_without', { option: '--entry', without: 'an ONNX file on one side' });
    return comparePrograms(before, after, options.depth);
  }
  refuseSettings(before, after, options);
  const opset = before.kind === 'graphs' ? before.opset : (after as Graphs).opset;
  const shown = paired(graphsAt(before, opset, options.note), graphsAt(after, opset, options.note), options.entry);
  return {
    ...compareViews(...shown, options.depth),
    costs: compareCosts(shown[0].view, shown[1].view, options.depth),
  };
}

function comparePrograms(a: Program, b: Program, depth: number): Difference {
  const found = compareModels(a.model, b.model, depth);
  const views = [a, b].map(({ model }) => viewOf(model));
  // graphs are traced to be compared, which finds the mistakes in bodies
  for (const { compilation } of [a, b])
    if (compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  return { ...found, costs: compareCosts(views[0]!, views[1]!, depth) };
}

function sideOf({ file, ...settings }: SideOptions, note: Note): Program | Graphs {
  if (file.endsWith('.onnx')) {
    const graph = onnxGraph(file, basename(file, '.onnx'), note);
    return { kind: 'graphs', name: basename(file), graphs: [graph], opset: opsetOf(graph), single: true };
  }
  const manifest = compiledManifest(file);
  if (manifest) {
    const graphs = folderGraphs(file, manifest, note);
    const { name, config_name, flags, config } = manifest.model;
    const settings = settingTexts(config_name, Object.entries(flags), config);
    return { kind: 'graphs', name, graphs, settings, opset: opsetOf(graphs[0]!), single: false };
  }
  const { path, host } = locateRevision(file, requestOf(file, settings));
  const compilation = compile(path, host, optionsOf(settings));
  const { model } = compilation;
  if (!model) throw new DiagnosticError(compilation.diagnostics());
  return { kind: 'program', model, compilation };
}

/** Of those that a program is compiled for. */
const opsetOf = ({ opset }: OnnxView): OnnxOpset => (opset >= 23 ? 23 : 17);

/** A setting says what a program is compiled under; a graph of ONNX is what it is. @throws CliError C0612 */
function refuseSettings(before: Program | Graphs, after: Program | Graphs, { settings, others }: DiffOptions): void {
  if (after.kind === 'program') return;
  const [option] = before.kind === 'program' ? others : [...settings, ...others];
  if (option !== undefined) throw cliError('diff_settings', { option });
}

function graphsAt(side: Program | Graphs, opset: OnnxOpset, note: Note): Graphs {
  if (side.kind === 'graphs') return side;
  const { model, compilation } = side;
  const graphs = graphsOf(model);
  if (!graphs || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  // laid out as `mdl compile` does, whose folders other programs load too
  const artifact = TARGETS.onnx.compile(graphs, { opset, clients: true });
  const files = artifact.files(null);
  const views = Object.entries(artifact.manifest(null).targets.onnx!.files).map(([entry, file]) => {
    const view = onnxEntry(files.get(file)!, entry);
    if (view.uncounted.length > 0) note(`FLOPs of ${entry} leave out ${view.uncounted.join(', ')}`);
    return view;
  });
  return { kind: 'graphs', name: model.name, graphs: views, settings: settingsOf(model), opset, single: false };
}

/** The one graph of a file goes with the entry that is asked for, the one of its name, or the only one. @throws CliError C0611 */
function paired(a: Graphs, b: Graphs, asked: string | undefined): readonly [Shown, Shown] {
  if (a.single === b.single) {
    if (asked !== undefined)
      throw cliError('option_without', { option: '--entry', without: 'an ONNX file on one side' });
    // of two files the graphs are compared, whatever the files are called
    return a.single ? [shownAs(a, b.graphs[0]!.entry.name), shownOf(b)] : [shownOf(a), shownOf(b)];
  }
  const [file, others] = a.single ? [a, b] : [b, a];
  const names = others.graphs.map(({ entry }) => entry.name);
  const [only] = names.length === 1 ? names : [];
  const wanted = asked ?? only ?? file.graphs[0]!.entry.name;
  const graph = others.graphs.find(({ entry }) => entry.name === wanted);
  if (!graph) throw cliError('diff_entry', { file: file.name, model: others.name, wanted: asked, entries: names });
  // a file has the weights of its graph alone
  const [one, other] = [shownAs(file, wanted), shownOf({ ...others, graphs: [graph] })];
  return a.single ? [one, other] : [other, one];
}

const shownOf = ({ name, graphs, settings }: Graphs): Shown => ({
  view: onnxView(name, '', graphs),
  ...(settings ? { settings } : {}),
});

/** The only graph as one of another name. */
const shownAs = (side: Graphs, name: string): Shown => {
  const [graph] = side.graphs;
  return shownOf({ ...side, graphs: [{ ...graph!, entry: { ...graph!.entry, name } }] });
};
