/** `mdl diff`: what differs between two models, revisions, settings, compiled folders or ONNX files. */
import { writeFileSync } from 'node:fs';
import { type Section, sectionsOf, summarySections } from '../../workbench/diff/sections.ts';
import { compareSides } from '../../workbench/diff/sides.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import type { SettingsOptions } from '../../workbench/model.ts';
import { escapeHtml, renderPage, renderTable } from '../../workbench/page.ts';
import type { Output } from '../output.ts';

interface Options extends SettingsOptions {
  readonly toConfig?: string;
  readonly toSet: readonly string[];
  readonly depth: number;
  readonly entry?: string;
  readonly html?: string;
  /** no operators, no costs by module */
  readonly summary?: boolean;
}

const NO_DIFFERENCE = 'no difference';

export default async function diff(output: Output, [file, other]: readonly string[], options: Options): Promise<void> {
  const { toConfig, toSet, depth, entry, html, summary, ...settings } = options;
  const second = {
    ...settings,
    ...(toConfig === undefined ? {} : { config: toConfig }),
    set: [...(settings.set ?? []), ...toSet],
  };
  const { costs, ...found } = compareSides(
    { file: file!, ...settings },
    { file: other ?? file!, ...second },
    { depth, entry, note: (text) => output.note(text), settings: given(settings), others: given({ toConfig, toSet }) },
  );
  const sections = (summary ? summarySections : sectionsOf)({ ...found, costs });
  if (html !== undefined) writePage(html, `${file} → ${other ?? file}`, sections);
  const texts = sections.map(({ title, lines }) => [title, ...lines.map(({ text }) => `  ${text}`)].join('\n'));
  output.result(texts.length === 0 ? NO_DIFFERENCE : texts.join('\n\n'), { version: 1, ...found, costs });
  if (sectionsOf({ ...found, costs }).length > 0) process.exitCode = 1;
}

/** As they are written: `--to-set`. */
function given(options: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0))
    .map(([name]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
}

/** @throws CliError C0105 */
function writePage(file: string, title: string, sections: readonly Section[]): void {
  const tables = sections.map(
    ({ title: heading, lines }) =>
      `<h2>${escapeHtml(heading)}</h2>\n${renderTable([['', 'before', 'after', ''], ...lines.map(({ cells }) => cells)])}`,
  );
  try {
    writeFileSync(file, renderPage(title, tables.length > 0 ? tables : [`<p>${NO_DIFFERENCE}</p>`]));
  } catch (error) {
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}
