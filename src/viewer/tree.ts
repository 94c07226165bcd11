/** The tree of modules as a table that folds: with the keyboard as a tree grid of ARIA (arrows, Home, End, Enter). */
import type { ModelView, ViewModule } from '../shared/view.ts';
import { type Cost, NOTHING } from './costs.ts';
import { make } from './dom.ts';
import { formatBytes, formatNumber } from './format.ts';

export interface TreeEvents {
  /** a module was chosen: its place in the source */
  onSource(source: string): void;
}

interface Row {
  readonly module: ViewModule;
  readonly level: number;
  readonly element: HTMLTableRowElement;
}

export class TreeView {
  private readonly body = make('tbody');
  private readonly events: TreeEvents;
  /** paths that are open; kept from one model to the next, so that an edit folds nothing */
  private readonly expanded = new Set(['']);
  private rows: Row[] = [];
  private shown: { readonly view: ModelView; readonly costs: ReadonlyMap<string, Cost> } | undefined;

  constructor(parent: HTMLElement, events: TreeEvents) {
    this.events = events;
    const heads = ['Module', 'Output', 'Parameters', 'Bytes', 'FLOPs'].map((text, column) =>
      make('th', { scope: 'col', class: column > 1 ? 'number' : '' }, text),
    );
    const head = make('thead', {}, make('tr', {}, ...heads));
    const table = make(
      'table',
      { class: 'tree', role: 'treegrid', 'aria-label': 'modules of the model' },
      head,
      this.body,
    );
    parent.append(make('div', { class: 'scroll' }, table));
    this.body.addEventListener('keydown', (event) => this.onKey(event));
  }

  /** @param costs by path of module, of the entry in view */
  show(view: ModelView, costs: ReadonlyMap<string, Cost>): void {
    this.shown = { view, costs };
    this.render();
  }

  private render(): void {
    const { view } = this.shown!;
    const focused = document.activeElement?.closest('tr')?.dataset.path;
    const hadFocus = this.body.contains(document.activeElement);
    this.rows = [];
    const add = (module: ViewModule, level: number): void => {
      this.rows.push({ module, level, element: this.row(module, level, view) });
      if (this.expanded.has(module.path)) for (const child of module.children) add(child, level + 1);
      if (this.expanded.has(module.path))
        for (const own of module.own) this.rows.push(this.leaf(own, module, level + 1));
    };
    add(view.tree, 1);
    this.body.replaceChildren(...this.rows.map(({ element }) => element));
    const wanted = this.rows.find(({ element }) => element.dataset.path === focused) ?? this.rows[0];
    wanted?.element.setAttribute('tabindex', '0');
    if (hadFocus) wanted?.element.focus();
  }

  private row(module: ViewModule, level: number, view: ModelView): HTMLTableRowElement {
    const { label, kind, note, output = '', parameters, bytes, path } = module;
    const folds = module.children.length + module.own.length > 0;
    const cost = this.shown!.costs.get(path) ?? NOTHING;
    const open = this.expanded.has(path);
    const name = make('td', { style: `--level: ${level}` });
    name.append(
      make('span', { class: 'twist', 'aria-hidden': 'true' }, folds ? (open ? '▾' : '▸') : ''),
      make('b', {}, label),
      ' ',
      make('span', { class: 'kind' }, kind === label ? '' : kind),
      note === undefined ? '' : make('span', { class: 'note' }, note),
    );
    const share = view.parameters === 0 ? 0 : parameters / view.parameters;
    const element = make(
      'tr',
      {
        'data-path': path,
        tabindex: '-1',
        'aria-level': level,
        'aria-expanded': folds ? open : undefined,
        class: note ?? '',
      },
      name,
      make('td', { class: 'type' }, output),
      make('td', { class: 'number bar', style: `--share: ${(100 * share).toFixed(1)}%` }, formatNumber(parameters)),
      make('td', { class: 'number' }, formatBytes(bytes)),
      make('td', { class: 'number' }, cost.nodes === 0 ? '' : formatNumber(cost.flops)),
    );
    if (folds) element.setAttribute('aria-expanded', String(open));
    element.addEventListener('click', () => {
      this.focus(element);
      this.choose(module);
      if (folds) this.toggle(path);
    });
    return element;
  }

  /** A parameter of a module. */
  private leaf({ name, key, type, buffer }: ViewModule['own'][number], module: ViewModule, level: number): Row {
    const cell = make('td', { style: `--level: ${level}`, title: key }, make('span', { class: 'twist' }), name);
    if (buffer) cell.append(' ', make('span', { class: 'note' }, 'buffer'));
    const element = make(
      'tr',
      { 'data-path': `${module.path}:${name}`, tabindex: '-1', 'aria-level': level, class: 'leaf' },
      cell,
      make('td', { class: 'type' }, type),
      make('td'),
      make('td'),
      make('td'),
    );
    element.addEventListener('click', () => this.focus(element));
    return { module: { ...module, children: [], own: [] }, level, element };
  }

  private toggle(path: string): void {
    if (!this.expanded.delete(path)) this.expanded.add(path);
    this.render();
  }

  private choose({ source }: ViewModule): void {
    if (source !== undefined) this.events.onSource(source);
  }

  private focus(element: HTMLElement | undefined): void {
    if (!element) return;
    for (const row of this.rows) row.element.setAttribute('tabindex', '-1');
    element.setAttribute('tabindex', '0');
    element.focus();
  }

  private onKey(event: KeyboardEvent): void {
    const at = this.rows.findIndex(({ element }) => element === document.activeElement);
    const row = this.rows[at];
    if (!row) return;
    const { path, children, own } = row.module;
    const folds = children.length + own.length > 0;
    const open = this.expanded.has(path);
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.focus(this.rows[at + 1]?.element),
      ArrowUp: () => this.focus(this.rows[at - 1]?.element),
      Home: () => this.focus(this.rows[0]?.element),
      End: () => this.focus(this.rows.at(-1)?.element),
      ArrowRight: () => (folds && !open ? this.toggle(path) : this.focus(this.rows[at + 1]?.element)),
      ArrowLeft: () =>
        folds && open
          ? this.toggle(path)
          : this.focus(this.rows.slice(0, at).findLast(({ level }) => level < row.level)?.element),
      Enter: () => this.choose(row.module),
    };
    const move = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined;
    if (!move) return;
    event.preventDefault();
    move();
  }
}
