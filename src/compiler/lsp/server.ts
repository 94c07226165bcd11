/**
 * The language server: requests of the protocol to the functions beside this file. It knows no transport, so it runs in
 * a process (stdio.node.ts) and in a worker of a page (a connection of `vscode-languageserver/browser`).
 *
 * Beside the protocol:
 *   mdl/settings      the configs and flags of a file's program, and what is chosen
 *   mdl/choose        chooses them: shapes and diagnostics follow; the command `mdl.choose` does the same
 *   mdl/text          the text of a file that is inside of the compiler, by a `mdl:` URI: std.mdl
 */
import {
  CodeActionKind,
  type Connection,
  type InitializeParams,
  type InitializeResult,
  MessageType,
  ResponseError,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { format } from '../format/index.ts';
import { STD_FILES } from '../std/std.generated.ts';
import { VERSION } from '../version.ts';
import { type Choice, choiceOf } from './choice.ts';
import { complete } from './complete.ts';
import { codeActions, diagnosticOf } from './diagnostics.ts';
import { hover } from './hover.ts';
import { inlayHints } from './inlay.ts';
import { definition, references, rename, renameable } from './navigate.ts';
import { offsetOf, rangeOf } from './places.ts';
import { semanticTokens, TOKEN_MODIFIERS, TOKEN_TYPES } from './semantic.ts';
import { type Found, Session } from './session.ts';
import { settingsOf } from './settings.ts';
import { signatureHelp } from './signature.ts';
import { documentSymbols, foldingRanges } from './symbols.ts';
import type { View } from './view.ts';
import type { Files, Place } from './workspace.ts';

/** Scheme of files that are inside of the compiler. */
const INSIDE = 'mdl:/';

export class Server {
  readonly session: Session;
  private readonly connection: Connection;
  private readonly documents = new TextDocuments(TextDocument);
  private found: ReadonlyMap<string, readonly Found[]> = new Map();
  private scheduled: ReturnType<typeof setTimeout> | undefined;
  /** the client takes a request to ask for its hints again */
  private refreshesHints = false;

  /** Answers on a connection, which the caller starts to listen on. */
  constructor(connection: Connection, files: Files) {
    this.connection = connection;
    this.session = new Session(files);
    connection.onInitialize((params) => this.initialize(params));
    this.followDocuments();
    this.answerLanguage();
    this.answerEdits();
    this.answerSettings();
    this.documents.listen(connection);
  }

  private initialize(params: InitializeParams): InitializeResult {
    const { workspaceFolders, rootUri, initializationOptions, capabilities } = params;
    this.refreshesHints = capabilities.workspace?.inlayHint?.refreshSupport === true;
    const folders = workspaceFolders?.map(({ uri }) => uri) ?? (rootUri ? [rootUri] : []);
    for (const uri of folders) this.session.workspace.addFolder(uri);
    this.session.choice = this.checked(initializationOptions);
    return {
      serverInfo: { name: 'mdl', version: VERSION },
      capabilities: {
        textDocumentSync: TextDocumentSyncKind.Incremental,
        hoverProvider: true,
        definitionProvider: true,
        referencesProvider: true,
        renameProvider: { prepareProvider: true },
        completionProvider: { triggerCharacters: ['.', '{', '"'] },
        signatureHelpProvider: { triggerCharacters: ['(', ','] },
        documentSymbolProvider: true,
        foldingRangeProvider: true,
        inlayHintProvider: true,
        documentFormattingProvider: true,
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
        semanticTokensProvider: {
          legend: { tokenTypes: [...TOKEN_TYPES], tokenModifiers: [...TOKEN_MODIFIERS] },
          full: true,
        },
        executeCommandProvider: { commands: ['mdl.choose'] },
      },
    };
  }

  // ── texts ───────────────────────────────────────────────────────────────────────────────────
  private followDocuments(): void {
    const { workspace } = this.session;
    // the first content change comes with the opening of a document
    this.documents.onDidChangeContent(({ document }) => {
      workspace.put(document.uri, document.getText());
      this.schedule();
    });
    this.documents.onDidClose(({ document }) => {
      workspace.close(document.uri);
      this.schedule();
    });
    // a file that no buffer holds changed on disk
    this.connection.onDidChangeWatchedFiles(() => this.schedule());
  }

  /** Analyses when the messages that are here are read: of several edits only the last text counts. */
  private schedule(): void {
    this.scheduled ??= setTimeout(() => {
      try {
        this.refresh();
      } catch (error) {
        // a defect of ours: the next edit may do without it, and a server that is gone helps nobody
        const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.connection.console.error(`internal error, a defect of mdl; please report it:\n${trace}`);
      }
    });
  }

  private refresh(): void {
    clearTimeout(this.scheduled);
    this.scheduled = undefined;
    const before = this.found;
    this.found = this.session.refresh();
    for (const [uri, found] of this.found) {
      const diagnostics = found.map((one) => diagnosticOf(one, this.uriOf));
      void this.connection.sendDiagnostics({ uri, diagnostics });
    }
    for (const uri of before.keys())
      if (!this.found.has(uri)) void this.connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  private readonly uriOf = (place: Place): string =>
    Object.hasOwn(STD_FILES, place.path) ? INSIDE + place.path : this.session.workspace.uriOf(place);

  /** The file as it is now understood. */
  private view(uri: string): (View & { readonly root: string }) | undefined {
    if (this.scheduled !== undefined) this.refresh();
    return this.session.view(uri);
  }

  // ── answers ─────────────────────────────────────────────────────────────────────────────────
  private answerLanguage(): void {
    const { connection } = this;
    connection.onHover(({ textDocument, position }) => {
      const view = this.view(textDocument.uri);
      return view && hover(view, offsetOf(view.now, position));
    });
    connection.onDefinition(({ textDocument, position }) => {
      const view = this.view(textDocument.uri);
      return view && definition(view, offsetOf(view.now, position), this.inProgram(view));
    });
    connection.onReferences(({ textDocument, position, context }) => {
      const view = this.view(textDocument.uri);
      if (!view) return [];
      return references(view, offsetOf(view.now, position), this.inProgram(view), context.includeDeclaration);
    });
    connection.onCompletion(({ textDocument, position }) => {
      const view = this.view(textDocument.uri);
      if (!view) return [];
      return complete(view, offsetOf(view.now, position), this.session.workspace.hostOf(view.root));
    });
    connection.onSignatureHelp(({ textDocument, position }) => {
      const view = this.view(textDocument.uri);
      return view && signatureHelp(view, offsetOf(view.now, position));
    });
    connection.onDocumentSymbol(({ textDocument }) => {
      const view = this.view(textDocument.uri);
      return view ? documentSymbols(view) : [];
    });
    connection.languages.inlayHint.on(({ textDocument, range }) => {
      const view = this.view(textDocument.uri);
      return view ? inlayHints(view, range) : [];
    });
    connection.onFoldingRanges(({ textDocument }) => {
      const source = this.session.workspace.bufferOf(textDocument.uri);
      return source ? foldingRanges(source) : [];
    });
    connection.languages.semanticTokens.on(({ textDocument }) => {
      const source = this.session.workspace.bufferOf(textDocument.uri);
      return source ? semanticTokens(source, this.view(textDocument.uri)) : { data: [] };
    });
  }

  private answerEdits(): void {
    const { connection } = this;
    connection.onPrepareRename(({ textDocument, position }) => {
      const view = this.view(textDocument.uri);
      return view && renameable(view, offsetOf(view.now, position));
    });
    connection.onRenameRequest(({ textDocument, position, newName }) => {
      const view = this.view(textDocument.uri);
      if (!view) return undefined;
      const result = rename(view, offsetOf(view.now, position), newName, this.inProgram(view));
      return 'refused' in result ? new ResponseError(-32803, result.refused) : result;
    });
    connection.onDocumentFormatting(({ textDocument }) => {
      const source = this.session.workspace.bufferOf(textDocument.uri);
      if (!source) return [];
      const { text } = format(source.text, source.path);
      if (text === source.text) return [];
      return [{ range: rangeOf({ source, start: 0, end: source.text.length }), newText: text }];
    });
    connection.onCodeAction(({ textDocument, range }) => {
      if (this.scheduled !== undefined) this.refresh();
      return codeActions(textDocument.uri, range, this.found.get(textDocument.uri) ?? [], this.uriOf);
    });
  }

  private answerSettings(): void {
    const { connection } = this;
    connection.onDidChangeConfiguration(({ settings }) => {
      this.choose((settings as { mdl?: unknown } | null)?.mdl);
    });
    connection.onExecuteCommand(({ command, arguments: given }) => {
      if (command === 'mdl.choose') this.choose(given?.[0]);
    });
    connection.onRequest('mdl/choose', (choice: unknown) => this.choose(choice));
    connection.onRequest('mdl/settings', ({ uri }: { uri: string }) => {
      const view = this.view(uri);
      return view ? settingsOf(view.analysis) : null;
    });
    connection.onRequest('mdl/text', ({ uri }: { uri: string }) => {
      const path = uri.slice(INSIDE.length);
      return uri.startsWith(INSIDE) && Object.hasOwn(STD_FILES, path) ? STD_FILES[path] : null;
    });
  }

  /** The choice in what an editor sent; what is none of it is shown. */
  private checked(given: unknown): Choice {
    const { choice, refused } = choiceOf(given);
    for (const { code, message } of refused) {
      const shown = { type: MessageType.Error, message: `${code}: ${message}` };
      void this.connection.sendNotification('window/showMessage', shown);
    }
    return choice;
  }

  private choose(given: unknown): void {
    this.session.choice = this.checked(given);
    this.refresh();
    if (this.refreshesHints) void this.connection.languages.inlayHint.refresh();
  }

  private inProgram(view: { readonly root: string }): (path: string) => string {
    return (path) => this.uriOf({ root: view.root, path });
  }
}
