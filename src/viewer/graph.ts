/**
 * The graph of an entry as boxes and arrows. Modules fold and unfold; a chosen node tells what it is and where it stands in
 * the source. Arrow keys move along edges, Enter chooses or unfolds. The layout library is loaded with the first graph.
 */
import type { ViewEntry, ViewNode } from '../shared/view.ts';
import { button, make, svg } from './dom.ts';
import { type Box, type Folded, firstOpen, foldGraph } from './fold.ts';
import type { Placed } from './layout.ts';

export interface GraphEvents {
  onSource(source: string): void;
}

const HEIGHT = 40;
/** of a module that is open, for its name */
const HEAD = 14;
/** of a character of 12px, about */
const CHARACTER = 6.7;
const [NARROWEST, WIDEST] = [84, 300];
/** Boxes that are laid out at once, in a second or two: with 300 the page would stand still for five. */
const MOST_BOXES = 160;
const SMALLEST = 0.6;

export class GraphView {
  private readonly events: GraphEvents;
  private readonly canvas = make('div', { class: 'graph-canvas', tabindex: '-1' });
  private readonly detail = make('div', { class: 'graph-detail', role: 'status' });
  private readonly note = make('span', { class: 'note' });
  private entry: ViewEntry | undefined;
  private expanded = new Set<string>();
  private folded: Folded | undefined;
  private zoom = 1;
  private marked: string | undefined;
  /** layouts come in the order in which they were asked for */
  private turn = 0;

  constructor(parent: HTMLElement, events: GraphEvents) {
    this.events = events;
    const bar = make(
      'div',
      { class: 'bar-line' },
      button('Unfold all', () => this.open(new Set(this.entry?.nodes.flatMap(({ path }) => prefixes(path))))),
      button('Fold all', () => this.open(new Set())),
      button('−', () => this.scale(1 / 1.25), { 'aria-label': 'smaller' }),
      button('+', () => this.scale(1.25), { 'aria-label': 'larger' }),
      this.note,
    );
    parent.append(bar, this.canvas, this.detail);
    this.canvas.addEventListener('keydown', (event) => this.onKey(event));
  }

  /** What was open stays open in the next graph. */
  async show(entry: ViewEntry): Promise<void> {
    const first = this.entry === undefined || this.entry.name !== entry.name;
    this.entry = entry;
    if (first) this.expanded = new Set(firstOpen(entry));
    await this.render(first);
  }

  /** Marks what a line of the source became. @param line `models/phi-2.mdl:42`; undefined: nothing */
  mark(line: string | undefined): void {
    this.marked = line;
    for (const element of this.canvas.querySelectorAll<SVGElement>('[data-box]')) {
      const box = this.folded?.boxes.find(({ id }) => id === element.dataset.box);
      element.classList.toggle('here', box !== undefined && this.isFrom(box, line));
    }
  }

  private isFrom({ nodes }: Box, line: string | undefined): boolean {
    if (line === undefined) return false;
    return nodes.some((index) => this.entry!.nodes[index]!.source?.startsWith(`${line}:`) === true);
  }

  /** Opens these modules; fewer are asked for where they have too many boxes. */
  private open(expanded: Set<string>): void {
    const more = expanded.size > this.expanded.size;
    if (more && this.entry && foldGraph(this.entry, expanded).boxes.length > MOST_BOXES) {
      this.note.textContent = `more than ${MOST_BOXES} boxes: fold other modules first`;
      return;
    }
    this.expanded = expanded;
    void this.render();
  }

  /** @param fit chooses the size so that the width is seen, unless it would be too small to read */
  private async render(fit = false): Promise<void> {
    const { entry } = this;
    if (!entry) return;
    const turn = ++this.turn;
    const folded = foldGraph(entry, this.expanded);
    const { placeGraph } = await import('./layout.ts');
    if (turn !== this.turn) return;
    const titles = new Map(folded.boxes.map((box) => [box.id, titleOf(box, entry)]));
    const widthOf = (id: string): number => {
      const [title, type] = titles.get(id)!;
      return Math.min(Math.max(CHARACTER * Math.max(title.length, type.length) + 20, NARROWEST), WIDEST);
    };
    const placed = placeGraph(folded, widthOf, HEIGHT);
    const focused = this.canvas.contains(document.activeElement)
      ? (document.activeElement as SVGElement).dataset.box
      : undefined;
    this.folded = folded;
    if (fit) this.zoom = Math.min(Math.max((this.canvas.clientWidth - 4) / placed.width, SMALLEST), 1);
    this.note.textContent = `${entry.nodes.length} nodes, ${folded.boxes.length} boxes`;
    this.canvas.replaceChildren(this.draw(folded, placed, titles));
    this.mark(this.marked);
    if (focused !== undefined) this.focus(focused);
  }

  private draw(folded: Folded, placed: Placed, titles: ReadonlyMap<string, readonly [string, string]>): SVGSVGElement {
    const arrow = svg(
      'marker',
      { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' },
      svg('path', { d: 'M0 0 8 4 0 8z' }),
    );
    const picture = svg(
      'svg',
      {
        class: 'graph',
        viewBox: `0 0 ${placed.width} ${placed.height}`,
        width: placed.width * this.zoom,
        height: placed.height * this.zoom,
        role: 'group',
        'aria-label': `graph of ${this.entry!.name}`,
      },
      svg('defs', {}, arrow),
    );
    // outer modules lie below inner ones
    for (const [path, inner] of [...placed.modules].sort(([a], [b]) => a.length - b.length)) {
      const rect = { ...inner, y: inner.y - HEAD, height: inner.height + HEAD };
      const fold = (): void => this.open(new Set([...this.expanded].filter((one) => one !== path)));
      const head = svg('text', { x: rect.x + 8, y: rect.y + 13 }, `▾ ${path}`);
      const group = svg('g', { class: 'open-module' }, svg('rect', { ...rect, rx: 10 }), head);
      act(group, `fold ${path}`, fold);
      picture.append(group);
    }
    for (const { points } of placed.edges)
      picture.append(svg('path', { class: 'edge', d: curve(points), 'marker-end': 'url(#arrow)' }));
    for (const box of folded.boxes) {
      const rect = placed.boxes.get(box.id)!;
      const [title, type] = titles.get(box.id)!;
      const group = svg(
        'g',
        { class: `box ${box.kind}`, 'data-box': box.id },
        svg('rect', { ...rect, rx: box.kind === 'op' ? 5 : HEIGHT / 2 }),
        svg('text', { x: rect.x + rect.width / 2, y: rect.y + 17 }, short(title)),
        svg('text', { class: 'type', x: rect.x + rect.width / 2, y: rect.y + 32 }, short(type)),
      );
      act(group, `${title}, ${type}`, () => this.choose(box));
      picture.append(group);
    }
    return picture;
  }

  private choose(box: Box): void {
    if (box.kind === 'module') {
      this.open(new Set([...this.expanded, box.path]));
      return;
    }
    const node = this.entry!.nodes[box.nodes[0]!]!;
    this.detail.replaceChildren(...describe(node));
    if (node.source !== undefined) this.events.onSource(node.source);
  }

  private scale(by: number): void {
    this.zoom = Math.min(Math.max(this.zoom * by, 0.2), 3);
    const picture = this.canvas.querySelector('svg');
    const [, , width = 0, height = 0] = picture?.getAttribute('viewBox')?.split(' ').map(Number) ?? [];
    picture?.setAttribute('width', String(width * this.zoom));
    picture?.setAttribute('height', String(height * this.zoom));
  }

  private onKey(event: KeyboardEvent): void {
    const id = (document.activeElement as SVGElement | null)?.dataset.box;
    const { edges } = this.folded ?? { edges: [] };
    if (id === undefined || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return;
    const down = event.key === 'ArrowDown';
    const next = edges.find((edge) => (down ? edge.from : edge.to) === id);
    if (!next) return;
    event.preventDefault();
    this.focus(down ? next.to : next.from);
  }

  private focus(id: string): void {
    [...this.canvas.querySelectorAll<SVGElement>('[data-box]')].find(({ dataset }) => dataset.box === id)?.focus();
  }
}

function act(element: SVGElement, label: string, work: () => void): void {
  element.setAttribute('tabindex', '0');
  element.setAttribute('role', 'button');
  element.setAttribute('aria-label', label);
  element.addEventListener('click', work);
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    work();
  });
}

/** What stands in a box: its name, and its type or what is inside. */
function titleOf({ kind, path, nodes, inside }: Box, entry: ViewEntry): readonly [string, string] {
  const name = path.slice(path.lastIndexOf('.') + 1);
  if (kind === 'module') {
    const numbered = /^\d+$/.test(name) ? path.split('.').slice(-2).join('.') : name;
    return [`▸ ${numbered}`, `${nodes.length} nodes → ${entry.nodes[nodes.at(-1)!]!.type}`];
  }
  const { label, type } = entry.nodes[nodes[0]!]!;
  // a module of a single node has its name there
  return [kind === 'op' && inside !== path ? `${label} · ${name}` : label, type];
}

function describe({ label, path, source, type, detail }: ViewNode): readonly HTMLElement[] {
  const place = [path, source].filter((text) => text !== undefined && text !== '').join('  ');
  return [
    make('b', {}, `${label} → ${type}`),
    make('div', { class: 'note' }, place),
    ...detail.map((line) => make('div', {}, line)),
  ];
}

const MOST_CHARACTERS = Math.floor((WIDEST - 16) / CHARACTER);
const short = (text: string): string =>
  text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;

function prefixes(path: string): readonly string[] {
  const parts = path === '' ? [] : path.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

/** A smooth line through the points: quadratic pieces between their middles. */
function curve(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points;
  if (!first || rest.length === 0) return '';
  const pieces = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1]!;
    const end = index === rest.length - 2 ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x} ${point.y} ${end.x} ${end.y}`;
  });
  const last = rest.at(-1)!;
  return `M${first.x} ${first.y}${pieces.length > 0 ? pieces.join('') : `L${last.x} ${last.y}`}`;
}
