/** The table of what ran: slowest first, with a bar for its share of the time. */
import { byId, make } from './dom.ts';
import type { Timing } from './timings.ts';

/** Rows; what remains is one more. */
const SHOWN = 16;
const table = byId('timings', HTMLTableElement);
const hint = byId('timings-hint', HTMLParagraphElement);

function quantity(value: number, unit: string): string {
  const steps = ['', 'k', 'M', 'G', 'T'];
  const power = value < 1 ? 0 : Math.min(steps.length - 1, Math.floor(Math.log10(value) / 3));
  return `${(value / 1000 ** power).toPrecision(3)} ${steps[power]}${unit}`;
}

/** `–` where the backend does not say. */
function rate(amount: number | undefined, ms: number, unit: string): string {
  return amount === undefined || ms === 0 ? '–' : quantity(amount / (ms / 1000), unit);
}

/** All that the table has no room for, as a row; none of none. */
function summed(rest: readonly Timing[]): Timing[] {
  if (rest.length === 0) return [];
  const sum = (of: (timing: Timing) => number): number => rest.reduce((total, timing) => total + of(timing), 0);
  return [
    {
      label: `${rest.length} more`,
      origin: `none above ${rest[0]!.ms.toFixed(2)} ms`,
      runs: sum(({ runs }) => runs),
      ms: sum(({ ms }) => ms),
      flops: sum(({ flops = 0 }) => flops),
      bytes: sum(({ bytes = 0 }) => bytes),
    },
  ];
}

interface Shown {
  readonly rows: readonly Timing[];
  /** what there is to know of the times */
  readonly note: string;
}

/** @param caption what the numbers are of: `answer: what is this?` */
export function showTimings({ rows: timings, note }: Shown, caption: string): void {
  const total = timings.reduce((sum, { ms }) => sum + ms, 0);
  const sorted = timings.toSorted((a, b) => b.ms - a.ms);
  const rest = sorted.slice(SHOWN);
  const body = make('tbody');
  for (const { label, origin, runs, ms, flops, bytes } of [...sorted.slice(0, SHOWN), ...summed(rest)]) {
    const row = body.insertRow();
    const head = make('th', '', label);
    head.scope = 'row';
    head.append(make('span', 'origin', origin));
    head.title = `${label}\n${origin}`; // long ones are cut
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
  table.caption!.textContent = `${caption}: ${total.toFixed(1)} ms`;
  table.tBodies[0]!.replaceWith(body);
  table.hidden = timings.length === 0;
  hint.textContent = note;
}
