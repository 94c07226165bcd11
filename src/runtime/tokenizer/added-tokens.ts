/**
 * Added tokens: texts that are found in the input before anything else happens to it (`<|endoftext|>`, `<mask>`).
 * Of several that begin at a place the longest is taken.
 */
import { runtimeError } from '../errors.ts';
import { Fields, idOf, refuse } from './fields.ts';
import type { TokenModel } from './models/vocabulary.ts';
import type { Normalizer } from './normalizers.ts';
import { classOf, SPACE } from './pattern/class.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** what is looked for, and what is decoded: the content, normalised if the token asks for it */
  readonly text: string;
  /** not where a word goes on before or behind it */
  readonly singleWord: boolean;
  /** takes the white space before it along */
  readonly lstrip: boolean;
  /** takes the white space behind it along */
  readonly rstrip: boolean;
  /** looked for in the text after its normalisation */
  readonly normalized: boolean;
  /** left out by `decode`; ordinary text with `split_special_tokens` */
  readonly special: boolean;
}

/** A piece of text, or the added token that stands there. */
export interface Section {
  readonly text: string;
  readonly first: boolean;
  readonly id?: number;
}

const WORD = classOf('\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}');

/** @throws RuntimeError R0505, R0506, R0509 */
export function readAddedTokens(json: unknown, model: TokenModel, normalize: Normalizer): AddedToken[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) refuse('added_tokens', json, 'a list');
  const seen = new Map<string, number>();
  const owners = new Map<number, string>();
  return json.flatMap((entry: unknown, i): AddedToken[] => {
    const path = `added_tokens[${i}]`;
    const fields = new Fields(path, entry, [
      'id',
      'content',
      'single_word',
      'lstrip',
      'rstrip',
      'normalized',
      'special',
    ]);
    const content = fields.text('content');
    const id = idOf(fields.at('id'), fields.value('id'));
    if (content === '') return []; // as in `tokenizers`
    const wrong = (reason: string): never => {
      throw runtimeError('tokenizer_contradiction', { reason: `the added token ${JSON.stringify(content)} ${reason}` });
    };
    const known = model.idOf.get(content);
    if (known !== undefined && known !== id) wrong(`has the id ${id}, and ${known} in the vocabulary`);
    const other = model.tokenOf.get(id) ?? owners.get(id);
    if (other !== undefined && other !== content) wrong(`has the id ${id}, which is that of ${JSON.stringify(other)}`);
    if (seen.has(content)) wrong('is there twice');
    seen.set(content, id);
    owners.set(id, content);
    const normalized = fields.flag('normalized', true);
    return [
      {
        id,
        content,
        text: normalized ? normalize(content) : content,
        singleWord: fields.flag('single_word', false),
        lstrip: fields.flag('lstrip', false),
        rstrip: fields.flag('rstrip', false),
        normalized,
        special: fields.flag('special', false),
      },
    ];
  });
}

/** Finds added tokens in texts. */
export class AddedTokenFinder {
  private readonly byText = new Map<string, AddedToken>();
  /** lengths of the tokens, longest first, by their first character */
  private readonly lengths = new Map<string, number[]>();

  constructor(tokens: readonly AddedToken[]) {
    for (const token of tokens) {
      if (token.text === '') continue;
      this.byText.set(token.text, token);
      const first = token.text[0]!;
      const lengths = new Set([...(this.lengths.get(first) ?? []), token.text.length]);
      this.lengths.set(
        first,
        [...lengths].sort((a, b) => b - a),
      );
    }
  }

  private longestAt(text: string, at: number): AddedToken | undefined {
    for (const length of this.lengths.get(text[at]!) ?? []) {
      const token = this.byText.get(text.slice(at, at + length));
      if (token) return token;
    }
    return undefined;
  }

  /** The text as added tokens and what is between them. @param split leaves special tokens as text */
  sections({ text, first }: Section, split: boolean): Section[] {
    if (text === '') return [];
    if (this.byText.size === 0) return [{ text, first }];
    const sections: Section[] = [];
    const push = (start: number, end: number, id?: number): void => {
      if (start >= end) return;
      const part = { text: text.slice(start, end), first: first && start === 0 };
      sections.push(id === undefined ? part : { ...part, id });
    };
    let last = 0;
    for (let at = 0; at < text.length; ) {
      const token = this.longestAt(text, at);
      if (!token) {
        at++;
        continue;
      }
      let [start, end] = [at, at + token.text.length];
      at = end; // nothing else is looked for inside a token that does not count
      if (token.special && split) continue;
      if (token.singleWord && (isWordBefore(text, start) || isWordAt(text, end))) continue;
      if (token.lstrip) while (start > last && SPACE(text.charCodeAt(start - 1))) start--;
      if (token.rstrip) while (end < text.length && SPACE(text.charCodeAt(end))) end++;
      start = Math.max(start, last);
      push(last, start);
      push(start, end, token.id);
      last = end;
    }
    push(last, text.length);
    return sections;
  }
}

const isWordAt = (text: string, at: number): boolean => at < text.length && WORD(text.codePointAt(at)!);

function isWordBefore(text: string, at: number): boolean {
  if (at === 0) return false;
  const isPair = at > 1 && text.codePointAt(at - 2)! > 0xffff;
  return WORD(isPair ? text.codePointAt(at - 2)! : text.charCodeAt(at - 1));
}
