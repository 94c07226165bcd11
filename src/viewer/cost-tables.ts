/** Where an entry's memory and operations go: by component and by op, dearest first. */
import type { ModelView, ViewEntry } from '../shared/view.ts';
import { type Cost, componentsOf, costsByOp, costsByPath, NOTHING, type Sizes } from './costs.ts';
import { make } from './dom.ts';
import { formatBytes, formatNumber } from './format.ts';

interface Line {
  readonly name: string;
  readonly kind: string;
  readonly weights: number | undefined;
  readonly cost: Cost;
}

export function costTables(view: ModelView, entry: ViewEntry, sizes: Sizes): HTMLElement {
  const costs = costsByPath(entry, sizes);
  const parts = componentsOf(view.tree);
  const lines = parts.map(
    (part): Line => ({
      name: part.path,
      kind: part.kind,
      weights: part.bytes,
      cost: costs.get(part.path) ?? NOTHING,
    }),
  );
  const total = costs.get('') ?? NOTHING;
  const inside = lines.reduce(
    (sum, { cost }) => ({
      flops: sum.flops + cost.flops,
      activations: sum.activations + cost.activations,
      nodes: sum.nodes + cost.nodes,
    }),
    NOTHING,
  );
  const rest = view.bytes - lines.reduce((sum, { weights = 0 }) => sum + weights, 0);
  const own = {
    flops: total.flops - inside.flops,
    activations: total.activations - inside.activations,
    nodes: total.nodes - inside.nodes,
  };
  if (own.nodes > 0 || rest > 0) lines.push({ name: '(the model itself)', kind: '', weights: rest, cost: own });
  lines.sort((a, b) => b.cost.flops - a.cost.flops || (b.weights ?? 0) - (a.weights ?? 0));
  const ops = costsByOp(entry, sizes).map(
    ([name, cost]): Line => ({ name, kind: `× ${cost.nodes}`, weights: undefined, cost }),
  );
  return make(
    'div',
    { class: 'costs' },
    table('By component', lines, { weights: view.bytes, ...total }),
    table('By op', ops, { weights: 0, ...total }),
  );
}

function table(title: string, lines: readonly Line[], total: Cost & { readonly weights: number }): HTMLElement {
  const withWeights = lines.some(({ weights }) => weights !== undefined);
  const heads = ['', ...(withWeights ? ['Weights'] : []), 'Activations', 'FLOPs'];
  const bar = (value: number, of: number, text: string): HTMLElement =>
    make('td', { class: 'number bar', style: `--share: ${of === 0 ? 0 : ((100 * value) / of).toFixed(1)}%` }, text);
  const rows = lines.map(({ name, kind, weights, cost }) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, name, ' ', make('span', { class: 'kind' }, kind)),
      ...(withWeights ? [bar(weights ?? 0, total.weights, formatBytes(weights ?? 0))] : []),
      bar(cost.activations, total.activations, formatBytes(cost.activations)),
      bar(cost.flops, total.flops, formatNumber(cost.flops)),
    ),
  );
  const sum = make(
    'tr',
    { class: 'total' },
    make('th', { scope: 'row' }, 'all'),
    ...(withWeights ? [make('td', { class: 'number' }, formatBytes(total.weights))] : []),
    make('td', { class: 'number' }, formatBytes(total.activations)),
    make('td', { class: 'number' }, formatNumber(total.flops)),
  );
  const head = make(
    'tr',
    {},
    ...heads.map((text, column) => make('th', { scope: 'col', class: column > 0 ? 'number' : '' }, text)),
  );
  return make(
    'div',
    { class: 'scroll' },
    make('table', {}, make('caption', {}, title), make('thead', {}, head), make('tbody', {}, ...rows, sum)),
  );
}
