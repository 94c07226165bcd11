/** Every mistake of every file, below the text: a click goes there. */
import type { Diagnostic } from 'vscode-languageserver-protocol';
import { button, byId, make } from '../dom.ts';
import { textOf } from '../editor/diagnostics.ts';
import { pathOf } from '../places.ts';

export interface Problems {
  found(uri: string, diagnostics: readonly Diagnostic[]): void;
}

const ERROR = 1;

export function problemsPanel(go: (path: string, line: number, column: number) => void, next: () => void): Problems {
  const list = byId('problems', HTMLUListElement);
  const count = byId('problem-count', HTMLSpanElement);
  const step = byId('next-problem', HTMLButtonElement);
  const byFile = new Map<string, readonly Diagnostic[]>();
  step.addEventListener('click', next);
  const render = (): void => {
    const all = [...byFile].flatMap(([uri, diagnostics]) => diagnostics.map((diagnostic) => ({ uri, diagnostic })));
    const errors = all.filter(({ diagnostic }) => diagnostic.severity === ERROR).length;
    const warnings = all.length - errors;
    const words = [
      ...(errors > 0 ? [`${errors} ${errors === 1 ? 'error' : 'errors'}`] : []),
      ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : []),
    ];
    count.textContent = words.join(', ') || 'no problems';
    count.className = errors > 0 ? 'error' : warnings > 0 ? 'warning' : '';
    step.hidden = all.length === 0;
    list.replaceChildren(
      ...all.map(({ uri, diagnostic }) => {
        const { line, character } = diagnostic.range.start;
        const path = pathOf(uri) ?? uri;
        const place = `${path.slice(path.lastIndexOf('/') + 1)}:${line + 1}`;
        const text = `${diagnostic.code}  ${textOf(diagnostic).split('\n')[0]}`;
        const go_ = button('', () => go(path, line + 1, character + 1), {
          class: diagnostic.severity === ERROR ? 'error' : 'warning',
        });
        go_.append(make('span', { class: 'place' }, place), ' ', text);
        return make('li', {}, go_);
      }),
    );
  };
  return {
    found(uri, diagnostics) {
      if (diagnostics.length > 0) byFile.set(uri, diagnostics);
      else byFile.delete(uri);
      render();
    },
  };
}
