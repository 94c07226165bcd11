/**
 * A run as one HTML page: loss, learning rate and gradient norms by layer, drawn as SVG from the log. Self-contained:
 * no script, no font and no picture from elsewhere, so it opens anywhere and can be mailed.
 */
import { writeFile } from 'node:fs/promises';
import type { EventRecord, LogRecord, StepRecord } from '../../runtime/train/index.ts';
import { cliError, reasonOf } from './errors.ts';
import { readLog } from './training/log.ts';

export interface Series {
  readonly name: string;
  /** (x, y) in order of x; gaps where y is not finite */
  readonly points: readonly (readonly [number, number])[];
}

export interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
  /** a logarithmic y axis; values of 0 and below are left out */
  readonly logarithmic?: boolean;
  /** x where a new stage begins, with its name */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
}

/** @throws CliError C0104, C0207 for the log, C0105 for the report */
export async function writeReport(log: string, file: string, title: string): Promise<void> {
  const html = renderReport(title, readLog(log));
  await writeFile(file, html).catch((error: unknown) => {
    throw cliError('C0105', { file, reason: reasonOf(error) }, [], error);
  });
}

const isStep = (record: LogRecord): record is StepRecord => 'loss' in record;

export function renderReport(title: string, records: readonly LogRecord[]): string {
  const steps = records.filter(isStep);
  const events = records.filter((record): record is EventRecord => !isStep(record));
  // stages follow one another on the x axis
  const marks: { x: number; label: string }[] = [];
  const at = steps.map((record, x) => {
    if (record.stage !== steps[x - 1]?.stage) marks.push({ x, label: record.stage });
    return x;
  });
  const series = (name: string, value: (record: StepRecord) => number | undefined): Series => ({
    name,
    points: steps.map((record, x) => [at[x]!, Number(value(record) ?? Number.NaN)] as const),
  });
  const layers = [...new Set(steps.flatMap((record) => Object.keys(record.layers)))];
  const charts: Chart[] = [
    { title: 'loss', series: [series('loss', ({ loss }) => loss)], marks },
    { title: 'learning rate', series: [series('lr', ({ lr }) => lr)], marks },
    { title: 'gradient norm', series: [series('all', ({ grad_norm }) => grad_norm)], logarithmic: true, marks },
    {
      title: 'gradient norm by layer',
      series: layers.map((layer) => series(layer, (record) => record.layers[layer]?.norm)),
      logarithmic: true,
      marks,
    },
    { title: 'tokens per second', series: [series('tokens/s', ({ tokens_per_second }) => tokens_per_second)], marks },
  ];
  const rows = summaryRows(steps).map(
    (cells) => `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`,
  );
  const notes = events.map(
    ({ stage, step, event, detail }) => `<li>${escapeHtml(`${stage}, step ${step}: ${event}: ${detail}`)}</li>`,
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}: training</title>
<style>
body { font: 14px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left } svg { width: 100%; height: auto } h2 { font-size: 1rem; margin: 1.5rem 0 .2rem }
.legend { font-size: 12px; columns: 3 } .legend span { display: inline-block; width: 1em; height: .6em; margin-right: .4em }
</style>
<h1>${escapeHtml(title)}</h1>
<table><tr><th>stage</th><th>steps</th><th>first loss</th><th>last loss</th><th>seconds</th><th>feed</th><th>forward + backward</th><th>update</th></tr>
${rows.join('\n')}
</table>
${notes.length > 0 ? `<h2>events</h2>\n<ul>${notes.join('\n')}</ul>` : ''}
${charts.map(renderChart).join('\n')}
</html>
`;
}

function summaryRows(steps: readonly StepRecord[]): string[][] {
  const stages = [...new Set(steps.map(({ stage }) => stage))];
  return stages.map((stage) => {
    const own = steps.filter((record) => record.stage === stage);
    const total = (part: keyof StepRecord['seconds']): number =>
      own.reduce((sum, { seconds }) => sum + seconds[part], 0);
    const [feed, step, update] = [total('feed'), total('step'), total('update')];
    const losses = [own[0]!, own.at(-1)!].map(({ loss }) => Number(loss).toFixed(4));
    return [
      stage,
      String(own.length),
      ...losses,
      ...[feed + step + update, feed, step, update].map((seconds) => seconds.toFixed(1)),
    ];
  });
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [900, 260, 70, 24, 10];
/** Points of one line at most: more than pixels would only make the file large. */
const MOST_POINTS = 1200;

export function renderChart({ title, series, logarithmic = false, marks = [] }: Chart): string {
  const scaled = (y: number): number => (logarithmic ? Math.log10(y) : y);
  const lines = series.map(({ name, points }) => ({
    name,
    points: thin(points.map(([x, y]) => [x, scaled(y)] as const)).filter(([, y]) => Number.isFinite(y)),
  }));
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return `<h2>${escapeHtml(title)}</h2>\n<p>nothing to draw</p>`;
  const [low, high] = extent(all.map(([, y]) => y));
  const [first, last] = extent(all.map(([x]) => x));
  const px = (x: number): number => LEFT + ((x - first) / (last - first || 1)) * (WIDTH - LEFT - 10);
  const py = (y: number): number => HEIGHT - BOTTOM - ((y - low) / (high - low || 1)) * (HEIGHT - BOTTOM - TOP);
  const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  const grid = ticks.map((y) => {
    const value = logarithmic ? 10 ** y : y;
    return `<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${fix(py(y))}" y2="${fix(py(y))}" stroke="#eee"/><text x="${LEFT - 6}" y="${fix(py(y) + 4)}" text-anchor="end">${format(value)}</text>`;
  });
  const stages = marks.map(
    ({ x, label }) =>
      `<line x1="${fix(px(x))}" x2="${fix(px(x))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#bbb" stroke-dasharray="3 3"/><text x="${fix(px(x) + 3)}" y="${HEIGHT - 8}">${escapeHtml(label)}</text>`,
  );
  const paths = lines.map(
    ({ points }, index) =>
      `<polyline fill="none" stroke="${colour(index, lines.length)}" stroke-width="1.4" points="${points.map(([x, y]) => `${fix(px(x))},${fix(py(y))}`).join(' ')}"/>`,
  );
  const legend =
    lines.length > 1
      ? `\n<div class="legend">${lines.map(({ name }, index) => `<div><span style="background:${colour(index, lines.length)}"></span>${escapeHtml(name)}</div>`).join('')}</div>`
      : '';
  return `<h2>${escapeHtml(title)}</h2>\n<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" font-size="11" fill="#555" role="img" aria-label="${escapeHtml(title)}">\n${[...grid, ...stages, ...paths].join('\n')}\n</svg>${legend}`;
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

const fix = (x: number): string => x.toFixed(1);
const colour = (index: number, count: number): string =>
  `hsl(${Math.round((index * 360) / Math.max(count, 1))} 65% 42%)`;

function format(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
