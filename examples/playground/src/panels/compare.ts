/** Two settings of one program side by side: parameters, bytes, operations; and the losses of both from the same seed. */
import type { StepRecord } from 'mdl-compiler/runtime';
import { costsByPath, NOTHING } from '../../../../src/viewer/costs.ts';
import { formatBytes, formatNumber } from '../../../../src/viewer/format.ts';
import type { Bench } from '../bench.ts';
import { button, make, reasonOf } from '../dom.ts';
import type { Snapshot } from '../project.ts';
import type { ModelAnswer } from '../protocol.ts';
import { type Running, start } from '../run/job.ts';
import type { Panel } from '../tabs.ts';
import type { WeightsField } from './form.ts';
import { Learning } from './learning.ts';
import { TrainForm } from './train-form.ts';

type Settings = Pick<Snapshot, 'config' | 'set'>;

export function comparePanel(bench: Bench, weights: WeightsField): Panel {
  const table = make('div', { class: 'scroll' });
  const names = make('p', { class: 'note' });
  const hold = button('Hold these settings as A', () => {
    const { config, set } = bench.project.snapshot();
    held = { config, set: { ...set } };
    void draw();
  });
  const form = new TrainForm(bench, weights);
  const go = button('Train both', () => void train(), { class: 'main' });
  const stop = button('Stop', () => running?.stop(), { hidden: true });
  const status = make('span', { class: 'note', role: 'status' });
  const learning = new Learning('compare-');
  const ends = make('div', { class: 'scroll' });
  const element = make(
    'div',
    {},
    make('div', { class: 'bar-line' }, hold),
    names,
    table,
    make(
      'details',
      {},
      make('summary', {}, 'Losses of both, from one seed'),
      form.element,
      make('div', { class: 'bar-line' }, go, stop, status),
      learning.element,
      ends,
    ),
  );
  /** A; the file's own settings until others are held */
  let held: Settings | undefined;
  let running: Running | undefined;
  let turn = 0;
  bench.project.addEventListener('load', () => {
    held = undefined;
  });

  const settingsOfA = (): Settings => held ?? { config: bench.project.config, set: {} };

  const draw = async (): Promise<void> => {
    const { answer, entry, project } = bench;
    if (!answer) return;
    const mine = ++turn;
    const a = settingsOfA();
    names.replaceChildren(make('b', {}, 'A'), ` ${textOf(a)}   `, make('b', {}, 'B'), ` ${textOf(project.snapshot())}`);
    try {
      const choice = { ...(a.config === undefined ? {} : { config: a.config }), set: a.set ?? {} };
      const other = await bench.model(choice, entry);
      if (mine !== turn) return;
      table.replaceChildren(
        other ? tableOf(other, answer, bench) : make('p', { class: 'note' }, 'the program has errors under A'),
      );
    } catch (error) {
      if (mine === turn) table.replaceChildren(make('p', { class: 'trouble' }, reasonOf(error)));
    }
  };

  const train = async (): Promise<void> => {
    go.disabled = true;
    stop.hidden = false;
    try {
      const settings = form.value();
      ends.replaceChildren();
      await learning.begin(['A', 'B'], settings.steps);
      const results: Result[] = [];
      const now = bench.project.snapshot();
      const sides: readonly Snapshot[] = [{ ...now, ...settingsOfA() }, now];
      for (const [index, project] of sides.entries()) {
        const side = index === 0 ? 'A' : 'B';
        const records: StepRecord[] = [];
        running = start(
          { kind: 'train', project, ...settings },
          {
            onNote: (text) => status.replaceChildren(`${side}: ${text}`),
            onStep: (record) => {
              const { step, loss } = record;
              learning.step(index, record);
              records.push(record);
              status.textContent = `${side}: step ${step} of ${settings.steps}, loss ${loss.toFixed(4)}`;
            },
          },
        );
        const began = performance.now();
        const ended = await running.done;
        results.push({ records, seconds: (performance.now() - began) / 1000 });
        if (ended.kind === 'trained') status.textContent = `${side}: ${ended.steps} steps on ${ended.backend}`;
      }
      learning.end();
      ends.replaceChildren(endsOf(results));
    } catch (error) {
      status.textContent = reasonOf(error);
    } finally {
      go.disabled = false;
      stop.hidden = true;
    }
  };

  return {
    name: 'Compare',
    element,
    update() {
      form.update();
      go.disabled = bench.stale || !form.possible || !stop.hidden;
      void draw();
    },
  };
}

interface Result {
  readonly records: readonly StepRecord[];
  /** compiling included */
  readonly seconds: number;
}

/** Where both sides ended. */
function endsOf(results: readonly Result[]): HTMLElement {
  const lines: readonly (readonly [string, (result: Result) => string])[] = [
    ['loss, first step', ({ records }) => records[0]?.loss.toPrecision(4) ?? '–'],
    ['loss, mean of the last tenth', ({ records }) => lastLoss(records).toPrecision(4)],
    ['steps', ({ records }) => String(records.length)],
    ['seconds, compiling included', ({ seconds }) => seconds.toFixed(1)],
  ];
  return make(
    'table',
    { id: 'ends' },
    headOf(['', 'A', 'B']),
    make(
      'tbody',
      {},
      ...lines.map(([name, value]) =>
        make(
          'tr',
          {},
          make('th', { scope: 'row' }, name),
          ...results.map((result) => make('td', { class: 'number' }, value(result))),
        ),
      ),
    ),
  );
}

function lastLoss(records: readonly StepRecord[]): number {
  const last = records.slice(-Math.max(1, Math.round(records.length / 10)));
  return last.reduce((sum, { loss }) => sum + loss, 0) / last.length;
}

const headOf = (names: readonly string[]): HTMLElement =>
  make(
    'thead',
    {},
    make(
      'tr',
      {},
      ...names.map((text, column) => make('th', { scope: 'col', class: column > 0 ? 'number' : '' }, text)),
    ),
  );

function textOf({ config, set = {} }: Settings): string {
  const parts = [
    ...(config === undefined ? [] : [`config ${config}`]),
    ...Object.entries(set).map(([name, value]) => `${name}=${value}`),
  ];
  return parts.join(', ') || 'as in the file';
}

function tableOf(a: ModelAnswer, b: ModelAnswer, { sizes }: Bench): HTMLElement {
  const flops = ({ view }: ModelAnswer): { flops: number; activations: number; nodes: number } =>
    view.entries[0] ? (costsByPath(view.entries[0], sizes).get('') ?? NOTHING) : NOTHING;
  const [costA, costB] = [flops(a), flops(b)];
  const lines: readonly (readonly [string, number, number, (value: number) => string])[] = [
    ['parameters', a.view.parameters, b.view.parameters, formatNumber],
    ['weights', a.view.bytes, b.view.bytes, formatBytes],
    ['FLOPs', costA.flops, costB.flops, formatNumber],
    ['activations', costA.activations, costB.activations, formatBytes],
    ['nodes', costA.nodes, costB.nodes, formatNumber],
    ...modules(a, b).map(([name, x, y]) => [name, x, y, formatNumber] as const),
  ];
  return make(
    'table',
    { id: 'compared' },
    headOf(['', 'A', 'B', 'B − A']),
    make(
      'tbody',
      {},
      ...lines.map(([name, x, y, format]) =>
        make(
          'tr',
          {},
          make('th', { scope: 'row' }, name),
          make('td', { class: 'number' }, format(x)),
          make('td', { class: 'number' }, format(y)),
          make('td', { class: `number ${y > x ? 'more' : y < x ? 'less' : 'note'}` }, change(x, y, format)),
        ),
      ),
    ),
  );
}

function change(a: number, b: number, format: (value: number) => string): string {
  if (a === b) return '=';
  const share = a === 0 ? '' : ` (${b > a ? '+' : '−'}${((100 * Math.abs(b - a)) / a).toPrecision(2)} %)`;
  return `${b > a ? '+' : '−'}${format(Math.abs(b - a))}${share}`;
}

/** Parameters of modules of the first level that differ. */
function modules(a: ModelAnswer, b: ModelAnswer): (readonly [string, number, number])[] {
  const counts = ({ view }: ModelAnswer): Map<string, number> =>
    new Map(view.tree.children.map(({ label, parameters }) => [label, parameters]));
  const [before, after] = [counts(a), counts(b)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => [`parameters of ${name}`, before.get(name) ?? 0, after.get(name) ?? 0] as const)
    .filter(([, x, y]) => x !== y);
}
