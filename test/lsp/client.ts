/** A scripted editor: the server over two streams in this process, or as the program `mdl lsp`. */
import type { ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type { Diagnostic, InitializeResult, Position } from 'vscode-languageserver';
import { createConnection } from 'vscode-languageserver/node';
import { Server } from '../../src/compiler/lsp/server.ts';

export const FOLDER = 'file:///work/';

export class Client {
  readonly connection: MessageConnection;
  /** the latest of each file */
  readonly published = new Map<string, Diagnostic[]>();
  private readonly texts = new Map<string, { text: string; version: number }>();

  private readonly folder: string;

  /** @param folder URI of the workspace, with a slash at its end */
  constructor(connection: MessageConnection, folder = FOLDER) {
    this.connection = connection;
    this.folder = folder;
    connection.onNotification(
      'textDocument/publishDiagnostics',
      ({ uri, diagnostics }: { uri: string; diagnostics: Diagnostic[] }) => {
        this.published.set(uri, diagnostics);
      },
    );
    connection.onRequest('workspace/inlayHint/refresh', () => null);
    connection.listen();
  }

  async initialize(options: unknown = {}): Promise<InitializeResult> {
    const result = await this.connection.sendRequest('initialize', {
      processId: null,
      rootUri: this.folder,
      capabilities: {},
      initializationOptions: options,
    });
    await this.connection.sendNotification('initialized', {});
    return result as InitializeResult;
  }

  async open(path: string, text: string): Promise<void> {
    const uri = this.uri(path);
    this.texts.set(uri, { text, version: 1 });
    await this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'mdl', version: 1, text },
    });
  }

  /** Replaces the first place of a text by another, as a person does. */
  async edit(path: string, find: string, replacement: string): Promise<void> {
    const uri = this.uri(path);
    const known = this.texts.get(uri)!;
    const at = known.text.indexOf(find);
    if (at < 0) throw new Error(`${path} has no ${find}`);
    const range = { start: positionIn(known.text, at), end: positionIn(known.text, at + find.length) };
    const text = known.text.slice(0, at) + replacement + known.text.slice(at + find.length);
    const version = known.version + 1;
    this.texts.set(uri, { text, version });
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ range, text: replacement }],
    });
  }

  async close(path: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didClose', { textDocument: { uri: this.uri(path) } });
  }

  textOf(path: string): string {
    return this.texts.get(this.uri(path))!.text;
  }

  /** What is published for a file once all that was sent is done. */
  async diagnostics(path: string): Promise<Diagnostic[]> {
    await this.ask('textDocument/codeAction', path, { line: 0, character: 0 }, { context: { diagnostics: [] } });
    return this.published.get(this.uri(path)) ?? [];
  }

  /** A request about a place; `at` is a position, or a text whose first place is meant, `|` in it the cursor. */
  async ask<T>(method: string, path: string, at: Position | string, more: object = {}): Promise<T> {
    const position = typeof at === 'string' ? this.find(path, at) : at;
    return this.connection.sendRequest(method, {
      textDocument: { uri: this.uri(path) },
      position,
      range: { start: position, end: position },
      ...more,
    });
  }

  private uri(path: string): string {
    return this.folder + path;
  }

  private find(path: string, marked: string): Position {
    const text = this.textOf(path);
    const at = text.indexOf(marked.replace('|', ''));
    if (at < 0) throw new Error(`${path} has no ${marked}`);
    return positionIn(text, at + Math.max(marked.indexOf('|'), 0));
  }

  /** Ends the session; the server of this process must not end the process. */
  async stop(): Promise<void> {
    await this.connection.sendRequest('shutdown');
    this.connection.dispose();
  }
}

export function uriOf(path: string): string {
  return FOLDER + path;
}

export function positionIn(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1)!.length };
}

/** A server in this process; `files` by path are on its disk. */
export function connect(files: Readonly<Record<string, string>> = {}): { client: Client; server: Server } {
  const [up, down] = [new PassThrough(), new PassThrough()];
  const connection = createConnection(new StreamMessageReader(up), new StreamMessageWriter(down));
  const server = new Server(connection, {
    read: (uri) => (uri.startsWith(FOLDER) ? files[uri.slice(FOLDER.length)] : undefined),
  });
  connection.listen();
  const client = new Client(createMessageConnection(new StreamMessageReader(down), new StreamMessageWriter(up)));
  return { client, server };
}

/** The program as an editor starts it. */
export function spawned(child: ChildProcess, folder: string): Client {
  return new Client(
    createMessageConnection(new StreamMessageReader(child.stdout!), new StreamMessageWriter(child.stdin!)),
    folder,
  );
}
