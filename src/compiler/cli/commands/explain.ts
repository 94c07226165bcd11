/** `mdl explain CODE`: the long form of a message, with a file that provokes it. */
import { CATALOGUE as RUNTIME } from '../../../runtime/index.ts';
import { nearest } from '../../../shared/nearest.ts';
import { CATALOGUE } from '../../diagnostics/catalogue.ts';
import { CLI_CATALOGUE, cliError } from '../../workbench/errors.ts';
import type { Output } from '../output.ts';

interface Page {
  readonly title: string;
  readonly explanation: string;
  readonly example?: string | undefined;
}

export default async function explain(output: Output, [code]: readonly string[]): Promise<void> {
  const cli = Object.values(CLI_CATALOGUE).map((entry) => [entry.code, entry] as const);
  const pages = new Map<string, Page>([
    ...Object.values(CATALOGUE).map((entry): [string, Page] => [entry.code, entry]),
    ...[...Object.entries(RUNTIME), ...cli].map(([name, { explanation }]): [string, Page] => [
      name,
      { title: firstSentence(explanation), explanation },
    ]),
  ]);
  if (code === undefined) {
    const list = [...pages].map(([name, page]) => `${name}  ${page.title}`);
    output.result(list.join('\n'), Object.fromEntries(pages));
    return;
  }
  const wanted = code.toUpperCase();
  const page = pages.get(wanted);
  if (!page) {
    const near = nearest(wanted, pages.keys());
    throw cliError('unknown_code', { code }, near ? [`did you mean ${near}?`] : []);
  }
  const example = page.example ? `\n\nThis file provokes it:\n\n${page.example.trim().replace(/^/gm, '    ')}` : '';
  output.result(`${wanted}: ${page.title}\n\n${page.explanation}${example}`, { code: wanted, ...page });
}

function firstSentence(text: string): string {
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0].slice(0, -1) ?? text;
}
