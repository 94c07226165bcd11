/** What the model is in a line: parameters and bytes, what the changed settings do to them; entry and sizes in view. */

import type { ViewEntry } from '../../../../src/shared/view.ts';
import { costsByPath, firstSizes, NOTHING, type Sizes } from '../../../../src/viewer/costs.ts';
import { formatBytes, formatNumber } from '../../../../src/viewer/format.ts';
import type { Bench } from '../bench.ts';
import { make } from '../dom.ts';

export function headline(place: HTMLElement, bench: Bench): void {
  const facts = make('p', { class: 'facts', id: 'facts' });
  const controls = make('div', { class: 'bar-line' });
  place.append(facts, controls);
  bench.addEventListener('model', () => {
    const { answer, plain, stale, graph, sizes } = bench;
    place.classList.toggle('stale', stale);
    if (!answer) {
      facts.textContent = stale ? 'The program has errors: see below the text.' : 'reading …';
      controls.replaceChildren();
      return;
    }
    const { view } = answer;
    const [flops, before] = [graph, plain?.view.entries[0]].map((entry) => {
      const cost = entry && costsByPath(entry, sizesFor(entry, sizes)).get('');
      return (cost ?? NOTHING).flops;
    }) as [number, number];
    facts.replaceChildren(
      make('b', {}, view.name),
      fact('parameters', view.parameters, plain?.view.parameters, formatNumber),
      fact('', view.bytes, plain?.view.bytes, formatBytes),
      fact('FLOPs', flops, before, formatNumber),
      ...(stale ? [make('span', { class: 'note' }, 'as it was before the errors')] : []),
    );
    const focused = document.activeElement?.id;
    controls.replaceChildren(...choices(bench));
    if (focused && controls.querySelector(`#${CSS.escape(focused)}`)) document.getElementById(focused)?.focus();
  });
}

/** Another graph may have a dim that the one in view lacks. */
const sizesFor = (entry: ViewEntry, sizes: Sizes): Sizes => new Map([...firstSizes(entry), ...sizes]);

function fact(what: string, now: number, before: number | undefined, format: (value: number) => string): HTMLElement {
  const text = make('span', {}, make('b', {}, format(now)), what === '' ? '' : ` ${what}`);
  if (before !== undefined && before !== now) {
    const more = now > before;
    text.append(
      ' ',
      make('span', { class: more ? 'more' : 'less' }, `${more ? '+' : '−'}${format(Math.abs(now - before))}`),
    );
  }
  return text;
}

function choices(bench: Bench): Node[] {
  const { answer, entry, sizes } = bench;
  const select = make(
    'select',
    { id: 'entry' },
    ...answer!.entries.map((name) => make('option', { value: name }, name)),
  );
  select.value = entry ?? '';
  select.addEventListener('change', () => bench.showEntry(select.value));
  return [
    make('label', { class: 'field' }, 'entry ', select),
    ...[...sizes].map(([name, size]) => {
      const input = make('input', { type: 'number', id: `size-${name}`, min: 0, value: size, class: 'size' });
      input.addEventListener('change', () => {
        if (Number.isSafeInteger(input.valueAsNumber) && input.valueAsNumber >= 0)
          bench.setSize(name, input.valueAsNumber);
      });
      return make('label', { class: 'field' }, `${name} `, input);
    }),
  ];
}
