/** A progress bar of one line that fits its terminal: the numbers stay, the bar gives way. */
import type { Options, Params } from 'cli-progress';

export interface ProgressText {
  /** what is going on, at the start of the line */
  readonly label: string;
  /** numbers in order of importance: the last ones go first where there is no room */
  readonly fields: readonly string[];
}

const [LEAST_BAR, MOST_BAR] = [8, 40];

/**
 * `stage1 [====    ] 12/40 | loss 1.2 | ETA 3s`, of fewer characters than `columns`.
 * @param share done, 0 … 1
 */
export function progressLine({ label, fields }: ProgressText, share: number, columns: number): string {
  const room = columns - 1;
  let kept = [...fields];
  const text = (): string => [label, kept.join(' | ')].filter((part) => part !== '').join(' ');
  while (kept.length > 1 && text().length > room) kept = kept.slice(0, -1);
  const bar = Math.min(MOST_BAR, room - text().length - ' []'.length);
  if (kept.length < fields.length || bar < LEAST_BAR) return text().slice(0, Math.max(room, 0));
  const filled = Math.round(Math.min(Math.max(share, 0), 1) * bar);
  return `${label} [${'='.repeat(filled)}${' '.repeat(bar - filled)}] ${kept.join(' | ')}`;
}

/** `5s`, `1m05s`, `2h03m`; `–` while it is not known. */
function timeText(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const whole = Math.round(seconds);
  const two = (count: number): string => String(count).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}m${two(whole % 60)}s` : `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
}

/** The same as a format of cli-progress. @param describe the text, with the time left in words */
export function barFormat<P>(
  describe: (payload: P, params: Params, left: string) => ProgressText,
  columns: () => number | undefined = () => process.stderr.columns,
): NonNullable<Options['format']> {
  return (_, params, payload: P) =>
    progressLine(describe(payload, params, timeText(Number(params.eta))), params.progress, columns() || 80);
}
