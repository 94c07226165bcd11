/** `mdl weights FILES --layout MODEL`: how the files would be read into the model. */
import type { FileReading, KeyReading, LayoutReport } from '../workbench/layouts/report.ts';
import { layoutReport } from '../workbench/layouts/report.ts';
import { loadModel, type SettingsOptions } from '../workbench/model.ts';
import type { Output } from './output.ts';
import { columns, cut, oneLine } from './table.ts';

/** Exit code 1 where a key of the model is missing, or one of a file is known to nobody. */
export async function showLayout(
  output: Output,
  files: readonly string[],
  model: string,
  settings: SettingsOptions,
): Promise<void> {
  const report = await layoutReport(loadModel(model, settings, output).model, files);
  const complete = report.missing.length === 0 && report.files.every(({ unknown }) => unknown.length === 0);
  output.result(textOf(report, model), { model, complete, ...report });
  if (!complete) process.exitCode = 1;
}

function textOf({ files, initial, missing }: LayoutReport, model: string): string {
  return [
    ...files.map(fileText),
    ...keyList('as initialised, since no file has it and a layout says so', initial),
    ...keyList('missing: no file has it', missing),
    missing.length === 0
      ? `every key of ${model} has its numbers`
      : `${missing.length} keys of ${model} have no numbers`,
  ].join('\n');
}

function fileText({ path, layout, overlay, keys, aliases, unused, unknown }: FileReading): string {
  const how =
    layout === 'own' ? "the model's own keys" : `layout ${layout}${overlay ? ', over the files before it' : ''}`;
  const rows = keys.map((key) => [
    oneLine(key.key, 120),
    `→ ${key.into.map((into) => oneLine(into, 120)).join(', ')}`,
    note(key),
  ]);
  return [
    `${path}: ${how}, ${keys.length} ${keys.length === 1 ? 'tensor' : 'tensors'}`,
    ...(rows.length === 0 ? [] : cut(columns(rows).map((line) => `  ${line}`))),
    ...cut(aliases.map(([alias, of]) => `  ${oneLine(alias, 120)} shares the tensor of ${oneLine(of, 120)}`)),
    ...keyList('not used by the model', unused),
    ...keyList('left over: known to nobody', unknown),
  ].join('\n');
}

function note({ part, turned, into }: KeyReading): string {
  const parts = [
    ...(part ? [`${part[0]} of ${part[1]}`] : []),
    ...(into.length > 1 ? ['taken apart'] : []),
    ...(turned ? ['reordered'] : []),
  ];
  return parts.join(', ');
}

function keyList(what: string, keys: readonly string[]): string[] {
  return keys.length === 0 ? [] : [`  ${what}:`, ...cut(keys.map((key) => `    ${oneLine(key, 120)}`))];
}
