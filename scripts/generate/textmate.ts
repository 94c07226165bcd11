/**
 * The TextMate grammar of the editor extension, from the lexer's own tokens. A contextual word (`model`, `key`) is a
 * keyword only where the parser reads it as one; what stands before and after it there is in `PLACES`.
 */
import * as t from '../../grammar/tokens.ts';
import type { Generator } from './files.ts';

export const TEXTMATE_PATH = 'editors/vscode/syntaxes/mdl.generated.json';

/** A name, the start of a pattern of paths and an expression's first character, after a word. */
const NAME = String.raw`(?=\s+[A-Za-z_])`;
const PATTERN = String.raw`(?=\s+[A-Za-z_*{])`;
const STRING = String.raw`(?=\s*")`;
const LINE = String.raw`^\s*`;

export interface Context {
  /** a pattern before the word; nothing unless told */
  readonly before?: string;
  readonly after: string;
}

/** Where a contextual word is a keyword; a word that is not here needs a name, a string or a brace after it. */
const PLACES: Readonly<Record<string, Context>> = {
  flag: { before: LINE, after: NAME },
  config: { before: LINE, after: NAME },
  model: { before: LINE, after: NAME },
  adapter: { before: LINE, after: NAME },
  stage: { before: LINE, after: NAME },
  adapt: { before: LINE, after: PATTERN },
  no_decay: { before: LINE, after: PATTERN },
  eval: { before: LINE, after: PATTERN },
  recipe: { before: LINE, after: STRING },
  entry: { before: LINE, after: String.raw`(?=\s+\w+\s*\()` },
  estimator: { before: '(?<=backward )', after: String.raw`(?=\s*\()` },
  merge: { before: LINE, after: String.raw`(?=\s+\w+\s*=)` },
  update: { after: String.raw`(?=\s+\w+\s*=[^=])` },
  key: { after: STRING },
  from: { after: STRING },
  cache: { after: String.raw`(?=\s+\w+\s+")` },
  on: { after: String.raw`(?=\s+\w+\s*\{)` },
  with: { after: String.raw`(?=\s+\w+\s*\()` },
};
const ELSEWHERE: Context = { after: String.raw`(?=\s+["{\w])` };

const CONSTANTS = new Set(['true', 'false', 'none']);
const DECLARE = new Set(['let', 'param', 'buffer', 'forward', 'fn', 'module', 'import', 'set', 'train']);
const WORD_OPERATORS = new Set(['and', 'or', 'not', 'in']);

interface Rule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly patterns?: readonly Rule[];
  readonly captures?: Readonly<Record<number, { readonly name: string }>>;
}

/** Where each contextual word is a keyword, in order of the lexer's tokens. */
export function contextualWords(): readonly (readonly [word: string, context: Context])[] {
  const tokens = t.TOKENS.filter(({ CATEGORIES }) => (CATEGORIES ?? []).includes(t.Identifier));
  return tokens.map(({ PATTERN }) => {
    const word = (PATTERN as RegExp).source;
    return [word, PLACES[word] ?? ELSEWHERE] as const;
  });
}

function scopeOf(word: string): string {
  if (CONSTANTS.has(word)) return 'constant.language.mdl';
  if (WORD_OPERATORS.has(word)) return 'keyword.operator.word.mdl';
  return DECLARE.has(word) ? 'storage.type.mdl' : 'keyword.control.mdl';
}

function wordRules(): Rule[] {
  const byScope = new Map<string, string[]>();
  for (const word of t.RESERVED_WORDS) byScope.set(scopeOf(word), [...(byScope.get(scopeOf(word)) ?? []), word]);
  const reserved = [...byScope].map(([name, words]): Rule => ({ name, match: String.raw`\b(?:${words.join('|')})\b` }));
  const contextual = contextualWords().map(([word, { before = '', after }]): Rule => {
    const match = String.raw`${before}\b(${word})\b${after}`;
    return { match, captures: { 1: { name: 'keyword.declaration.mdl' } } };
  });
  return [...reserved, ...contextual];
}

/** Tokens that are neither words nor literals, the longest first. */
export function operators(): string {
  const symbols = t.TOKENS.filter(
    ({ PATTERN, name }) => PATTERN instanceof RegExp && !/\w/.test(plain(PATTERN)) && isSymbol(name),
  );
  return symbols.map(({ PATTERN }) => (PATTERN as RegExp).source).join('|');
}

function plain(pattern: RegExp): string {
  return pattern.source.replaceAll('\\', '');
}

function isSymbol(name: string): boolean {
  return !/^(?:WhiteSpace|.*Comment|.*Literal|Identifier|Dot|Comma|Colon|[LR](?:Paren|Bracket|Brace))$/.test(name);
}

const source = (token: { PATTERN?: unknown }): string => (token.PATTERN as RegExp).source;

export function textmateGrammar(): object {
  const patterns: Rule[] = [
    { name: 'comment.line.documentation.mdl', match: source(t.DocComment) },
    { name: 'comment.line.double-slash.mdl', match: '//.*$' },
    { name: 'comment.block.mdl', begin: String.raw`/\*`, end: String.raw`\*/` },
    {
      name: 'string.quoted.double.mdl',
      begin: '"',
      end: '"|$',
      patterns: [{ name: 'constant.character.escape.mdl', match: String.raw`\\["\\nrt]` }],
    },
    { name: 'constant.numeric.mdl', match: String.raw`\b(?:${source(t.FloatLiteral)}|${source(t.IntLiteral)})` },
    ...wordRules(),
    { name: 'entity.name.function.mdl', match: String.raw`\b[A-Za-z_]\w*(?=\()` },
    { name: 'variable.other.mdl', match: String.raw`\b${source(t.Identifier)}` },
    { name: 'keyword.operator.mdl', match: operators() },
  ];
  return {
    $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
    name: 'MDL',
    scopeName: 'source.mdl',
    patterns,
  };
}

export const textmate: Generator = {
  name: 'TextMate grammar',
  inputs: ['grammar/tokens.ts'],
  async generate() {
    return [{ path: TEXTMATE_PATH, text: `${JSON.stringify(textmateGrammar(), null, 2)}\n` }];
  },
};
