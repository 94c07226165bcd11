/** A report of a plan as text: a row per kind of launch, then the totals. */
import { formatBytes, formatCount } from '../units.ts';
import type { KernelRow, PlanReport } from './report.ts';

interface Column {
  readonly head: string;
  /** numbers are to the right */
  readonly text?: true;
  cell(row: KernelRow): string;
}

const MOST_SHAPES = 3;

const COUNT: Column = { head: '×', cell: ({ count }) => String(count) };
const OVER: Column = {
  head: 'over',
  cell: ({ over }) => over.map((extents) => extents.join('·')).join(' ‖ '),
};
const FLOPS: Column = { head: 'FLOPs', cell: ({ flops }) => formatNumber(flops) };
const BYTES: Column = { head: 'bytes', cell: ({ bytes }) => formatBytes(bytes) };
const KERNEL: Column = {
  head: 'kernel',
  text: true,
  cell: ({ label, source }) => `${label}${source === '' ? '' : `  ${source}`}`,
};

const PLANNED: readonly Column[] = [
  COUNT,
  OVER,
  { head: 'workgroups', cell: ({ workgroups }) => workgroups.filter((size) => size !== 1).join('·') || '1' },
  FLOPS,
  BYTES,
  { head: 'FLOP/B', cell: ({ flops, bytes }) => (bytes === 0 ? '' : (flops / bytes).toFixed(2)) },
  {
    head: 'parameters',
    text: true,
    cell: ({ parameters }) => {
      const shown = parameters.slice(0, MOST_SHAPES).map((shape) => `[${shape.join(', ')}]`);
      return shown.join(' ') + (parameters.length > MOST_SHAPES ? ` + ${parameters.length - MOST_SHAPES}` : '');
    },
  },
  KERNEL,
];

const MEASURED: readonly Column[] = [
  COUNT,
  OVER,
  FLOPS,
  BYTES,
  { head: 'ms', cell: ({ measured }) => formatDigits(measured!.ms) },
  { head: 'GFLOP/s', cell: ({ flops, measured }) => formatRate(flops, measured!.ms) },
  { head: 'GB/s', cell: ({ bytes, measured }) => formatRate(bytes, measured!.ms) },
  { head: 'of limit', cell: ({ measured }) => formatPart(measured!.of_limit) },
  KERNEL,
];

export function tableOf(report: PlanReport): string {
  const sizes = Object.entries(report.dims).map(([name, size]) => `${name} = ${size}`);
  const { kernels, parameters, lists, measured } = report;
  const columns = measured ? MEASURED : PLANNED;
  const rows = [columns.map(({ head }) => head), ...kernels.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => (columns[at]!.text ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
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
    ...(measured ? measuredLines(measured) : []),
  ].join('\n');
}

function measuredLines({ adapter, limits, ms, limit_ms }: NonNullable<PlanReport['measured']>): string[] {
  return [
    `time        ${formatDigits(ms)} ms on ${adapter}, each launch alone; ${formatPart(limit_ms / ms)} of what its limits allow`,
    `limits      ${formatDigits(limits.gflops)} GFLOP/s (a product by hand), ${formatDigits(limits.gigabytes_per_second)} GB/s (a copy), ${formatDigits(1000 * limits.dispatch_ms)} µs a dispatch`,
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

/** Three digits or, of a large number, all before the point. */
const formatDigits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const formatPart = (part: number): string => `${(100 * part).toFixed(0)} %`;
/** 10⁹ a second. */
export const formatRate = (amount: number, ms: number): string => (ms > 0 ? (amount / ms / 1e6).toFixed(2) : '–');
