/** Diagnostics of the server as the editor shows them: each with its fixes, which are one click or key away. */

import { type Action, type Diagnostic, setDiagnostics } from '@codemirror/lint';
import { type LSPClient, type LSPClientExtension, LSPPlugin } from '@codemirror/lsp-client';
import type { EditorView } from '@codemirror/view';
import type { CodeAction, Diagnostic as LspDiagnostic, PublishDiagnosticsParams } from 'vscode-languageserver-protocol';
import { make } from '../dom.ts';

const [ERROR, WARNING] = [1, 2];

/** @param onFound is told of every file, in the editor or not */
export function diagnosticsExtension(
  onFound: (uri: string, found: readonly LspDiagnostic[]) => void,
): LSPClientExtension {
  return {
    notificationHandlers: {
      'textDocument/publishDiagnostics': (client, params: PublishDiagnosticsParams) => {
        onFound(params.uri, params.diagnostics);
        const view = client.workspace.getFile(params.uri)?.getView();
        if (view) void show(client, view, params);
        return true;
      },
    },
  };
}

/** By file, how often it was shown: fixes are asked for, and a later message may be ready first. */
const turns = new Map<string, number>();

async function show(
  client: LSPClient,
  view: EditorView,
  { uri, diagnostics }: PublishDiagnosticsParams,
): Promise<void> {
  const before = view.state.doc;
  const turn = (turns.get(uri) ?? 0) + 1;
  turns.set(uri, turn);
  const actions = await Promise.all(diagnostics.map((diagnostic) => fixesOf(client, uri, diagnostic)));
  const plugin = LSPPlugin.get(view);
  // what was typed meanwhile is analysed next, and shown then
  if (
    turns.get(uri) !== turn ||
    !plugin ||
    plugin.uri !== uri ||
    view.state.doc !== before ||
    !plugin.unsyncedChanges.empty
  )
    return;
  const shown = diagnostics.map((diagnostic, index): Diagnostic => {
    const [from, to] = [plugin.fromPosition(diagnostic.range.start), plugin.fromPosition(diagnostic.range.end)];
    return {
      from,
      to,
      severity: severityOf(diagnostic),
      source: String(diagnostic.code ?? ''),
      message: textOf(diagnostic),
      renderMessage: () => messageOf(diagnostic),
      actions: actions[index]!,
    };
  });
  view.dispatch(setDiagnostics(view.state, shown));
}

export const textOf = ({ message }: LspDiagnostic): string => (typeof message === 'string' ? message : message.value);

const severityOf = ({ severity }: LspDiagnostic): Diagnostic['severity'] =>
  severity === ERROR ? 'error' : severity === WARNING ? 'warning' : 'info';

/** The message, and where the other side of the mistake is. */
function messageOf(diagnostic: LspDiagnostic): Node {
  const { relatedInformation = [] } = diagnostic;
  const [head = '', ...notes] = textOf(diagnostic).split('\n');
  const places = relatedInformation.map(({ message: text, location }) => {
    const file = decodeURIComponent(location.uri.slice(location.uri.lastIndexOf('/') + 1));
    return `${file}:${location.range.start.line + 1}: ${text}`;
  });
  return make(
    'div',
    { class: 'found' },
    make('b', {}, head),
    ...[...notes, ...places].map((line) => make('div', {}, line)),
  );
}

async function fixesOf(client: LSPClient, uri: string, diagnostic: LspDiagnostic): Promise<Action[]> {
  const params = { textDocument: { uri }, range: diagnostic.range, context: { diagnostics: [diagnostic] } };
  const actions = await client.request<typeof params, CodeAction[] | null>('textDocument/codeAction', params);
  const own = (actions ?? []).filter(({ diagnostics }) => diagnostics?.some((one) => sameAs(one, diagnostic)));
  return own.map((action) => ({ name: action.title, apply: () => applyEdit(client, action) }));
}

const sameAs = (a: LspDiagnostic, b: LspDiagnostic): boolean =>
  a.code === b.code && a.range.start.line === b.range.start.line && a.range.start.character === b.range.start.character;

/** Every file of the edit, in the editor or not. */
export function applyEdit({ workspace }: LSPClient, { edit }: CodeAction): void {
  for (const [uri, edits] of Object.entries(edit?.changes ?? {})) {
    const file = workspace.getFile(uri);
    if (!file) continue;
    const text = file.getView()?.state.doc ?? file.doc;
    const offset = ({ line, character }: { line: number; character: number }): number =>
      text.line(line + 1).from + character;
    const changes = edits.map(({ range, newText }) => ({
      from: offset(range.start),
      to: offset(range.end),
      insert: newText,
    }));
    workspace.updateFile(uri, { changes, userEvent: 'input.fix' });
  }
}
