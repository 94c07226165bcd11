/**
 * The language in the editor: colours of tokens as they are typed, before the language server has seen them. The tables are
 * generated from the compiler's lexer; what names stand for is the server's to say (semantic.ts).
 */
import { HighlightStyle, StreamLanguage, type StringStream, syntaxHighlighting } from '@codemirror/language';
import { tags } from '@lezer/highlight';
import { CONTEXTUAL, NAME, NUMBER, OPERATOR, RESERVED, STRING } from './words.generated.ts';

export interface State {
  /** inside of a block comment */
  comment: boolean;
}

const RESERVED_WORDS: ReadonlySet<string> = new Set(RESERVED);
const PLACES = new Map(
  CONTEXTUAL.map(([word, { before, after }]) => [
    word as string,
    { before: new RegExp(`${before}$`), after: new RegExp(after, 'y') },
  ]),
);
const [NUMBERS, STRINGS, NAMES, OPERATORS] = [NUMBER, STRING, NAME, OPERATOR].map(
  (source) => new RegExp(`^(?:${source})`),
) as [RegExp, RegExp, RegExp, RegExp];

/** The class of the token at the stream's place, which moves past it; null for white space and punctuation. */
export function token(stream: StringStream, state: State): string | null {
  if (state.comment) return blockComment(stream, state);
  if (stream.eatSpace()) return null;
  if (stream.match(/^\/\/\//)) return rest(stream, 'docComment');
  if (stream.match('//')) return rest(stream, 'comment');
  if (stream.match('/*')) {
    state.comment = true;
    return blockComment(stream, state);
  }
  if (stream.match(STRINGS)) return 'string';
  if (stream.match(NUMBERS)) return 'number';
  const start = stream.pos;
  const name = stream.match(NAMES) as RegExpMatchArray | null;
  if (name) return isKeyword(name[0], stream, start) ? 'keyword' : stream.peek() === '(' ? 'function' : 'name';
  if (stream.match(OPERATORS)) return 'operator';
  stream.next();
  return null;
}

function rest(stream: StringStream, kind: string): string {
  stream.skipToEnd();
  return kind;
}

function blockComment(stream: StringStream, state: State): string {
  if (stream.match(/^.*?\*\//)) state.comment = false;
  else stream.skipToEnd();
  return 'comment';
}

/** A contextual word is a keyword where the parser reads it as one: what stands before and after it on its line decides. */
function isKeyword(word: string, { string: line, pos }: StringStream, start: number): boolean {
  if (RESERVED_WORDS.has(word)) return true;
  const place = PLACES.get(word);
  if (!place?.before.test(line.slice(0, start))) return false;
  place.after.lastIndex = pos;
  return place.after.test(line);
}

export const mdl = StreamLanguage.define<State>({
  name: 'mdl',
  startState: () => ({ comment: false }),
  copyState: (state) => ({ ...state }),
  token,
  languageData: {
    commentTokens: { line: '//', block: { open: '/*', close: '*/' } },
    closeBrackets: { brackets: ['(', '[', '{', '"'] },
  },
  tokenTable: { docComment: tags.docComment, function: tags.function(tags.variableName), name: tags.variableName },
});

/** Colours are the theme's, by name (style.css), so both themes share one style. */
const style = HighlightStyle.define([
  { tag: tags.keyword, class: 'tok-keyword' },
  { tag: [tags.comment, tags.docComment], class: 'tok-comment' },
  { tag: tags.string, class: 'tok-string' },
  { tag: tags.number, class: 'tok-number' },
  { tag: tags.operator, class: 'tok-operator' },
  { tag: tags.function(tags.variableName), class: 'tok-function' },
]);

export const highlighting = [mdl, syntaxHighlighting(style)];
