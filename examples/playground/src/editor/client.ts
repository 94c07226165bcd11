/** The language client: one worker, every file of the project open in it, one editor. */
import { LSPClient, LSPPlugin, Workspace, type WorkspaceFile } from '@codemirror/lsp-client';
import { ChangeSet, Text, type TransactionSpec } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { pathOf, ROOT, uriOf } from '../places.ts';
import type { Project } from '../project.ts';

const LANGUAGE = 'mdl';

class ProjectFile implements WorkspaceFile {
  readonly uri: string;
  readonly languageId = LANGUAGE;
  version = 0;
  doc: Text;
  view: EditorView | null = null;

  constructor(uri: string, text: string) {
    this.uri = uri;
    this.doc = Text.of(text.split('\n'));
  }

  getView(): EditorView | null {
    return this.view;
  }
}

/** All files are open in the server, whichever is in the editor: a program is all of its files. */
class ProjectWorkspace extends Workspace {
  override files: ProjectFile[] = [];
  private readonly project: Project;
  private readonly display: (path: string) => Promise<EditorView | null>;

  constructor(client: LSPClient, project: Project, display: (path: string) => Promise<EditorView | null>) {
    super(client);
    this.project = project;
    this.display = display;
  }

  /** The server is told which files came and went since the last call, and which changed outside of the editor. */
  follow(): void {
    const { files } = this.project;
    for (const file of this.files.filter(({ uri }) => !files.has(pathOf(uri)!))) this.client.didClose(file.uri);
    this.files = this.files.filter(({ uri }) => files.has(pathOf(uri)!));
    for (const [path, text] of files) {
      const known = this.files.find(({ uri }) => uri === uriOf(path));
      if (!known) {
        const file = new ProjectFile(uriOf(path), text);
        this.files.push(file);
        this.client.didOpen(file);
      } else if (!known.view && known.doc.toString() !== text) {
        known.doc = Text.of(text.split('\n'));
        known.version++;
        const textDocument = { uri: known.uri, version: known.version };
        this.client.notification('textDocument/didChange', { textDocument, contentChanges: [{ text }] });
      }
    }
  }

  override syncFiles() {
    return this.files.flatMap((file) => {
      const plugin = file.view && LSPPlugin.get(file.view);
      if (!file.view || !plugin || plugin.unsyncedChanges.empty) return [];
      const { unsyncedChanges: changes } = plugin;
      const prevDoc = file.doc;
      file.doc = file.view.state.doc;
      file.version++;
      plugin.clear();
      return [{ file, prevDoc, changes }];
    });
  }

  override openFile(uri: string, _language: string, view: EditorView): void {
    const file = this.getFile(uri) as ProjectFile | null;
    if (file) file.view = view;
  }

  override closeFile(uri: string): void {
    const file = this.getFile(uri) as ProjectFile | null;
    if (file) file.view = null;
  }

  /** An edit of the server's, such as a rename in another file. */
  override updateFile(uri: string, update: TransactionSpec): void {
    const file = this.getFile(uri) as ProjectFile | null;
    if (!file) return;
    if (file.view) {
      file.view.dispatch(update);
      return;
    }
    const changes = ChangeSet.of(update.changes ?? [], file.doc.length);
    this.project.write(pathOf(uri)!, changes.apply(file.doc).toString());
    this.follow();
  }

  override async displayFile(uri: string): Promise<EditorView | null> {
    const path = pathOf(uri);
    return path !== undefined && this.project.files.has(path) ? this.display(path) : null;
  }
}

export interface LanguageClient {
  readonly client: LSPClient;
  /** after files came, went, or changed outside of the editor */
  follow(): void;
  request<Result>(method: string, params: unknown): Promise<Result>;
}

type Handlers = NonNullable<ConstructorParameters<typeof LSPClient>[0]>;

/** @param display brings a file into the editor */
export function connect(
  project: Project,
  display: (path: string) => Promise<EditorView | null>,
  handlers: Pick<Handlers, 'extensions' | 'sanitizeHTML'>,
): LanguageClient {
  const client = new LSPClient({
    ...handlers,
    rootUri: ROOT,
    timeout: 30_000,
    workspace: (own) => new ProjectWorkspace(own, project, display),
  });
  const worker = new Worker('worker.js', { type: 'module', name: 'language' });
  const listeners = new Set<(message: string) => void>();
  worker.addEventListener('message', ({ data }) => {
    for (const listener of listeners) listener(JSON.stringify(data));
  });
  client.connect({
    send: (message) => worker.postMessage(JSON.parse(message)),
    subscribe: (listener) => void listeners.add(listener),
    unsubscribe: (listener) => void listeners.delete(listener),
  });
  return {
    client,
    follow: () => (client.workspace as ProjectWorkspace).follow(),
    async request(method, params) {
      client.sync();
      return client.request(method, params);
    },
  };
}
