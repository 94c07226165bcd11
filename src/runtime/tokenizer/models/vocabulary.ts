/** What the models of a tokenizer.json have in common: tokens and their ids. */
import { runtimeError } from '../../errors.ts';
import { type Fields, idOf, isId, isObject, refuse } from '../fields.ts';

export interface TokenModel {
  /** Ids of one word. @throws RuntimeError R0508 for a word that has none */
  tokenize(word: string): readonly number[];
  readonly idOf: ReadonlyMap<string, number>;
  readonly tokenOf: ReadonlyMap<number, string>;
}

/** `{ "token": id, … }`. @throws RuntimeError R0505 for what is no id, R0509 for an id of two tokens */
export function readVocabulary(fields: Fields): Pick<TokenModel, 'idOf' | 'tokenOf'> {
  const vocabulary = fields.value('vocab');
  if (!isObject(vocabulary)) refuse(fields.at('vocab'), vocabulary, 'an object of tokens and ids');
  const [ids, tokens] = [new Map<string, number>(), new Map<number, string>()];
  for (const [token, value] of Object.entries(vocabulary)) {
    // the path is made for the message only: there are a hundred thousand tokens
    const id = isId(value) ? value : idOf(`${fields.at('vocab')}[${JSON.stringify(token)}]`, value);
    const other = tokens.get(id);
    if (other !== undefined)
      throw runtimeError('tokenizer_contradiction', {
        reason: `the tokens ${JSON.stringify(other)} and ${JSON.stringify(token)} both have the id ${id}`,
      });
    ids.set(token, id);
    tokens.set(id, token);
  }
  return { idOf: ids, tokenOf: tokens };
}

/** The id of a word that the vocabulary lacks. @throws RuntimeError R0508 when there is none */
export function unknownId(id: number | undefined, word: string): number {
  if (id !== undefined) return id;
  const text = [...word].slice(0, 20).join('');
  throw runtimeError('text_not_encodable', { text: text === word ? text : `${text}…` });
}

/** `<0xE2>`: the token of a byte, in models with `byte_fallback`. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** The ids of a text's bytes, if the vocabulary has all of them. */
export function byteIds(text: string, ids: ReadonlyMap<string, number>): number[] | undefined {
  const found = Array.from(new TextEncoder().encode(text), (byte) => ids.get(byteToken(byte)));
  return found.every((id) => id !== undefined) ? found : undefined;
}
