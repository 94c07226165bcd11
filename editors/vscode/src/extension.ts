/** The extension: starts the language server, shows and changes what it is asked for, runs the command line. */
import * as vscode from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';
import { commandLine, shownChoice } from './words.ts';

/** Of the server's request `mdl/settings`. */
interface ProgramSettings {
  readonly configs: readonly string[];
  readonly config?: string;
  readonly flags: readonly { readonly name: string; readonly doc: string; readonly value: boolean }[];
}

type Values = Readonly<Record<string, string | number | boolean>>;

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const module = context.asAbsolutePath('dist/server.cjs');
  const language = new LanguageClient(
    'mdl',
    'MDL',
    { module, transport: TransportKind.stdio },
    {
      documentSelector: [{ language: 'mdl' }],
      initializationOptions: choice(),
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher('**/*.mdl') },
    },
  );
  client = language;
  const status = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Right, 100);
  status.command = 'mdl.chooseConfig';
  const show = async (): Promise<void> => {
    const settings = await settingsOf(language);
    if (!settings) status.hide();
    else {
      status.text = shownChoice(settings.config, choice().set);
      status.tooltip = 'the config and flags that shapes are for';
      status.show();
    }
  };
  const commands: Record<string, () => Promise<void>> = {
    'mdl.chooseConfig': () => chooseConfig(language),
    'mdl.toggleFlag': () => toggleFlag(language),
    'mdl.resetChoice': () => choose('', {}),
    'mdl.restart': () => language.restart(),
    'mdl.summary': () => terminal('summary', []),
    'mdl.compile': compile,
    'mdl.printEntry': printEntry,
  };
  context.subscriptions.push(
    status,
    ...Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run)),
    vscode.workspace.registerTextDocumentContentProvider('mdl', {
      provideTextDocumentContent: (uri) =>
        language.sendRequest<string | null>('mdl/text', { uri: uri.toString() }).then((text) => text ?? ''),
    }),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      if (!event.affectsConfiguration('mdl.config') && !event.affectsConfiguration('mdl.set')) return;
      await language.sendRequest('mdl/choose', choice());
      await show();
    }),
    vscode.window.onDidChangeActiveTextEditor(show),
  );
  await language.start();
  await show();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

// ── config and flags ────────────────────────────────────────────────────────────────────────────
function choice(): { config: string; set: Values } {
  const settings = vscode.workspace.getConfiguration('mdl');
  return { config: settings.get('config', ''), set: settings.get<Values>('set', {}) };
}

/** In the workspace's settings where there is a workspace, so that a colleague sees the same. */
async function choose(config: string, set: Values): Promise<void> {
  const settings = vscode.workspace.getConfiguration('mdl');
  const target = vscode.workspace.workspaceFolders
    ? vscode.ConfigurationTarget.Workspace
    : vscode.ConfigurationTarget.Global;
  await settings.update('config', config === '' ? undefined : config, target);
  await settings.update('set', Object.keys(set).length === 0 ? undefined : set, target);
}

async function settingsOf(language: LanguageClient): Promise<ProgramSettings | null> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== 'mdl') return null;
  return language.sendRequest<ProgramSettings | null>('mdl/settings', { uri: document.uri.toString() });
}

async function chooseConfig(language: LanguageClient): Promise<void> {
  const settings = await settingsOf(language);
  if (!settings) return;
  const items = settings.configs.map((label) => ({ label, picked: label === settings.config }));
  const picked = await vscode.window.showQuickPick(items, { placeHolder: `config (now ${settings.config ?? 'none'})` });
  if (picked) await choose(picked.label, choice().set);
}

async function toggleFlag(language: LanguageClient): Promise<void> {
  const settings = await settingsOf(language);
  if (!settings) return;
  const items = settings.flags.map(({ name, doc, value }) => ({
    label: name,
    description: value ? 'on' : 'off',
    detail: doc,
    value,
  }));
  const picked = await vscode.window.showQuickPick(items, { placeHolder: 'the flag to turn', matchOnDetail: true });
  if (picked) await choose(choice().config, { ...choice().set, [picked.label]: !picked.value });
}

// ── the command line ────────────────────────────────────────────────────────────────────────────
async function terminal(command: string, more: readonly string[]): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== 'mdl') return;
  await document.save();
  const program = vscode.workspace.getConfiguration('mdl').get('command', 'npx mdl');
  const shown = vscode.window.terminals.find(({ name }) => name === 'mdl') ?? vscode.window.createTerminal('mdl');
  shown.show(true);
  shown.sendText(commandLine(program, command, document.uri.fsPath, choice(), more));
}

async function compile(): Promise<void> {
  const target = await vscode.window.showQuickPick(['onnx', 'webgpu'], { placeHolder: 'what to compile to' });
  if (target) await terminal('compile', ['--target', target, '--out', `dist/${target}`]);
}

async function printEntry(): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  const entries = [...(document?.getText() ?? '').matchAll(/^\s*entry\s+(\w+)/gm)].map((match) => match[1] ?? '');
  const entry = await vscode.window.showQuickPick(entries, { placeHolder: 'the entry' });
  if (entry) await terminal('ir', ['--entry', entry]);
}
