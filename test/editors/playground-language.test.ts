/** The playground's editor gives the classes that the compiler's own lexer and parser give, on every .mdl file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StringStream } from '@codemirror/language';
import type { IToken } from 'chevrotain';
import { describe, expect, it } from 'vitest';
import { token } from '../../examples/playground/src/editor/language.ts';
import { mdlLexer } from '../../grammar/tokens.ts';
import { MDL_FILES, REPOSITORY } from '../format/files.ts';
import { CONTEXTUAL, classOf, keywordsOf } from './classes.ts';

const CLASSES: Readonly<Record<string, string>> = { docComment: 'doc comment', function: 'name' };

/** The class at each offset. */
function classesOf(text: string): (offset: number) => string {
  const starts: { offset: number; kind: string }[] = [];
  const state = { comment: false };
  let offset = 0;
  for (const line of text.split('\n')) {
    const stream = new StringStream(line, 2, 2);
    while (!stream.eol()) {
      stream.start = stream.pos;
      const kind = token(stream, state) ?? 'punctuation';
      starts.push({ offset: offset + stream.start, kind: CLASSES[kind] ?? kind });
    }
    offset += line.length + 1;
  }
  return (at) => starts.findLast((start) => start.offset <= at)?.kind ?? '';
}

describe('classes of tokens', () => {
  const files = MDL_FILES.map((name) => [name, readFileSync(join(REPOSITORY, name), 'utf8')] as const);
  it.each([...files, ['words that are names elsewhere', CONTEXTUAL] as const])('%s', (_, text) => {
    const classAt = classesOf(text);
    const keywords = keywordsOf(text);
    const { tokens } = mdlLexer.tokenize(text);
    const shown = ({ startLine, startColumn, image }: IToken, kind: string): string =>
      `${startLine}:${startColumn} ${image} ${kind}`;
    expect(tokens.map((one) => shown(one, classAt(one.startOffset)))).toEqual(
      tokens.map((one) => shown(one, classOf(one, keywords))),
    );
    for (const { index } of text.matchAll(/(?<!\/)\/\/(?!\/)|\/\*/g)) expect(classAt(index)).toMatch(/comment|string/);
  });
});
