/** A training under way, drawn: losses and gradient norms by step, norms by layer, what they say. One curve for each side that is compared. */
import type { StepRecord } from 'mdl-compiler/runtime';
import { make } from '../dom.ts';
import { gradientFindings } from '../gradients.ts';
import type { CurvePlot } from '../plot.ts';

/** Steps between two drawings of the table. */
const EVERY = 5;

export class Learning {
  readonly element: HTMLElement;
  private readonly losses = make('div', { class: 'plot', id: 'loss-plot' });
  private readonly norms = make('div', { class: 'plot', id: 'norm-plot' });
  private readonly findings = make('ul', { class: 'findings', 'aria-label': 'what the gradients say' });
  private readonly table = make('div', { class: 'scroll' });
  private plots: readonly CurvePlot[] = [];
  private records: StepRecord[][] = [];
  private sides: readonly string[] = [];

  /** @param prefix of ids, where two of them are in a page */
  constructor(prefix = '') {
    for (const plot of [this.losses, this.norms]) plot.id = prefix + plot.id;
    this.element = make('div', {}, make('div', { class: 'plots' }, this.losses, this.norms), this.findings, this.table);
  }

  /** @param sides names of what is trained one after the other */
  async begin(sides: readonly string[], steps: number): Promise<void> {
    const { CurvePlot } = await import('../plot.ts');
    this.sides = sides;
    this.records = sides.map(() => []);
    this.findings.replaceChildren();
    this.table.replaceChildren();
    this.plots = [
      new CurvePlot(this.losses, 'loss', sides, steps),
      new CurvePlot(this.norms, 'gradient norm', sides, steps),
    ];
  }

  step(side: number, record: StepRecord): void {
    this.records[side]!.push(record);
    this.plots[0]!.add(side, record.loss);
    this.plots[1]!.add(side, record.grad_norm);
    if (record.step === 1 || record.step % EVERY === 0) this.table.replaceChildren(this.layers());
  }

  end(): void {
    const found = this.records.flatMap((records, side) =>
      gradientFindings(records).map(({ bad, text }) => {
        const name = this.sides.length > 1 ? `${this.sides[side]}: ` : '';
        return make('li', { class: bad ? 'error' : 'note' }, `${name}gradients: ${text}`);
      }),
    );
    this.findings.replaceChildren(...found);
    this.table.replaceChildren(this.layers());
  }

  /** Norm of the gradient by layer, as bars; of both sides side by side. */
  private layers(): HTMLElement {
    const last = this.records.map((records) => records.at(-1));
    const names = [...new Set(last.flatMap((record) => Object.keys(record?.layers ?? {})))];
    const norm = (record: StepRecord | undefined, name: string): number | undefined => record?.layers[name]?.norm;
    const all = last.flatMap((record) => names.map((name) => norm(record, name) ?? 0)).filter(Number.isFinite);
    const largest = Math.max(...all, 1e-30);
    const cell = (value: number | undefined): HTMLElement =>
      make(
        'td',
        { class: 'number bar', style: `--share: ${((100 * (value ?? 0)) / largest).toFixed(1)}%` },
        value === undefined ? '–' : value.toPrecision(3),
      );
    const several = this.sides.length > 1;
    const step = Math.max(...last.map((record) => record?.step ?? 0));
    return make(
      'table',
      {},
      make('caption', {}, `gradient norm by layer, step ${step}`),
      ...(several
        ? [make('thead', {}, make('tr', {}, ...['', ...this.sides].map((side) => make('th', { scope: 'col' }, side))))]
        : []),
      make(
        'tbody',
        {},
        ...names.map((name) =>
          make('tr', {}, make('th', { scope: 'row' }, name), ...last.map((record) => cell(norm(record, name)))),
        ),
      ),
    );
  }
}
