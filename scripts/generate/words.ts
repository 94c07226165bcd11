/**
 * What the playground's editor tells tokens apart by, from the lexer's own tokens: the same places of contextual words as in
 * the TextMate grammar, as patterns of a tokenizer that goes through a line once.
 */
import * as t from '../../grammar/tokens.ts';
import { banner, type Generator } from './files.ts';
import { contextualWords, operators } from './textmate.ts';

export const WORDS_PATH = 'examples/playground/src/editor/words.generated.ts';

const source = (token: { PATTERN?: unknown }): string => (token.PATTERN as RegExp).source;

export const words: Generator = {
  name: "the playground's tokens",
  inputs: ['grammar/tokens.ts'],
  async generate() {
    const contextual = contextualWords().map(([word, { before, after }]) => [word, { before: before ?? '', after }]);
    const tables = {
      RESERVED: [...t.RESERVED_WORDS],
      CONTEXTUAL: contextual,
      NUMBER: `${source(t.FloatLiteral)}|${source(t.IntLiteral)}`,
      STRING: source(t.StringLiteral),
      NAME: source(t.Identifier),
      OPERATOR: operators(),
    };
    const lines = Object.entries(tables).map(
      ([name, value]) => `export const ${name} = ${JSON.stringify(value, null, 2)} as const;`,
    );
    return [{ path: WORDS_PATH, text: `${banner('grammar/tokens.ts')}\n${lines.join('\n')}\n` }];
  },
};
