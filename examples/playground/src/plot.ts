/** Curves over steps, live: uPlot on a canvas, in the theme's colours, with a text for those who do not see it. */
import '../../browser/src/language.ts';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 200; // CSS pixels
const COLOURS = ['--accent', '--mark'];

export class CurvePlot {
  private readonly place: HTMLElement;
  private readonly names: readonly string[];
  private readonly values: number[][];
  private readonly what: string;
  private steps: number;
  private plot: uPlot | undefined;

  /** @param what the curves are of: `loss` */
  constructor(place: HTMLElement, what: string, names: readonly string[], steps: number) {
    this.place = place;
    this.what = what;
    this.names = names;
    this.steps = steps;
    this.values = names.map(() => []);
    place.setAttribute('role', 'img');
    place.replaceChildren();
    new ResizeObserver(() => this.plot?.setSize({ width: this.width, height: HEIGHT })).observe(place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    this.draw();
  }

  /** The next value of a curve. */
  add(curve: number, value: number): void {
    this.values[curve]!.push(value);
    this.plot?.setData(this.data);
    this.describe();
  }

  private get width(): number {
    return Math.max(this.place.clientWidth, 100);
  }

  private get data(): uPlot.AlignedData {
    const length = Math.max(...this.values.map((values) => values.length));
    const steps = Array.from({ length }, (_, index) => index + 1);
    return [steps, ...this.values.map((values) => steps.map((_, index) => values[index] ?? null))];
  }

  private draw(): void {
    this.plot?.destroy();
    const style = getComputedStyle(this.place);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    this.plot = new uPlot(
      {
        width: this.width,
        height: HEIGHT,
        legend: { show: this.names.length > 1, live: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: () => [1, Math.max(this.steps, 2)] },
          y: { range: (_, min, max) => [Math.min(0, min ?? 0), Math.max(max ?? 0, 1e-9) * 1.05] },
        },
        axes: [
          { ...axis, label: 'step', labelSize: 18, size: 30, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
          { ...axis, label: this.what, labelSize: 18, size: 44 },
        ],
        series: [
          {},
          ...this.names.map((label, index) => ({
            label,
            stroke: colour(COLOURS[index % COLOURS.length]!),
            width: 2,
            points: { show: this.steps <= 60, size: 4 },
          })),
        ],
      },
      this.data,
      this.place,
    );
    this.describe();
  }

  private describe(): void {
    const curves = this.names.map((name, index) => {
      const values = this.values[index]!;
      const [first, last] = [values[0], values.at(-1)];
      if (first === undefined || last === undefined) return `${name}: nothing yet`;
      return `${name}: from ${first.toPrecision(3)} to ${last.toPrecision(3)} over ${values.length} steps`;
    });
    this.place.setAttribute('aria-label', `${this.what} by step; ${curves.join('; ')}`);
  }
}
