/** The loss, live: uPlot on a canvas, with a text for those who do not see it, in the colours of the page's theme. */
import './language.ts';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 200; // CSS pixels

export class LossPlot {
  private readonly place: HTMLElement;
  private plot: uPlot | undefined;
  private readonly steps: number[] = [];
  private readonly losses: number[] = [];
  private total = 60;

  constructor(place: HTMLElement) {
    this.place = place;
    place.setAttribute('role', 'img');
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    new ResizeObserver(() => this.resize()).observe(place);
    this.draw();
  }

  /** Begins an empty plot for so many steps. */
  start(total: number): void {
    this.steps.length = 0;
    this.losses.length = 0;
    this.total = total;
    this.draw();
  }

  add(step: number, loss: number): void {
    this.steps.push(step);
    this.losses.push(loss);
    this.plot?.setData([this.steps, this.losses]);
    this.describe();
  }

  private draw(): void {
    this.plot?.destroy();
    const style = getComputedStyle(this.place);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    this.plot = new uPlot(
      {
        width: Math.max(this.place.clientWidth, 100),
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: () => [1, Math.max(this.total, 2)] },
          y: { range: (_, __, max) => [0, Math.max(max || 0, 1) * 1.05] },
        },
        axes: [
          { ...axis, label: 'step', labelSize: 18, size: 30, incrs: [1, 2, 5, 10, 20, 50] },
          { ...axis, label: 'loss', labelSize: 18, size: 40 },
        ],
        series: [{}, { stroke: colour('--accent'), width: 2, points: { show: this.total <= 60, size: 5 } }],
      },
      [this.steps, this.losses],
      this.place,
    );
    this.describe();
  }

  private resize(): void {
    this.plot?.setSize({ width: Math.max(this.place.clientWidth, 100), height: HEIGHT });
  }

  private describe(): void {
    const [first, last] = [this.losses[0], this.losses.at(-1)];
    const text =
      first === undefined || last === undefined
        ? 'loss over training steps: nothing yet'
        : `loss over ${this.steps.length} training steps: from ${first.toFixed(2)} to ${last.toFixed(2)}`;
    this.place.setAttribute('aria-label', text);
  }
}
