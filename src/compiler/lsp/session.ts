/**
 * What the server knows: the workspace's texts, the chosen settings, and an analysis of every program that has an open
 * file. A model's file is a program; a file of modules is read in the programs that import it, or alone.
 */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { createSource } from '../diagnostics/span.ts';
import { COMMAND_LINE } from '../elaborate/settings.ts';
import { Analyser, type Analysis } from './analysis.ts';
import type { Choice } from './choice.ts';
import { type Understood, View } from './view.ts';
import { type Files, type Place, Workspace } from './workspace.ts';

interface Root {
  readonly place: Place;
  readonly analyser: Analyser;
  analysis: Analysis | undefined;
  /** the last that parses */
  understood: Understood | undefined;
}

/** A diagnostic and the project of its files. */
export interface Found {
  readonly diagnostic: Diagnostic;
  readonly root: string;
}

export class Session {
  readonly workspace: Workspace;
  choice: Choice = {};
  /** by URI */
  private readonly roots = new Map<string, Root>();

  constructor(files: Files) {
    this.workspace = new Workspace(files);
  }

  /** Analyses every open program; what was found, by the URI of the file that it is in. */
  refresh(): ReadonlyMap<string, readonly Found[]> {
    const open = this.workspace.open;
    for (const uri of this.roots.keys()) if (!open.includes(uri)) this.roots.delete(uri);
    const isModel = (uri: string): boolean => /^\s*model\s+\w/m.test(this.workspace.bufferOf(uri)!.text);
    const models = open.filter(isModel);
    for (const uri of models) this.analyse(uri);
    for (const uri of open.filter((other) => !isModel(other))) {
      if (models.some((model) => this.covers(model, uri))) this.roots.delete(uri);
      else this.analyse(uri);
    }
    return this.found(open);
  }

  private analyse(uri: string): void {
    const root = this.roots.get(uri) ?? this.begin(uri);
    root.analysis = root.analyser.analyse(this.choice);
    const { program, names } = root.analysis;
    if (program && names) root.understood = { ...root.analysis, program, names };
  }

  private begin(uri: string): Root {
    const place = this.workspace.placeOf(uri);
    const analyser = new Analyser(this.workspace.hostOf(place.root), place.path);
    const root: Root = { place, analyser, analysis: undefined, understood: undefined };
    this.roots.set(uri, root);
    return root;
  }

  /** Whether the program of a model has a file in it. */
  private covers(model: string, uri: string): boolean {
    const root = this.roots.get(model);
    const { root: folder, path } = this.workspace.placeOf(uri);
    return root?.place.root === folder && root.understood?.program.files.has(path) === true;
  }

  private found(open: readonly string[]): ReadonlyMap<string, readonly Found[]> {
    const found = new Map<string, Map<string, Found>>(open.map((uri) => [uri, new Map()]));
    for (const { place, analysis } of this.roots.values()) {
      for (const one of analysis?.diagnostics ?? []) {
        const diagnostic = one.primary.span.source.path === COMMAND_LINE ? aboutSettings(one, place.path) : one;
        const { span } = diagnostic.primary;
        const uri = this.workspace.uriOf({ root: place.root, path: span.source.path });
        const inFile = found.get(uri) ?? new Map<string, Found>();
        found.set(uri, inFile);
        // a file of two programs has most of its mistakes in both
        inFile.set(`${diagnostic.code} ${span.start} ${span.end}`, { diagnostic, root: place.root });
      }
    }
    return new Map([...found].map(([uri, inFile]) => [uri, [...inFile.values()]]));
  }

  /** A file in the program that it is read in; undefined of one that never parsed. */
  view(uri: string): (View & { readonly root: string }) | undefined {
    const now = this.workspace.bufferOf(uri);
    if (!now) return undefined;
    const { root, path } = this.workspace.placeOf(uri);
    const own = this.roots.get(uri)?.understood;
    const understood =
      own ??
      [...this.roots.values()].find(
        ({ place, understood: other }) => place.root === root && other?.program.files.has(path),
      )?.understood;
    return understood && Object.assign(new View(understood, path, now), { root });
  }
}

/** A mistake in what the editor chose is shown at the start of the model's file: it has no place of its own there. */
function aboutSettings(diagnostic: Diagnostic, path: string): Diagnostic {
  const span = { source: createSource(path, ''), start: 0, end: 0 };
  const asked = `asked for: ${diagnostic.primary.span.source.text}`;
  return {
    ...diagnostic,
    primary: { span, message: '' },
    secondary: [],
    suggestions: [],
    notes: [...diagnostic.notes, asked],
  };
}
