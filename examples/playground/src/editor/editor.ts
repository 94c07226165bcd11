/** The text editor: one view, whose state is that of the open file; each file keeps its undo history and place. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab, toggleComment } from '@codemirror/commands';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language';
import { lintGutter, lintKeymap, nextDiagnostic } from '@codemirror/lint';
import {
  findReferencesKeymap,
  formatKeymap,
  hoverTooltips,
  jumpToDefinitionKeymap,
  type LSPClient,
  renameKeymap,
  serverCompletion,
  signatureHelp,
} from '@codemirror/lsp-client';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { uriOf } from '../places.ts';
import type { Project } from '../project.ts';
import { highlighting } from './language.ts';
import { serverMarks } from './server-marks.ts';
import { theme } from './theme.ts';

export interface EditorEvents {
  /** the cursor's line, from 1 */
  onLine(path: string, line: number): void;
}

export class Editor {
  readonly view: EditorView;
  private readonly client: LSPClient;
  private readonly project: Project;
  private readonly events: EditorEvents;
  private readonly states = new Map<string, EditorState>();
  private path = '';

  constructor(parent: HTMLElement, client: LSPClient, project: Project, events: EditorEvents) {
    this.client = client;
    this.project = project;
    this.events = events;
    this.view = new EditorView({ parent });
  }

  /** Forgets every file: another project was loaded. */
  reset(): void {
    this.states.clear();
    this.path = '';
  }

  /** Brings a file of the project into view. */
  show(path: string): void {
    if (this.path === path) return;
    if (this.path !== '' && this.project.files.has(this.path)) this.states.set(this.path, this.view.state);
    const text = this.project.files.get(path) ?? '';
    const kept = this.states.get(path);
    this.path = path;
    this.view.setState(kept && kept.doc.toString() === text ? kept : this.stateOf(path, text));
    this.view.contentDOM.setAttribute('aria-label', `${path}. Escape, then Tab, leaves the editor`);
  }

  /** Moves to a line and column, from 1. */
  goTo(line: number, column = 1): void {
    const { doc } = this.view.state;
    const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
    const anchor = Math.min(at.from + column - 1, at.to);
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
    this.view.focus();
  }

  nextProblem(): void {
    nextDiagnostic(this.view);
    this.view.focus();
  }

  private stateOf(path: string, doc: string): EditorState {
    return EditorState.create({ doc, extensions: [this.extensions(path), this.client.plugin(uriOf(path), 'mdl')] });
  }

  private extensions(path: string): Extension {
    return [
      lineNumbers(),
      highlightActiveLineGutter(),
      history(),
      foldGutter(),
      drawSelection(),
      dropCursor(),
      indentOnInput(),
      indentUnit.of('  '),
      bracketMatching(),
      closeBrackets(),
      autocompletion(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      lintGutter(),
      theme,
      highlighting,
      serverMarks,
      serverCompletion(),
      hoverTooltips({ hoverTime: 250 }),
      signatureHelp(),
      keymap.of([
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...searchKeymap,
        ...historyKeymap,
        ...foldKeymap,
        ...completionKeymap,
        ...lintKeymap,
        ...formatKeymap,
        ...renameKeymap,
        ...jumpToDefinitionKeymap,
        ...findReferencesKeymap,
        { key: 'Mod-/', run: toggleComment },
        // Escape, then Tab, leaves the editor
        indentWithTab,
      ]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) this.project.write(path, update.state.doc.toString());
        if (update.docChanged || update.selectionSet)
          this.events.onLine(path, update.state.doc.lineAt(update.state.selection.main.head).number);
      }),
    ];
  }
}
