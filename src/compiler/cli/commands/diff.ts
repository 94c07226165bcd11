/** `mdl diff`: what differs between two models, revisions or settings. */
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import { type Compilation, compile } from '../../index.ts';
import { type Changed, compareModels, type EntryChange, isEqual, type KeyChange } from '../diff/compare.ts';
import { locateRevision } from '../host.ts';
import { type SettingsOptions, settingsOf } from '../model.ts';
import type { Output } from '../output.ts';
import { formatCount } from '../progress.ts';

interface Options extends SettingsOptions {
  readonly toConfig?: string;
  readonly toSet: readonly string[];
  readonly depth: number;
}

export default async function diff(output: Output, [file, other]: readonly string[], options: Options): Promise<void> {
  const a = load(file!, options);
  const b = load(other ?? file!, {
    ...options,
    ...(options.toConfig === undefined ? {} : { config: options.toConfig }),
    set: [...(options.set ?? []), ...options.toSet],
  });
  const found = compareModels(a.model, b.model, options.depth);
  // graphs are traced to be compared, which finds the mistakes in bodies
  for (const { compilation } of [a, b])
    if (compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const sections = [
    section('settings', found.settings.map(textLine)),
    section('parameters', [...found.modules, ...(found.modules.length > 0 ? [found.total] : [])].map(countLine)),
    section('checkpoint keys', found.keys.map(keyLine)),
    ...found.entries.map((entry) => section(`entry ${entry.name}`, entryLines(entry))),
  ].filter((text) => text !== '');
  output.result(sections.length === 0 ? 'no difference' : sections.join('\n\n'), { version: 1, ...found });
  if (!isEqual(found)) process.exitCode = 1;
}

function load(file: string, options: SettingsOptions): { model: Model; compilation: Compilation } {
  const { path, host } = locateRevision(file);
  const compilation = compile(path, host, settingsOf(options));
  const { model } = compilation;
  if (!model) throw new DiagnosticError(compilation.diagnostics());
  return { model, compilation };
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`)].join('\n');
}

function textLine({ name, before, after }: Changed<string>): string {
  return `${name}: ${before ?? '(none)'} → ${after ?? '(none)'}`;
}

function countLine({ name, before = 0, after = 0 }: Changed<number>): string {
  const change = after - before;
  return `${name}: ${formatCount(before)} → ${formatCount(after)} (${change < 0 ? '−' : '+'}${formatCount(Math.abs(change))})`;
}

function keyLine({ name, before, after, count }: KeyChange): string {
  const times = count > 1 ? ` × ${count}` : '';
  if (before === undefined) return `+ ${name} ${after}${times}`;
  return after === undefined ? `- ${name} ${before}${times}` : `~ ${name} ${before} → ${after}${times}`;
}

function entryLines({ nodes, ops, ports }: EntryChange): string[] {
  const counts = ops.length > 0 ? [nodes, ...ops].map(countLine) : [];
  return [...ports.map(textLine), ...counts];
}
