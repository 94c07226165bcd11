/** `mdl diff`: what differs between two models, revisions or settings. */
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import { type Compilation, compile } from '../../index.ts';
import {
  type Changed,
  compareModels,
  type EntryChange,
  isEqual,
  type KeyChange,
} from '../../workbench/diff/compare.ts';
import type { FactChange } from '../../workbench/diff/graph.ts';
import { locateRevision } from '../../workbench/host.ts';
import { type SettingsOptions, settingsOf } from '../../workbench/model.ts';
import { formatCount } from '../../workbench/units.ts';
import type { Output } from '../output.ts';

interface Options extends SettingsOptions {
  readonly toConfig?: string;
  readonly toSet: readonly string[];
  readonly depth: number;
}

/** Characters of a value in a line, and those of them before the first that differs. */
const WIDEST = 80;
const CONTEXT = 20;
const MOST_MODULES = 4;

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
    section('parameters of both', found.traits.map(traitLine)),
    ...found.entries.map((entry) => section(`entry ${entry.name}`, entryLines(entry))),
    section('stages', found.stages.map(textLine)),
    section('recipe', found.recipe.map(textLine)),
    section('layouts', found.layouts.map(textLine)),
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

function textLine({ name, before, after }: Pick<Changed<string>, 'name' | 'before' | 'after'>): string {
  const [one, other] = cut(before ?? '(none)', after ?? '(none)');
  return `${name}: ${one} → ${other}`;
}

/** Long texts from shortly before the first character in which they differ. */
function cut(...texts: readonly [string, string]): string[] {
  const [a, b] = texts;
  const same = Array.from(a).findIndex((character, index) => character !== b[index]);
  const start = Math.max(0, (same < 0 ? a.length : same) - CONTEXT);
  return texts.map((text) => {
    if (text.length <= WIDEST) return text;
    const shown = text.slice(start, start + WIDEST);
    return `${start > 0 ? '…' : ''}${shown}${start + WIDEST < text.length ? '…' : ''}`;
  });
}

function traitLine(change: KeyChange): string {
  return `${textLine(change)}${change.count > 1 ? ` × ${change.count}` : ''}`;
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

function entryLines({ nodes, ops, ports, details }: EntryChange): string[] {
  const counts = ops.length > 0 ? [nodes, ...ops].map(countLine) : [];
  return [...ports.map(textLine), ...counts, ...details.map(detailLine)];
}

function detailLine(change: FactChange): string {
  const { count, modules } = change;
  const more = modules.length > MOST_MODULES ? ', …' : '';
  const where = modules.length > 0 ? ` (${modules.slice(0, MOST_MODULES).join(', ')}${more})` : '';
  return `${textLine(change)}${count > 1 ? ` × ${count}` : ''}${where}`;
}
