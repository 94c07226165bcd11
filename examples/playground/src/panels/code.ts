/** What the line at the cursor became: nodes of the graph, of ONNX, kernels, PyTorch. A click on a piece goes to its line. */

import type { Bench } from '../bench.ts';
import { button, later, make, reasonOf } from '../dom.ts';
import type { LanguageClient } from '../editor/client.ts';
import { CODE_TARGETS, type CodeAnswer, type CodeTarget, METHODS } from '../protocol.ts';
import type { Panel } from '../tabs.ts';

const NAMES: Readonly<Record<CodeTarget, string>> = { graph: 'Graph', onnx: 'ONNX', wgsl: 'WGSL', pytorch: 'PyTorch' };
const PAUSE = 150;

export function codePanel(bench: Bench, language: LanguageClient, onSource: (source: string) => void): Panel {
  const target = make(
    'select',
    { 'aria-label': 'compiled to' },
    ...CODE_TARGETS.map((name) => make('option', { value: name }, NAMES[name])),
  );
  target.value = 'onnx';
  const whole = make('input', { type: 'checkbox' });
  const count = make('span', { class: 'note', role: 'status' });
  const pieces = make('div', { class: 'pieces' });
  const bar = make('div', { class: 'bar-line' }, target, make('label', {}, whole, ' the whole entry'), count);
  const element = make('div', {}, bar, pieces);
  let turn = 0;
  const ask = async (): Promise<void> => {
    const { project, entry, line } = bench;
    if (entry === undefined || !bench.answer) return;
    const mine = ++turn;
    const asked = { path: project.root, choice: project.choice, entry, target: target.value as CodeTarget };
    const here = whole.checked || line === undefined ? {} : { line };
    try {
      const answer = await language.request<CodeAnswer | null>(METHODS.code, { ...asked, ...here });
      if (mine === turn) draw(answer, line);
    } catch (error) {
      if (mine === turn) pieces.replaceChildren(make('p', { class: 'trouble' }, reasonOf(error)));
    }
  };
  const draw = (answer: CodeAnswer | null, line: string | undefined): void => {
    if (!answer) return;
    const place = line?.slice(line.lastIndexOf('/') + 1);
    count.textContent =
      whole.checked || target.value === 'pytorch' ? '' : `${place ?? ''}: ${answer.pieces.length} of ${answer.all}`;
    if (answer.pieces.length === 0) {
      pieces.replaceChildren(
        make(
          'p',
          { class: 'note' },
          'Nothing of this entry comes from the line of the cursor. Move it to a call or an operator.',
        ),
      );
      return;
    }
    pieces.replaceChildren(
      ...answer.pieces.map(({ title, text, sources }) => {
        const places = sources
          .slice(0, 6)
          .map((source) =>
            button(source.slice(source.lastIndexOf('/') + 1), () => onSource(source), { class: 'link' }),
          );
        return make(
          'figure',
          {},
          make('figcaption', {}, make('b', {}, title), ' ', ...places),
          make('pre', { tabindex: '0' }, text),
        );
      }),
    );
  };
  const soon = later(PAUSE, () => void ask());
  for (const input of [target, whole]) input.addEventListener('change', () => void ask());
  bench.addEventListener('line', () => {
    if (!element.hidden && !whole.checked) soon();
  });
  return { name: 'Code', element, update: soon };
}
