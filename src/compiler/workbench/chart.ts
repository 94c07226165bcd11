/**
 * Curves as SVG. The plot stretches to the page's width while its labels, which are HTML, keep their size: a chart is as
 * readable on a phone as on a desk.
 */
import { escapeHtml } from './page.ts';

export interface Series {
  readonly name: string;
  /** (x, y) in order of x; gaps where y is not finite */
  readonly points: readonly (readonly [number, number])[];
}

export interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
  /** what the axes are; `step` and the title when absent */
  readonly x?: string;
  readonly y?: string;
  /** a logarithmic y axis; values of 0 and below are left out */
  readonly logarithmic?: boolean;
  /** x where a new stage begins, with its name */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
  /** all names that charts of the page have, in order: a name keeps its colour from chart to chart */
  readonly names?: readonly string[];
}

/** The plot, in units of the drawing. */
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 890, 10, 236];
/** Points of one line at most: more than pixels would only make the file large. */
const MOST_POINTS = 1200;
const X_TICKS = 5;

export function renderChart({ title, series, x, y, logarithmic = false, marks = [], names }: Chart): string {
  const scaled = (value: number): number => (logarithmic ? Math.log10(value) : value);
  const lines = series.map(({ name, points }) => ({
    name,
    points: thin(points.map(([at, value]) => [at, scaled(value)] as const)).filter(([, value]) =>
      Number.isFinite(value),
    ),
  }));
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return `<h2>${escapeHtml(title)}</h2>\n<p>nothing to draw</p>`;
  const [low, high] = extent(all.map(([, value]) => value));
  const [first, last] = extent(all.map(([at]) => at));
  const across = (at: number): number => (at - first) / (last - first || 1);
  const down = (value: number): number => 1 - (value - low) / (high - low || 1);
  const px = (at: number): string => fix(LEFT + across(at) * (RIGHT - LEFT));
  const py = (value: number): string => fix(TOP + down(value) * (BOTTOM - TOP));
  const label = (of: string, style: string, text: string): string =>
    `<span class="${of}" style="${style}">${escapeHtml(text)}</span>`;
  const ticks = Array.from({ length: high > low ? 5 : 1 }, (_, i) => low + ((high - low) * i) / 4);
  const grid = ticks.map((value) => line(LEFT, RIGHT, py(value), py(value), 'stroke="#eee"'));
  const yLabels = ticks.map((value) =>
    label('y', `top:${fix(100 * down(value))}%`, format(logarithmic ? 10 ** value : value)),
  );
  const xLabels = steps(first, last).map((at) => label('x', `left:${fix(100 * across(at))}%`, format(at)));
  const stages = marks.map(({ x: at }) => line(px(at), px(at), TOP, BOTTOM, 'stroke="#bbb" stroke-dasharray="3 3"'));
  const stageLabels = marks.map(({ x: at, label: text }) => label('mark', `left:${fix(100 * across(at))}%`, text));
  const colour = (name: string): string => colourOf(name, names ?? lines.map((each) => each.name));
  const paths = lines.map(
    ({ name, points }) =>
      `<polyline fill="none" stroke="${colour(name)}" stroke-width="1.4" vector-effect="non-scaling-stroke" points="${points.map(([at, value]) => `${px(at)},${py(value)}`).join(' ')}"/>`,
  );
  const legend = lines.map(
    ({ name }) => `<div><span style="background:${colour(name)}"></span>${escapeHtml(name)}</div>`,
  );
  const text = escapeHtml(title);
  return `<h2>${text}</h2>
<div class="axis">${escapeHtml(y ?? title)}${logarithmic ? ' (logarithmic)' : ''}</div>
<div class="plot"><svg viewBox="${LEFT} ${TOP} ${RIGHT - LEFT} ${BOTTOM - TOP}" preserveAspectRatio="none" role="img" aria-label="${text}">
${[...grid, ...stages, ...paths].join('\n')}
</svg>${[...yLabels, ...xLabels, ...stageLabels].join('')}</div>
<div class="axis x">${escapeHtml(x ?? 'step')}</div>${lines.length > 1 ? `\n<div class="legend">${legend.join('')}</div>` : ''}`;
}

function line(
  x1: number | string,
  x2: number | string,
  y1: number | string,
  y2: number | string,
  style: string,
): string {
  return `<line x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}" vector-effect="non-scaling-stroke" ${style}/>`;
}

/** Round numbers of an axis that counts. */
function steps(first: number, last: number): number[] {
  const span = last - first;
  if (span <= 0) return [first];
  const size = 10 ** Math.floor(Math.log10(span / X_TICKS));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * size).find((each) => span / each <= X_TICKS) ?? size);
  const start = Math.ceil(first / step) * step;
  return Array.from({ length: Math.floor((last - start) / step) + 1 }, (_, i) => start + i * step);
}

/** Every n-th point, the last one included. */
function thin<T>(points: readonly T[]): readonly T[] {
  const every = Math.ceil(points.length / MOST_POINTS);
  return every <= 1 ? points : points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

const fix = (value: number): string => value.toFixed(1);

/** Told apart by most eyes (Okabe and Ito 2008); past them around the circle by the golden angle. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];

function colourOf(name: string, names: readonly string[]): string {
  const index = Math.max(names.indexOf(name), 0);
  return COLOURS[index] ?? `hsl(${Math.round((index * 137.5) % 360)} 65% 42%)`;
}

function format(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}
