/**
 * `mdl explain CODE`: the long form of a message, with a file that provokes it; `mdl explain NAME`: a built-in function or what std has; `mdl explain
 * WORDS`: the messages that are about them.
 */
import { CATALOGUE as RUNTIME } from '../../../runtime/index.ts';
import { nearest } from '../../../shared/nearest.ts';
import { CATALOGUE } from '../../diagnostics/catalogue.ts';
import { CLI_CATALOGUE, cliError } from '../../workbench/errors.ts';
import type { Output } from '../output.ts';
import { type Reference, references } from '../reference.ts';
import { search, wordsOf } from '../search.ts';

interface Page {
  readonly title: string;
  readonly explanation: string;
  readonly example?: string | undefined;
}
type Pages = ReadonlyMap<string, Page>;

/** Of what a search finds. */
const SHOWN = 12;
/** Of the messages below what a name is. */
const BELOW = 3;

export default async function explain(output: Output, words: readonly string[]): Promise<void> {
  const pages = allPages();
  const [first] = words;
  if (first === undefined) return listAll(output, pages);
  if (words.length > 1 || !/^[A-Z]\d+$/i.test(first)) {
    const named = references();
    const reference = words.length === 1 ? named.get(first) : undefined;
    return reference ? describe(output, pages, reference) : find(output, pages, named, words);
  }
  const code = first.toUpperCase();
  const page = pages.get(code);
  if (!page) throw cliError('unknown_code', { code: first }, meant(code, pages.keys()));
  const example = page.example ? `\n\nThis file provokes it:\n\n${page.example.trim().replace(/^/gm, '    ')}` : '';
  output.result(`${code}: ${page.title}\n\n${page.explanation}${example}`, { code, ...page });
}

function allPages(): Pages {
  const cli = Object.values(CLI_CATALOGUE).map((entry) => [entry.code, entry] as const);
  return new Map<string, Page>([
    ...Object.values(CATALOGUE).map((entry): [string, Page] => [entry.code, entry]),
    ...[...Object.entries(RUNTIME), ...cli].map(([name, { explanation }]): [string, Page] => [
      name,
      { title: firstSentence(explanation), explanation },
    ]),
  ]);
}

function listAll(output: Output, pages: Pages): void {
  const list = [...pages].map(([name, { title }]) => `${name}  ${title}`);
  output.note('one of them: mdl explain CODE; those about something: mdl explain rank mismatch');
  output.result(list.join('\n'), Object.fromEntries(pages));
}

/** What a name is, and the first messages that are about it. */
function describe(output: Output, pages: Pages, reference: Reference): void {
  const { name, signature, doc, page } = reference;
  const found = search(pages, name).slice(0, BELOW);
  const lines = [signature, '', doc, '', ...(reference.import ? [reference.import] : []), `more: ${page}`];
  if (found.length > 0) lines.push('', 'Messages that have the word:');
  output.result([...lines, ...found.map((code) => `${code}  ${pages.get(code)!.title}`)].join('\n'), {
    ...reference,
    found: found.map((code) => ({ code, title: pages.get(code)!.title })),
  });
}

/** @throws CliError C0610 where no page has any of the words */
function find(output: Output, pages: Pages, named: ReadonlyMap<string, Reference>, words: readonly string[]): void {
  const query = words.join(' ');
  const found = search(pages, query);
  const [word] = words;
  if (found.length === 0) {
    const notes = words.length > 1 ? [] : meant(word!.toUpperCase(), pages.keys());
    throw cliError(
      'nothing_found',
      { query },
      notes.length > 0 ? notes : words.flatMap((one) => meant(one, [...named.keys(), ...wordsOf(pages)])),
    );
  }
  const near = words.length === 1 ? nearest(word!, named.keys()) : undefined;
  if (near?.toLowerCase() === word!.toLowerCase()) output.note(`did you mean ${near}? mdl explain ${near}`);
  const lines = found.slice(0, SHOWN).map((name) => `${name}  ${pages.get(name)!.title}`);
  if (found.length > SHOWN) lines.push(`and ${found.length - SHOWN} more that are less about it`);
  output.result(lines.join('\n'), {
    query,
    found: found.map((code) => ({ code, title: pages.get(code)!.title })),
  });
}

function meant(word: string, candidates: Iterable<string>): string[] {
  const near = nearest(word, candidates);
  return near === undefined ? [] : [`did you mean ${near}?`];
}

function firstSentence(text: string): string {
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0].slice(0, -1) ?? text;
}
