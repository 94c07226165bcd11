/** The progress of an ablation: a table that is drawn over itself on a terminal, a line per finished cell elsewhere. */

import type { CellRecord } from '../../../runtime/train/index.ts';
import type { Watch } from '../../workbench/ablation/run.ts';
import { cellText, finalLoss, type Layout, summarise } from '../../workbench/ablation/summary.ts';
import type { Variant } from '../../workbench/ablation/variants.ts';
import type { Output } from '../output.ts';

/** What the table draws on. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Milliseconds between two drawings. */
const INTERVAL = 200;

/** Columns of equal width, the first to the left, the others to the right. */
export function alignTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('   ')
      .trimEnd(),
  );
}

export function watchTable(layout: Layout, output: Output, screen: Screen = process.stderr): Watch {
  if (output.quiet || output.json) return { step: () => {}, finished: () => {} };
  return screen.isTTY === true ? liveTable(layout, screen) : lines(layout, output);
}

function lines({ variants, stages, seeds, last, metric }: Layout, output: Output): Watch {
  const cells = variants.length * stages.length * seeds.length;
  return {
    step: () => {},
    finished: (record, records, kept) => {
      const label = variants.find(({ id }) => id === record.variant)?.label ?? record.variant;
      const what = kept
        ? `${describe(record, last, metric)} (kept)`
        : `${describe(record, last, metric)}, ${record.seconds.toFixed(1)} s`;
      output.note(`[${records.length}/${cells}] ${label}, seed ${record.seed}, ${record.stage}: ${what}`);
    },
  };
}

function describe(record: CellRecord, last: number, metric: Layout['metric']): string {
  if (record.outcome === 'nothing') return 'nothing to train';
  if (record.outcome !== 'trained') return `${record.outcome.replace('_', '-')}: ${record.detail}`;
  const vanishes = record.events.some(({ event }) => event === 'vanishing') ? ', a gradient vanishes' : '';
  const judged = metric && record.looks?.at(-1)?.validation[metric.name];
  const shown = judged === undefined ? '' : `, held-out ${metric!.name} ${judged.toFixed(4)}`;
  return `loss ${finalLoss(record, last)?.toFixed(4) ?? '–'}${shown}${vanishes}`;
}

function liveTable(layout: Layout, screen: Screen): Watch {
  let records: readonly CellRecord[] = [];
  let drawn = 0;
  let last = 0;
  const draw = (running?: { variant: Variant; seed: number; stage: string; steps: string }): void => {
    last = performance.now();
    const cells = summarise(records, layout);
    const rows = [
      ['variant', ...layout.stages],
      ...layout.variants.map((variant) => [
        variant.label,
        ...cells
          .filter((cell) => cell.variant === variant.id)
          .map((cell) => {
            const now = running?.variant === variant && running.stage === cell.stage;
            return now
              ? `seed ${running.seed}, ${running.steps}`
              : cellText(cell, layout.metric ? cell.metric : cell.loss);
          }),
      ]),
    ];
    const text = alignTable(rows).map((line) => `\x1b[2K${line.slice(0, (screen.columns || 120) - 1)}\n`);
    screen.write(`${drawn > 0 ? `\x1b[${drawn}A` : ''}${text.join('')}`);
    drawn = rows.length;
  };
  return {
    step: (variant, seed, stage, done, steps) => {
      if (performance.now() - last >= INTERVAL) draw({ variant, seed, stage, steps: `${done}/${steps}` });
    },
    finished: (_, all) => {
      records = [...all];
      draw();
    },
  };
}

/** Both, in order. */
export function watchAll(...watches: readonly Watch[]): Watch {
  return {
    step: (...args) => {
      for (const watch of watches) watch.step(...args);
    },
    finished: async (...args) => {
      for (const watch of watches) await watch.finished(...args);
    },
  };
}
