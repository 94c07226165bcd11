/** The table of what ran: slowest first, with a bar for its share of the time. */
import { make } from './dom.ts';
import type { Timing } from './engine.ts';

const SHOWN = 40;

function quantity(value: number, unit: string): string {
  const steps = ['', 'k', 'M', 'G', 'T'];
  const power = value < 1 ? 0 : Math.min(steps.length - 1, Math.floor(Math.log10(value) / 3));
  return `${(value / 1000 ** power).toPrecision(3)} ${steps[power]}${unit}`;
}

/** `–` where the backend does not say. */
function rate(amount: number | undefined, ms: number, unit: string): string {
  return amount === undefined || ms === 0 ? '–' : quantity(amount / (ms / 1000), unit);
}

/** @param caption what the numbers are of: `answer: what is this?` */
export function showTimings(table: HTMLTableElement, timings: readonly Timing[], caption: string): void {
  const total = timings.reduce((sum, { ms }) => sum + ms, 0);
  const sorted = timings.toSorted((a, b) => b.ms - a.ms);
  const body = make('tbody');
  for (const { label, origin, runs, ms, flops, bytes } of sorted.slice(0, SHOWN)) {
    const row = body.insertRow();
    const head = make('th', '', label);
    head.scope = 'row';
    head.append(make('span', 'origin', origin));
    row.append(head);
    const cells = [`${runs}`, ms.toFixed(2), rate(flops, ms, 'FLOP/s'), rate(bytes, ms, 'B/s')];
    for (const text of cells) row.append(make('td', 'number', text));
    const share = make('td', 'share');
    const meter = make('meter');
    meter.max = 1;
    meter.value = total === 0 ? 0 : ms / total;
    meter.textContent = `${Math.round(100 * meter.value)} %`;
    meter.setAttribute('aria-label', `share of the time: ${meter.textContent}`);
    share.append(meter);
    row.append(share);
  }
  const rest = sorted.length - SHOWN;
  table.caption!.textContent =
    `${caption}: ${total.toFixed(1)} ms in ${timings.length === 1 ? 'one row' : `${timings.length} rows`}` +
    (rest > 0 ? `, of which the ${SHOWN} slowest are shown` : '');
  table.tBodies[0]!.replaceWith(body);
  table.hidden = timings.length === 0;
}
