/** A difference as sections of lines, for a terminal and for a page. */
import { formatCount } from '../units.ts';
import type { Changed, KeyChange } from './changed.ts';
import type { EntryChange } from './compare.ts';
import type { EntryCosts } from './costs.ts';
import type { FactChange } from './graph.ts';
import type { Difference } from './sides.ts';

/** One thing that differs. */
export interface Line {
  /** as a terminal shows it */
  readonly text: string;
  /** name, before, after and what of it there is more to say */
  readonly cells: readonly [name: string, before: string, after: string, more: string];
}

export interface Section {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** Characters of a value in a line, and those of them before the first that differs. */
const WIDEST = 80;
const CONTEXT = 20;
const MOST_MODULES = 4;

/** What does not differ has no section. */
export function sectionsOf(found: Difference): readonly Section[] {
  const { modules, total, costs } = found;
  const sections: Section[] = [
    { title: 'settings', lines: found.settings.map((one) => textLine(one)) },
    { title: 'parameters', lines: [...modules, ...(modules.length > 0 ? [total] : [])].map(countLine) },
    { title: 'weights, bytes', lines: costs.weights.map(countLine) },
    { title: 'checkpoint keys', lines: found.keys.map(keyLine) },
    { title: 'parameters of both', lines: found.traits.map((one) => textLine(one, times(one))) },
    ...found.entries.map((entry) => ({ title: `entry ${entry.name}`, lines: entryLines(entry) })),
    ...costs.entries.flatMap(costSections),
    { title: 'stages', lines: found.stages.map((one) => textLine(one)) },
    { title: 'recipe', lines: found.recipe.map((one) => textLine(one)) },
    { title: 'layouts', lines: found.layouts.map((one) => textLine(one)) },
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

/** What a model becomes: settings, parameters and totals, and how many keys, without the graphs' operators and costs by module. */
export function summarySections(found: Difference): readonly Section[] {
  const whole = new Set(['settings', 'parameters', 'parameters of both', 'stages', 'recipe', 'layouts']);
  const sections = sectionsOf(found).filter(({ title }) => whole.has(title));
  const graphs = found.entries.map(({ name, nodes }) => countLine({ ...nodes, name: `${name}, nodes` }));
  const costs = found.costs.entries.flatMap(({ name, sizes, flops, activations }) => [
    ...totalLine(`${name}, FLOPs${atSizes(sizes)}`, flops),
    ...totalLine(`${name}, bytes of activations${atSizes(sizes)}`, activations),
  ]);
  const keys = keyCounts(found.keys);
  const summary = [
    { title: 'weights', lines: [...totalLine('bytes', found.costs.weights), ...keys] },
    { title: 'entries', lines: [...graphs, ...costs] },
  ];
  const at = sections.findIndex(({ title }) => !['settings', 'parameters'].includes(title));
  return sections.toSpliced(at < 0 ? sections.length : at, 0, ...summary.filter(({ lines }) => lines.length > 0));
}

function totalLine(name: string, by: readonly Changed<number>[]): Line[] {
  const total = by.at(-1);
  return total ? [countLine({ ...total, name })] : [];
}

/** `keys: 33 added, 2 of another shape` */
function keyCounts(keys: readonly KeyChange[]): Line[] {
  const counted = (some: readonly KeyChange[]): number => some.reduce((sum, { count }) => sum + count, 0);
  const added = counted(keys.filter(({ before }) => before === undefined));
  const gone = counted(keys.filter(({ after }) => after === undefined));
  const changed = counted(keys) - added - gone;
  const parts = Object.entries({ added, gone, 'of another type': changed })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${formatCount(count)} ${what}`);
  return parts.length === 0 ? [] : [{ text: `keys: ${parts.join(', ')}`, cells: ['keys', '', '', parts.join(', ')] }];
}

function textLine({ name, before, after }: Pick<Changed<string>, 'name' | 'before' | 'after'>, more = ''): Line {
  const [one, other] = cut(before ?? '(none)', after ?? '(none)') as [string, string];
  return { text: `${name}: ${one} → ${other}${more}`, cells: [name, one, other, more.trim()] };
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

const times = ({ count }: { readonly count: number }): string => (count > 1 ? ` × ${count}` : '');

function countLine({ name, before = 0, after = 0 }: Changed<number>): Line {
  const difference = after - before;
  const [one, other] = [formatCount(before), formatCount(after)];
  const change = `${difference < 0 ? '−' : '+'}${formatCount(Math.abs(difference))}`;
  return { text: `${name}: ${one} → ${other} (${change})`, cells: [name, one, other, change] };
}

function keyLine(change: KeyChange): Line {
  const { name, before, after } = change;
  const more = times(change);
  const cells: Line['cells'] = [name, before ?? '', after ?? '', more.trim()];
  if (before === undefined) return { text: `+ ${name} ${after}${more}`, cells };
  if (after === undefined) return { text: `- ${name} ${before}${more}`, cells };
  return { text: `~ ${name} ${before} → ${after}${more}`, cells };
}

function entryLines({ nodes, ops, ports, details }: EntryChange): Line[] {
  const counts = ops.length > 0 ? [nodes, ...ops].map(countLine) : [];
  return [...ports.map((one) => textLine(one)), ...counts, ...details.map(detailLine)];
}

function detailLine(change: FactChange): Line {
  const { modules } = change;
  const more = modules.length > MOST_MODULES ? ', …' : '';
  const where = modules.length > 0 ? ` (${modules.slice(0, MOST_MODULES).join(', ')}${more})` : '';
  return textLine(change, `${times(change)}${where}`);
}

function costSections({ name, sizes, flops, activations }: EntryCosts): Section[] {
  const where = `entry ${name}${atSizes(sizes)}`;
  return [
    { title: `FLOPs, ${where}`, lines: flops.map(countLine) },
    { title: `activations, bytes, ${where}`, lines: activations.map(countLine) },
  ];
}

/** ` at B=1, T=64` */
function atSizes(sizes: EntryCosts['sizes']): string {
  const at = Object.entries(sizes).map(([dim, size]) => `${dim}=${size}`);
  return at.length > 0 ? ` at ${at.join(', ')}` : '';
}
