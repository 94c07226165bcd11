/** `mdl weights`: what files of weights hold, tensor by tensor; with --diff how two of them differ, with --layout how a model reads them. */
import { basename } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../../../runtime/index.ts';
import { cliError } from '../../workbench/errors.ts';
import type { SettingsOptions } from '../../workbench/model.ts';
import { formatBytes, formatCount } from '../../workbench/units.ts';
import { type Comparison, compare, isEqual } from '../../workbench/weights/compare.ts';
import { numbersOf, type Statistics, statisticsOf } from '../../workbench/weights/numbers.ts';
import type { Output } from '../output.ts';
import { columns, cut, oneLine } from '../table.ts';
import { showLayout } from '../weights-layout.ts';

interface Options extends SettingsOptions {
  /** a model whose keys the files are read as */
  readonly layout?: string;
  readonly diff?: boolean;
  readonly tolerance?: number;
  /** false: only what headers say */
  readonly norms: boolean;
}

export default async function weights(output: Output, files: readonly string[], options: Options): Promise<void> {
  if (options.layout !== undefined) return showLayout(output, files, options.layout, options);
  if (options.diff) return diff(output, files, options.tolerance ?? 0);
  const listings: Listing[] = [];
  for (const file of files) {
    const checkpoint = await openCheckpoint(file);
    try {
      listings.push(await listingOf(output, file, checkpoint, options.norms));
    } finally {
      await checkpoint.close();
    }
  }
  output.result(listings.map(textOf).join('\n\n'), { files: listings });
}

interface Row extends Partial<Statistics> {
  readonly key: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** of several files the one that has it */
  readonly file: string;
}

interface Listing {
  readonly path: string;
  readonly formats: readonly string[];
  readonly files: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly Row[];
  readonly bytes: number;
}

async function listingOf(output: Output, path: string, checkpoint: Checkpoint, norms: boolean): Promise<Listing> {
  const bytes = [...checkpoint.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bar = output.progress('reading', norms ? bytes : 0);
  const tensors: Row[] = [];
  let done = 0;
  try {
    for (const [key, { dtype, encoding, shape, byteLength }] of checkpoint.tensors) {
      const numbers = norms ? await statisticsOf(numbersOf(checkpoint, key)) : {};
      const file = checkpoint.fileOf(key).name;
      tensors.push({ key, dtype: encoding ?? dtype, shape, bytes: byteLength, file, ...numbers });
      done += byteLength;
      bar.update(done);
    }
  } finally {
    bar.stop();
  }
  const { files } = checkpoint;
  return {
    path,
    formats: [...new Set(files.map(({ format }) => format))],
    files: files.map(({ name }) => name),
    // pairs and not an assignment: `__proto__` must stay a name
    metadata: Object.fromEntries(files.flatMap(({ metadata }) => [...metadata])),
    tensors,
    bytes,
  };
}

function textOf({ path, formats, files, metadata, tensors, bytes }: Listing): string {
  const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((all, n) => all * n, 1), 0);
  const notes = Object.entries(metadata).map(([key, value]) => `  ${key} = ${oneLine(value)}`);
  const several = files.length > 1;
  const head = ['key', 'dtype', 'shape', 'bytes', 'L2 norm', 'max |x|', 'not finite', ...(several ? ['file'] : [])];
  const rows = tensors.map(({ key, dtype, shape, bytes: size, l2, max, nan, infinite, file }) => [
    oneLine(key, 120),
    dtype,
    `[${shape.join(', ')}]`,
    formatBytes(size),
    numberText(l2),
    numberText(max),
    nan === undefined || infinite === undefined
      ? ''
      : [nan && `${nan} NaN`, infinite && `${infinite} ∞`].filter(Boolean).join(', ') || '0',
    ...(several ? [basename(file)] : []),
  ]);
  const total = `${path}: ${formats.join(', ')}, ${counted(tensors.length, 'tensor')}, ${counted(elements, 'element')}, ${formatBytes(bytes)} as they are read`;
  return [total, ...cut(notes), ...columns([head, ...rows])].join('\n');
}

async function diff(output: Output, files: readonly string[], tolerance: number): Promise<void> {
  const [first, second] = files;
  if (files.length !== 2 || first === undefined || second === undefined)
    throw cliError('diff_of_two', { found: files.length });
  const opened: Checkpoint[] = [];
  try {
    for (const file of [first, second]) opened.push(await openCheckpoint(file));
    const [a, b] = opened as [Checkpoint, Checkpoint];
    const bytes = [...a.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const bar = output.progress('comparing', bytes);
    const comparison = await compare(a, b, tolerance, (done) => bar.update(done)).finally(() => bar.stop());
    const equal = isEqual(comparison);
    output.result(diffText(first, second, comparison), { a: first, b: second, equal, ...comparison });
    if (!equal) process.exitCode = 1;
  } finally {
    for (const checkpoint of opened) await checkpoint.close();
  }
}

function diffText(a: string, b: string, { only_a, only_b, shapes, dtypes, numbers, same }: Comparison): string {
  const head = ['numbers differ', 'elements', 'of', 'first at', 'max |a − b|', 'relative error'];
  const rows = numbers.map(({ key, elements, size, first, max, relative }) => [
    oneLine(key, 120),
    String(elements),
    String(size),
    String(first),
    numberText(max),
    numberText(relative),
  ]);
  const lines = [
    ...cut(only_a.map((key) => `only in ${a}: ${oneLine(key, 120)}`)),
    ...cut(only_b.map((key) => `only in ${b}: ${oneLine(key, 120)}`)),
    ...cut(
      shapes.map(
        ({ key, a: mine, b: other }) =>
          `shapes differ: ${oneLine(key, 120)} [${mine.join(', ')}] and [${other.join(', ')}]`,
      ),
    ),
    ...cut(dtypes.map(({ key, a: mine, b: other }) => `stored as ${mine} and ${other}: ${oneLine(key, 120)}`)),
    ...(rows.length > 0 ? cut(columns([head, ...rows])) : []),
  ];
  return [...lines, `${counted(same, 'tensor')} ${same === 1 ? 'is' : 'are'} the same`].join('\n');
}

const counted = (count: number, what: string): string => `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;

function numberText(value: number | undefined): string {
  if (value === undefined) return '';
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toPrecision(5).replace(/\.?0+(?=e|$)/, '');
}
