/**
 * Texts by URI: the editor's buffers, and behind them the files. The compiler reads project-relative paths, so a file's
 * project is the workspace folder that it lies in, or else its own folder.
 */
import type { SourceHost } from '../check/program.ts';
import { createSource, type SourceFile } from '../diagnostics/span.ts';

/** Files that no buffer holds. */
export interface Files {
  /** undefined where there is no such file */
  read(uri: string): string | undefined;
}

export interface Place {
  /** URI of the project's folder, with a slash at its end */
  readonly root: string;
  /** project-relative, with forward slashes */
  readonly path: string;
}

export class Workspace {
  private readonly folders: string[] = [];
  private readonly files: Files;
  private readonly buffers = new Map<string, SourceFile>();

  constructor(files: Files) {
    this.files = files;
  }

  addFolder(uri: string): void {
    this.folders.push(uri.endsWith('/') ? uri : `${uri}/`);
  }

  removeFolder(uri: string): void {
    const at = this.folders.indexOf(uri.endsWith('/') ? uri : `${uri}/`);
    if (at >= 0) this.folders.splice(at, 1);
  }

  /** Opens a buffer, or gives it another text. */
  put(uri: string, text: string): void {
    this.buffers.set(uri, createSource(this.placeOf(uri).path, text));
  }

  close(uri: string): void {
    this.buffers.delete(uri);
  }

  get open(): readonly string[] {
    return [...this.buffers.keys()];
  }

  bufferOf(uri: string): SourceFile | undefined {
    return this.buffers.get(uri);
  }

  placeOf(uri: string): Place {
    const root =
      this.folders.filter((folder) => uri.startsWith(folder)).sort((a, b) => b.length - a.length)[0] ??
      uri.slice(0, uri.lastIndexOf('/') + 1);
    return { root, path: decoded(uri.slice(root.length)) };
  }

  uriOf({ root, path }: Place): string {
    const wanted = root + path.split('/').map(encodeURIComponent).join('/');
    if (this.buffers.has(wanted)) return wanted;
    // editors differ in what they encode: a buffer's own spelling is the one that they know
    return this.open.find((uri) => uri.startsWith(root) && decoded(uri.slice(root.length)) === path) ?? wanted;
  }

  /** What the compiler reads a project through. */
  hostOf(root: string): SourceHost {
    return {
      read: (path) => {
        const uri = this.uriOf({ root, path });
        return this.buffers.get(uri)?.text ?? this.files.read(uri);
      },
    };
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
