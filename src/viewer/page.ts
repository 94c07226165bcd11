/** The page of `mdl view`: a model, its costs and its graphs, from the data that stands in the page itself. */
import './page.css';
import type { ModelView, ViewEntry } from '../shared/view.ts';
import { costTables } from './cost-tables.ts';
import { costsByPath, firstSizes } from './costs.ts';
import { make } from './dom.ts';
import { formatBytes, formatNumber } from './format.ts';
import { GraphView } from './graph.ts';
import { TreeView } from './tree.ts';

const view = JSON.parse(document.getElementById('view')!.textContent ?? '') as ModelView;
const chosen = new Map<string, number>();
let entry: ViewEntry | undefined = view.entries.at(-1);

const facts = make('p', { class: 'facts' });
const controls = make('div', { class: 'bar-line' });
const source = make('p', { class: 'note', role: 'status' });
const onSource = (place: string): void => {
  source.textContent = place;
};
const places = ['Model', 'Costs', 'Graph'].map((name) =>
  make('section', { 'aria-label': name, class: `part-${name.toLowerCase()}` }, make('h2', {}, name)),
);
const [model, costs, graph] = places as [HTMLElement, HTMLElement, HTMLElement];
const tree = new TreeView(model, { onSource });
const tables = make('div');
costs.append(tables);
const picture = new GraphView(graph, { onSource });

document.body.append(
  make('header', {}, make('h1', {}, view.name), make('p', { class: 'note' }, view.about), facts, controls, source),
  make('main', {}, ...places),
);
show();

function show(): void {
  const sizes = new Map([...firstSizes(entry)].map(([name, size]) => [name, chosen.get(name) ?? size]));
  const byPath = entry ? costsByPath(entry, sizes) : new Map();
  facts.textContent = [
    `${formatNumber(view.parameters)} parameters`,
    formatBytes(view.bytes),
    ...(entry ? [`${formatNumber(byPath.get('')?.flops ?? 0)} FLOPs in ${entry.name}`] : []),
  ].join('  ·  ');
  controls.replaceChildren(...choices(sizes));
  tree.show(view, byPath);
  if (!entry) return;
  tables.replaceChildren(costTables(view, entry, sizes));
  void picture.show(entry);
}

function choices(sizes: ReadonlyMap<string, number>): Node[] {
  const select = make('select', {}, ...view.entries.map(({ name }) => make('option', { value: name }, name)));
  select.value = entry?.name ?? '';
  select.addEventListener('change', () => {
    entry = view.entries.find(({ name }) => name === select.value);
    show();
  });
  const inputs = [...sizes].map(([name, size]) => {
    const input = make('input', { type: 'number', min: 0, value: size });
    input.addEventListener('change', () => {
      if (Number.isSafeInteger(input.valueAsNumber) && input.valueAsNumber >= 0) chosen.set(name, input.valueAsNumber);
      show();
    });
    return make('label', {}, `${name} `, input);
  });
  return [make('label', {}, 'entry ', select), ...inputs];
}
