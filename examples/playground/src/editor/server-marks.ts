/** What the server knows of a file, drawn into the text: shapes beside each `let` and step, colours of names by what they are. */
import { LSPPlugin } from '@codemirror/lsp-client';
import { RangeSet, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view';
import type { InlayHint, SemanticTokens } from 'vscode-languageserver-protocol';
import { make } from '../dom.ts';

class Shape extends WidgetType {
  private readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  override eq(other: Shape): boolean {
    return other.text === this.text;
  }

  override toDOM(): HTMLElement {
    return make('span', { class: 'shape', 'aria-hidden': 'true' }, this.text);
  }
}

const marked = StateEffect.define<DecorationSet>();

export const serverMarks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, { changes, effects }) {
    const fresh = effects.find((effect) => effect.is(marked));
    return fresh ? (fresh.value as DecorationSet) : marks.map(changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Asks again; what was typed meanwhile makes the answer worthless, and the next analysis asks anew. */
export async function refreshMarks(view: EditorView, types: readonly string[]): Promise<void> {
  const plugin = LSPPlugin.get(view);
  if (!plugin) return;
  const { client, uri } = plugin;
  client.sync();
  const { doc } = view.state;
  const end = doc.line(doc.lines);
  const range = { start: { line: 0, character: 0 }, end: { line: doc.lines - 1, character: end.length } };
  const textDocument = { uri };
  const [hints, tokens] = await Promise.all([
    client.request<object, InlayHint[] | null>('textDocument/inlayHint', { textDocument, range }),
    client.request<object, SemanticTokens | null>('textDocument/semanticTokens/full', { textDocument }),
  ]);
  if (LSPPlugin.get(view)?.uri !== uri || view.state.doc !== doc) return;
  const shapes = (hints ?? []).map(({ position, label }) => {
    const widget = Decoration.widget({ widget: new Shape(String(label)), side: 1 });
    return widget.range(plugin.fromPosition(position, doc));
  });
  const classes: { from: number; to: number; type: string }[] = [];
  let [line, character] = [0, 0];
  const { data = [] } = tokens ?? {};
  for (let i = 0; i + 4 < data.length; i += 5) {
    const [lines, start, length, type] = data.slice(i, i + 4) as [number, number, number, number];
    line += lines;
    character = lines > 0 ? start : character + start;
    const from = doc.line(line + 1).from + character;
    classes.push({ from, to: from + length, type: types[type] ?? '' });
  }
  const names = classes.map(({ from, to, type }) => Decoration.mark({ class: `sem-${type}` }).range(from, to));
  view.dispatch({ effects: marked.of(RangeSet.of([...names, ...shapes], true)) });
}
