/** Wiring: the project, the language worker, the editor, the panels. */
import './style.css';
import type { SemanticTokensOptions } from 'vscode-languageserver-protocol';
import { Bench } from './bench.ts';
import { byId, download, make, reasonOf } from './dom.ts';
import { connect } from './editor/client.ts';
import { diagnosticsExtension } from './editor/diagnostics.ts';
import { Editor } from './editor/editor.ts';
import { safeHtml } from './editor/safe-html.ts';
import { refreshMarks } from './editor/server-marks.ts';
import { EXAMPLES, loadExample } from './examples.ts';
import { codePanel } from './panels/code.ts';
import { comparePanel } from './panels/compare.ts';
import { filesPanel } from './panels/files.ts';
import { WeightsField } from './panels/form.ts';
import { headline } from './panels/head.ts';
import { problemsPanel } from './panels/problems.ts';
import { runPanel } from './panels/run.ts';
import { settingsPanel } from './panels/settings.ts';
import { trainPanel } from './panels/train.ts';
import { costPanel, graphPanel, treePanel } from './panels/views.ts';
import { Project } from './project.ts';
import { linkOf, ofLink } from './share.ts';
import { Tabs } from './tabs.ts';
import { projectOf, zipOf } from './zip.ts';

document.documentElement.dataset.started = '';
const trouble = byId('trouble', HTMLParagraphElement);
const onTrouble = (error: unknown): void => {
  trouble.textContent = reasonOf(error);
  trouble.hidden = false;
};

const project = new Project();
const problems = problemsPanel(
  (path, line, column) => goTo(path, line, column),
  () => editor.nextProblem(),
);
const language = connect(
  project,
  async (path) => {
    project.show(path);
    return editor.view;
  },
  { extensions: [diagnosticsExtension((uri, found) => onFound(uri, found))], sanitizeHTML: safeHtml },
);
const editor = new Editor(byId('editor', HTMLDivElement), language.client, project, {
  onLine: (path, line) => bench.atLine(`${path}:${line}`),
});
const bench = new Bench(project, language, { onTrouble });
const onSource = (source: string): void => {
  const [, path = '', line, column] = /^(.*):(\d+):(\d+)$/.exec(source) ?? [];
  if (project.files.has(path)) goTo(path, Number(line), Number(column));
};

filesPanel(byId('files', HTMLUListElement), project);
settingsPanel(byId('settings', HTMLDivElement), bench);
headline(byId('headline', HTMLDivElement), bench);
const weights = new WeightsField();
const tabs = new Tabs(byId('tabs', HTMLDivElement), byId('panel-places', HTMLDivElement), [
  treePanel(bench, onSource),
  costPanel(bench),
  graphPanel(bench, onSource),
  codePanel(bench, language, onSource),
  runPanel(bench, weights),
  trainPanel(bench, weights),
  comparePanel(bench, weights),
]);
bench.addEventListener('model', () => {
  tabs.update();
  if (!bench.answer) return;
  document.documentElement.dataset.ready = '';
});
project.addEventListener('open', () => editor.show(project.open));
project.addEventListener('files', () => language.follow());
project.addEventListener('settings', () => void marks());
project.addEventListener('load', () => {
  language.follow();
  editor.reset();
  editor.show(project.open);
  document.title = `${project.name} · MDL playground`;
});
startFrom();
actions();
await language.client.initializing;

function goTo(path: string, line: number, column: number): void {
  if (!project.files.has(path)) return;
  project.show(path);
  editor.goTo(line, column);
}

function onFound(uri: string, found: Parameters<typeof problems.found>[1]): void {
  problems.found(uri, found);
  void marks();
}

/** Shapes and colours of the file in view, as the server now has it. */
function marks(): Promise<void> {
  const provider = language.client.serverCapabilities?.semanticTokensProvider as SemanticTokensOptions | undefined;
  return refreshMarks(editor.view, provider?.legend.tokenTypes ?? []).catch(onTrouble);
}

function startFrom(): void {
  const select = byId('examples', HTMLSelectElement);
  const all = EXAMPLES.flatMap(({ models }) => models);
  select.append(
    make('option', { value: '' }, 'your own files'),
    ...EXAMPLES.map(({ group, models }) =>
      make('optgroup', { label: group }, ...models.map(({ path, title }) => make('option', { value: path }, title))),
    ),
  );
  const load = async (path: string): Promise<void> => {
    project.load(await loadExample(all.find((example) => example.path === path)!));
    history.replaceState(null, '', location.pathname + location.search);
    select.value = path;
  };
  select.addEventListener('change', () => {
    trouble.hidden = true;
    if (select.value !== '') load(select.value).catch(onTrouble);
  });
  const fromLink = (): boolean => {
    const shared = ofLink(location.hash);
    if (shared) project.load(shared);
    if (shared) select.value = '';
    return shared !== undefined;
  };
  addEventListener('hashchange', () => {
    try {
      fromLink();
    } catch (error) {
      onTrouble(error);
    }
  });
  try {
    if (fromLink()) return;
  } catch (error) {
    queueMicrotask(() => onTrouble(error));
  }
  load(all[0]!.path).catch(onTrouble);
}

function actions(): void {
  const said = byId('said', HTMLParagraphElement);
  const share = byId('share', HTMLButtonElement);
  share.addEventListener('click', async () => {
    history.replaceState(null, '', linkOf(project.snapshot()));
    // a page that may not use the clipboard still has the link in its address
    const copied = await navigator.clipboard?.writeText(location.href).then(
      () => true,
      () => false,
    );
    said.textContent = copied ? 'the link is in the clipboard' : 'the link is in the address bar';
    share.textContent = copied ? 'Link copied' : 'Link in the address bar';
    setTimeout(() => {
      share.textContent = 'Share';
    }, 2500);
  });
  byId('save', HTMLButtonElement).addEventListener('click', () =>
    download(`${nameOf(project.root)}.zip`, zipOf(project.snapshot())),
  );
  const open = async (files: readonly File[]): Promise<void> => {
    trouble.hidden = true;
    project.load(await projectOf(files));
  };
  const input = byId('load', HTMLInputElement);
  input.addEventListener('change', () => {
    open([...(input.files ?? [])]).catch(onTrouble);
    input.value = '';
  });
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1).replace(/\.mdl$/, '');
