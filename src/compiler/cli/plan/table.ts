/** A report of a plan as text: a row per kind of launch, then the totals. */
import { formatBytes, formatCount } from '../progress.ts';
import type { KernelRow, PlanReport } from './report.ts';

const HEAD = ['×', 'over', 'workgroups', 'FLOPs', 'bytes', 'FLOP/B', 'parameters', 'kernel'];
/** of the last two columns, which are text */
const TEXT = 6;
const MOST_SHAPES = 3;

export function tableOf(report: PlanReport): string {
  const sizes = Object.entries(report.dims).map(([name, size]) => `${name} = ${size}`);
  const { kernels, parameters, lists } = report;
  const rows = [HEAD, ...kernels.map(cells)];
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => (at < TEXT ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
  return [
    `${report.entry} at ${sizes.join(', ') || 'its fixed sizes'}, kernels for ${report.profile === 'gpu' ? 'GPUs' : 'software adapters'}`,
    '',
    ...lines,
    '',
    `dispatches  ${report.dispatches} of ${report.distinct_kernels} kernels`,
    ...lists.map(({ path, counts }) => {
      const each = counts.map(({ items, dispatches }) => `${dispatches} each × ${items}`);
      return `            ${path}: ${each.join(', ')}`;
    }),
    `FLOPs       ${formatNumber(report.flops)}`,
    `bytes       ${formatBytes(report.bytes)}, ${(report.bytes / report.minimum_bytes).toFixed(2)} × the minimum of ${formatBytes(report.minimum_bytes)} (parameters, inputs, caches and outputs once)`,
    `parameters  ${formatCount(parameters.elements)} in ${parameters.tensors} tensors, ${formatBytes(parameters.bytes)}`,
    `memory      ${formatBytes(report.scratch_bytes)} between kernels${report.cache_bytes > 0 ? `, ${formatBytes(report.cache_bytes)} of caches` : ''}`,
  ].join('\n');
}

function cells({ count, label, source, over, parameters, workgroups, flops, bytes }: KernelRow): string[] {
  const shown = parameters.slice(0, MOST_SHAPES).map((shape) => `[${shape.join(', ')}]`);
  const more = parameters.length > MOST_SHAPES ? ` + ${parameters.length - MOST_SHAPES}` : '';
  return [
    String(count),
    over.map((extents) => extents.join('·')).join(' ‖ '),
    workgroups.filter((size) => size !== 1).join('·') || '1',
    formatNumber(flops),
    formatBytes(bytes),
    bytes === 0 ? '' : (flops / bytes).toFixed(2),
    shown.join(' ') + more,
    `${label}${source === '' ? '' : `  ${source}`}`,
  ];
}

/** `512`, `19.7 k`, `3.25 G` */
function formatNumber(value: number): string {
  const units = ['', ' k', ' M', ' G', ' T', ' P'];
  let [size, unit] = [value, 0];
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : size.toPrecision(3)}${units[unit]}`;
}
