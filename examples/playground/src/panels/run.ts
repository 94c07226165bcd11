/** Runs the entry in view: on numbers of a seed, numbers that are typed, a text's bytes, or a picture. */
import { formatNumber } from '../../../../src/viewer/format.ts';
import type { Bench } from '../bench.ts';
import { button, make, reasonOf } from '../dom.ts';
import { type Running, start } from '../run/job.ts';
import type { BackendChoice, InputChoice, Output } from '../run/protocol.ts';
import type { Panel } from '../tabs.ts';
import { backendSelect, row, type WeightsField } from './form.ts';

type Kind = 'random' | 'all' | 'values' | 'text' | 'picture';
const KINDS: Readonly<Record<Kind, string>> = {
  random: 'random, from the seed',
  all: 'one number everywhere',
  values: 'numbers',
  text: 'bytes of a text',
  picture: 'a picture',
};

export function runPanel(bench: Bench, weights: WeightsField): Panel {
  const inputs = make('div', { class: 'form' });
  const backend = backendSelect();
  const go = button('Run', () => void run(), { class: 'main' });
  const cancel = button('Cancel', () => running?.cancel(), { hidden: true });
  const status = make('span', { class: 'note', role: 'status' });
  const results = make('div', { class: 'results' });
  const settings = make('div', { class: 'form' }, ...row('on', backend));
  const place = make('div', { class: 'wide' });
  settings.append(make('span', {}, 'weights'), place);
  const element = make('div', {}, inputs, settings, make('div', { class: 'bar-line' }, go, cancel, status), results);
  let fields: readonly Field[] = [];
  let running: Running | undefined;
  let drawn = '';

  const run = async (): Promise<void> => {
    const { project, entry, sizes } = bench;
    if (entry === undefined) return;
    go.disabled = true;
    cancel.hidden = false;
    results.replaceChildren();
    try {
      const chosen: Record<string, InputChoice> = {};
      const given = new Map(sizes);
      for (const field of fields) chosen[field.name] = await field.choice(given);
      running = start(
        {
          kind: 'run',
          project: project.snapshot(),
          backend: backend.value as BackendChoice,
          weights: weights.value,
          entry,
          sizes: Object.fromEntries(given),
          inputs: chosen,
        },
        { onNote: (text) => status.replaceChildren(text) },
      );
      const ended = await running.done;
      if (ended.kind !== 'ran') return;
      status.textContent = `${ended.milliseconds.toFixed(1)} ms on ${ended.backend}`;
      results.replaceChildren(...ended.outputs.map(outputOf));
    } catch (error) {
      status.textContent = '';
      results.replaceChildren(make('p', { class: 'trouble' }, reasonOf(error)));
    } finally {
      go.disabled = false;
      cancel.hidden = true;
    }
  };

  return {
    name: 'Run',
    element,
    update() {
      place.replaceChildren(weights.element);
      const ports = bench.graph?.nodes.filter(({ kind }) => kind === 'input') ?? [];
      const now = JSON.stringify([bench.entry, ports.map(({ label, type }) => [label, type])]);
      go.disabled = bench.stale || ports.length === 0;
      if (now === drawn) return;
      drawn = now;
      fields = ports.map(({ label, type }) => new Field(label, type));
      inputs.replaceChildren(...fields.flatMap(({ elements }) => elements));
    },
  };
}

/** How one input is filled. */
class Field {
  readonly name: string;
  readonly elements: readonly HTMLElement[];
  private readonly kind: HTMLSelectElement;
  private readonly text = make('input', { type: 'text', hidden: true });
  private readonly file = make('input', { type: 'file', accept: 'image/*', hidden: true });
  /** names of its dims, as in its type */
  private readonly dims: readonly string[];

  constructor(name: string, type: string) {
    this.name = name;
    this.dims = /\[(.*)\]/.exec(type)?.[1]?.split(', ') ?? [];
    const kinds: Kind[] = ['random', 'all', 'values'];
    if (type.startsWith('i64')) kinds.push('text');
    if (this.dims.length === 4 && this.dims[1] === '3') kinds.push('picture');
    this.kind = make('select', {}, ...kinds.map((kind) => make('option', { value: kind }, KINDS[kind])));
    this.kind.addEventListener('change', () => {
      this.text.hidden = !['all', 'values', 'text'].includes(this.kind.value);
      this.file.hidden = this.kind.value !== 'picture';
    });
    for (const input of [this.text, this.file]) input.setAttribute('aria-label', `${name}: value`);
    const [label, select] = row(name, this.kind) as [HTMLElement, HTMLElement];
    label.append(' ', make('span', { class: 'type' }, type));
    this.elements = [label, make('div', { class: 'bar-line' }, select, this.text, this.file)];
  }

  /** @param sizes of the entry's dims, which a text has one of: its length */
  async choice(sizes: Map<string, number>): Promise<InputChoice> {
    const kind = this.kind.value as Kind;
    switch (kind) {
      case 'random':
        return { kind };
      case 'all':
        return { kind, value: Number(this.text.value || 0) };
      case 'values': {
        const values = this.text.value
          .split(/[\s,;[\]]+/)
          .filter((part) => part !== '')
          .map(Number);
        if (values.some(Number.isNaN)) throw new Error(`${this.name}: numbers with commas or spaces between them`);
        return { kind, values };
      }
      case 'text': {
        const values = [...new TextEncoder().encode(this.text.value)];
        const last = this.dims.at(-1)!;
        if (sizes.has(last)) sizes.set(last, values.length);
        return { kind: 'values', values };
      }
      case 'picture': {
        const [picture] = this.file.files ?? [];
        if (!picture) throw new Error(`${this.name}: choose a picture`);
        return { kind, bytes: new Uint8Array(await picture.arrayBuffer()) };
      }
      default:
        return kind satisfies never;
    }
  }
}

/** Numbers of an output as bars, with what they are in words. */
function outputOf({ name, type, mean, min, max, nonFinite, first }: Output): HTMLElement {
  const largest = Math.max(...first.map(Math.abs), 1e-30);
  const bars = first.map((value) =>
    make('span', {
      class: value < 0 ? 'stick below' : 'stick',
      style: `--size: ${Number.isFinite(value) ? ((100 * Math.abs(value)) / largest).toFixed(1) : 100}%`,
      title: String(value),
    }),
  );
  const shown = (value: number): string => (Number.isInteger(value) ? formatNumber(value) : value.toPrecision(4));
  const facts = `mean ${shown(mean)}, from ${shown(min)} to ${shown(max)}`;
  const bad = nonFinite > 0 ? make('b', { class: 'error' }, ` ${nonFinite} NaN or infinite`) : '';
  const numbers = first.map((value) => (Number.isInteger(value) ? String(value) : value.toPrecision(5))).join('  ');
  return make(
    'figure',
    { class: 'output' },
    make(
      'figcaption',
      {},
      make('b', {}, name),
      ' ',
      make('span', { class: 'type' }, type),
      ' ',
      make('span', { class: 'note' }, facts),
      bad,
    ),
    ...(bars.length > 1 ? [make('div', { class: 'sticks', 'aria-hidden': 'true' }, ...bars)] : []),
    make('pre', { tabindex: '0', 'aria-label': `first numbers of ${name}` }, numbers),
  );
}
