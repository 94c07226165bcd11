/**
 * `mdl import model.onnx`: an ONNX file as a program that a person can read and edit, and its tensors by the program's keys.
 *
 *     proto.ts     the file as data; tensors stay in it
 *     convert.ts   its graph in MDL's operators (rules/), shapes computed (fold.ts); what cannot be read is collected
 *     patterns.ts  composites in place of the operators that exporters write for them
 *     tree.ts      modules from the names of nodes and tensors (scopes.ts, keys.ts)
 *     write.ts     the text: modules, members, bodies
 */
import type { OpenBeside } from '../../runtime/weights/open.ts';
import type { RandomAccess } from '../../runtime/weights/source.ts';
import { BUILTINS } from '../elaborate/builtins/index.ts';
import { format } from '../format/index.ts';
import type { Graph } from '../ir/graph.ts';
import { takeCaches } from './caches.ts';
import { convert } from './convert.ts';
import { FileDims } from './dims.ts';
import { type PlacedTensor, placeTensors } from './keys.ts';
import { capitalised } from './names.ts';
import { findPatterns } from './patterns.ts';
import type { Problem } from './problems.ts';
import { readModel } from './proto.ts';
import { findRepeats } from './repeats.ts';
import { shareScopes } from './share.ts';
import { STANDARD } from './standard.ts';
import { readTables } from './tables.ts';
import { tiedNotes } from './tied.ts';
import { moduleTree } from './tree.ts';
import { ModuleWriter } from './write.ts';

export type { Problem } from './problems.ts';

export interface ImportSettings {
  /** of the model, as a person would call it: the file's name */
  readonly name: string;
  /** sizes of dynamic dims, or names of others that they are equal to */
  readonly dims: ReadonlyMap<string, number | string>;
  /** inputs that become constants */
  readonly inputs: ReadonlyMap<string, number>;
  /** initialisers of rank 0 that train; others are numbers in the text */
  readonly parameters?: ReadonlySet<string>;
  /** how many positions a rotary embedding may have that the file computes for any; undefined leaves it as it is */
  readonly positions?: number | undefined;
}

export interface ImportedTensor extends PlacedTensor {
  readonly key: string;
}

export interface ImportedModel {
  readonly text: string;
  readonly graph: Graph;
  readonly tensors: readonly ImportedTensor[];
  readonly notes: readonly string[];
}

export type ImportResult =
  | { readonly kind: 'imported'; readonly model: ImportedModel }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** @throws ProtobufError when the bytes are no ONNX file, TypeError for a name that is no UTF-8, RuntimeError R01… as its tensors' reader */
export async function importOnnx(
  source: RandomAccess,
  beside: OpenBeside,
  settings: ImportSettings,
): Promise<ImportResult> {
  const file = await readModel(source, beside);
  const dims = new FileDims(settings.dims, [...BUILTINS.keys(), ...STANDARD]);
  const { graph: plain, held, problems, notes } = convert(file, dims, settings.inputs, settings.parameters);
  const inputs = new Set(file.graph.inputs.map(({ name }) => name));
  for (const name of dims.unused) problems.add(`--dim ${name}`, 'the file has no dimension of this name', '');
  for (const name of settings.inputs.keys())
    if (!inputs.has(name)) problems.add(`--input ${name}`, 'the file has no input of this name', '');
  for (const name of settings.parameters ?? []) {
    const shape = file.graph.initialisers.get(name)?.view?.shape;
    if (shape?.length !== 0)
      problems.add(`--parameter ${name}`, 'the file has no initialiser of rank 0 of this name', '');
  }
  if (!plain || problems.list.length > 0) return { kind: 'refused', problems: problems.list };
  const found = findPatterns(plain, await readTables(plain, held), settings.positions);
  const graph = shareScopes(findRepeats(found.graph, held));
  const placed = placeTensors(graph, held);
  const root = moduleTree(graph, placed);
  const writer = new ModuleWriter(graph, root, {
    name: capitalised(settings.name, 'Model'),
    entry: file.graph.name,
    reserved: [...BUILTINS.keys(), ...STANDARD],
    caches: takeCaches(graph, root),
  });
  const { text, keys, renamed } = writer.write(root);
  const names = renamed.map(([from, to]) => `${JSON.stringify(from)} of the file is ${to} here`);
  const tensors = placed.map((tensor) => ({ ...tensor, key: keys.get(tensor.value)! }));
  return {
    kind: 'imported',
    model: {
      text: format(text).text,
      graph,
      tensors,
      notes: [...notes, ...found.notes, ...names, ...tiedNotes(graph, tensors)],
    },
  };
}
