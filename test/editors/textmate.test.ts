/** The editor extension's grammar gives the classes that the compiler's own lexer and parser give, on every .mdl file. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { IToken } from 'chevrotain';
import { beforeAll, describe, expect, it } from 'vitest';
import { createOnigScanner, createOnigString, loadWASM } from 'vscode-oniguruma';
import { type IGrammar, INITIAL, type IRawGrammar, Registry } from 'vscode-textmate';
import * as t from '../../grammar/tokens.ts';
import { textmateGrammar } from '../../scripts/generate/textmate.ts';
import { MDL_FILES, REPOSITORY } from '../format/files.ts';
import { CONTEXTUAL, classOf, keywordsOf } from './classes.ts';

let grammar: IGrammar;
beforeAll(async () => {
  const wasm = readFileSync(createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm'));
  await loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner, createOnigString }),
    loadGrammar: () => Promise.resolve(textmateGrammar() as IRawGrammar),
  });
  grammar = (await registry.loadGrammar('source.mdl'))!;
});

/** The innermost scope at each place, by offset. */
function scopesOf(text: string): (offset: number) => string {
  const starts: { offset: number; scope: string }[] = [];
  let stack = INITIAL;
  let offset = 0;
  for (const line of text.split('\n')) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
    for (const { startIndex, scopes } of tokens)
      starts.push({ offset: offset + startIndex, scope: scopes.slice(1).join(' ') });
    stack = ruleStack;
    offset += line.length + 1;
  }
  return (at) => starts.findLast((start) => start.offset <= at)?.scope ?? '';
}

function classOfScope(scope: string): string {
  if (scope.includes('comment.line.documentation')) return 'doc comment';
  if (scope.includes('comment')) return 'comment';
  if (scope.includes('string')) return 'string';
  if (scope.includes('constant.numeric')) return 'number';
  if (/keyword\.operator\.mdl/.test(scope)) return 'operator';
  if (/keyword|storage|constant\.language/.test(scope)) return 'keyword';
  return /variable|entity/.test(scope) ? 'name' : 'punctuation';
}

describe('classes of tokens', () => {
  const files = MDL_FILES.map((name) => [name, readFileSync(join(REPOSITORY, name), 'utf8')] as const);
  it.each([...files, ['words that are names elsewhere', CONTEXTUAL] as const])('%s', (_, text) => {
    const scopeAt = scopesOf(text);
    const keywords = keywordsOf(text);
    const { tokens } = t.mdlLexer.tokenize(text);
    const shown = (token: IToken, found: string): string =>
      `${token.startLine}:${token.startColumn} ${token.image} ${found}`;
    expect(tokens.map((token) => shown(token, classOfScope(scopeAt(token.startOffset))))).toEqual(
      tokens.map((token) => shown(token, classOf(token, keywords))),
    );
    for (const { index } of text.matchAll(/(?<!\/)\/\/(?!\/)|\/\*/g)) expect(scopeAt(index)).toMatch(/comment|string/);
  });
});

it('the file in the extension is the grammar', () => {
  const file = readFileSync(join(REPOSITORY, 'editors/vscode/syntaxes/mdl.generated.json'), 'utf8');
  expect(JSON.parse(file)).toEqual(textmateGrammar());
});
