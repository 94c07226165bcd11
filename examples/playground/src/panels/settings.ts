/** The config, flags as switches and values as sliders. What differs from the file is marked, and can be put back. */
import type { ConfigValue } from '../../../../src/shared/artifact.ts';
import type { Bench } from '../bench.ts';
import { button, make } from '../dom.ts';
import type { SettingValue } from '../project.ts';

export function settingsPanel(place: HTMLElement, bench: Bench): void {
  let drawn = '';
  const open = new Set<string>();
  const render = (): void => {
    const { answer, plain, project, misfit } = bench;
    if (misfit) {
      drawn = '';
      const again = button('As in the file', () => project.chooseNothing());
      place.replaceChildren(make('p', { class: 'note' }, 'What is chosen does not fit the text any more.'), again);
      return;
    }
    if (!answer) {
      place.replaceChildren(make('p', { class: 'note' }, bench.stale ? 'once the program has no errors' : 'reading …'));
      drawn = '';
      return;
    }
    // drawn again only when something else is to be seen: a slider that is held stays
    const now = JSON.stringify([answer.config, answer.settings, [...project.set], plain?.config]);
    if (now === drawn) return;
    drawn = now;
    const focused = place.contains(document.activeElement) ? document.activeElement?.id : undefined;
    place.replaceChildren(...content(bench, answer, open));
    if (focused) document.getElementById(focused)?.focus();
  };
  bench.addEventListener('model', render);
}

function content({ project, plain }: Bench, answer: NonNullable<Bench['answer']>, open: Set<string>): Node[] {
  const { settings, config } = answer;
  const parts: Node[] = [];
  if (settings.configs.length > 0) {
    const select = make(
      'select',
      { id: 'config' },
      ...settings.configs.map((name) => make('option', { value: name }, name)),
    );
    select.value = settings.config ?? '';
    select.addEventListener('change', () => project.choose(select.value));
    parts.push(make('label', { class: 'field' }, 'config ', select));
  }
  for (const { name, doc, value } of settings.flags) {
    const box = make('input', {
      type: 'checkbox',
      role: 'switch',
      id: `flag-${name}`,
      'aria-describedby': `doc-${name}`,
    });
    box.checked = value;
    const first = plain?.settings.flags.find((flag) => flag.name === name)?.value;
    box.addEventListener('change', () => project.setValue(name, box.checked === first ? undefined : box.checked));
    const label = make('label', { for: box.id }, name);
    parts.push(
      make(
        'div',
        { class: project.set.has(name) ? 'flag changed' : 'flag' },
        box,
        label,
        make('small', { id: `doc-${name}` }, doc),
      ),
    );
  }
  parts.push(...valuesOf(config, '', project, open, plain?.config));
  if (project.set.size > 0) parts.push(button('As in the file', () => reset(project), { class: 'quiet' }));
  return parts;
}

function reset(project: Bench['project']): void {
  project.set.clear();
  project.dispatchEvent(new Event('settings'));
}

type Values = { readonly [name: string]: ConfigValue };

const isRecord = (value: ConfigValue | undefined): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Records fold; single values have a control. Lists are shown only: they are written in the file. */
function valuesOf(values: Values, path: string, project: Bench['project'], open: Set<string>, plain?: Values): Node[] {
  const single = Object.entries(values).filter(([, value]) => !isRecord(value));
  const records = Object.entries(values).filter((pair): pair is [string, Values] => isRecord(pair[1]));
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  return [
    ...single.flatMap(([name, value]) => control(at(name), value, plain?.[name], project)),
    ...records.map(([name, inner]) => {
      const innerPlain = plain?.[name];
      const body = valuesOf(inner, at(name), project, open, isRecord(innerPlain) ? innerPlain : undefined);
      const changed = [...project.set.keys()].some((key) => key.startsWith(`${at(name)}.`));
      const details = make('details', { open: open.has(at(name)) || changed }, make('summary', {}, name), ...body);
      details.addEventListener('toggle', () => {
        if (details.open) open.add(at(name));
        else open.delete(at(name));
      });
      return details;
    }),
  ];
}

function control(path: string, value: ConfigValue, first: ConfigValue | undefined, project: Bench['project']): Node[] {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const id = `set-${path}`;
  const put = (fresh: SettingValue): void => project.setValue(path, fresh === first ? undefined : fresh);
  const row = (...controls: readonly Node[]): HTMLElement =>
    make(
      'div',
      { class: project.set.has(path) ? 'value changed' : 'value' },
      make('label', { for: id, title: path }, name),
      ...controls,
    );
  if (typeof value === 'boolean') {
    const box = make('input', { type: 'checkbox', role: 'switch', id });
    box.checked = value;
    box.addEventListener('change', () => put(box.checked));
    return [row(box)];
  }
  if (typeof value === 'string') {
    const text = make('input', { type: 'text', id, value });
    text.addEventListener('change', () => put(text.value));
    return [row(text)];
  }
  if (typeof value !== 'number') return [row(make('output', { id, class: 'note' }, JSON.stringify(value)))];
  const number = make('input', { type: 'number', id, value, step: 'any' });
  number.addEventListener('change', () => {
    if (Number.isFinite(number.valueAsNumber)) put(number.valueAsNumber);
  });
  const start = typeof first === 'number' ? first : value;
  if (!Number.isInteger(start) || start < 1) return [row(number)];
  const slider = make('input', {
    type: 'range',
    ...rangeOf(start),
    value,
    'aria-label': path,
  });
  slider.addEventListener('input', () => {
    number.value = slider.value;
  });
  slider.addEventListener('change', () => put(slider.valueAsNumber));
  return [row(number, slider)];
}

/** A size that is a multiple of 8 (4, 2) moves in such steps, so that heads go on to divide it. */
function rangeOf(first: number): { readonly min: number; readonly max: number; readonly step: number } {
  const step = first > 8 ? ([8, 4, 2].find((size) => first % size === 0) ?? 1) : 1;
  return { min: step, max: Math.max(4 * first, 8), step };
}
