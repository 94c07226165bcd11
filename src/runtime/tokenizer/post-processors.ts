/** The post-processors of a tokenizer.json: special tokens around the ids of a text (`[CLS] … [SEP]`). */
import { Fields, idOf, isObject, type Kinds, readKind, refuse } from './fields.ts';

export interface PostProcessor {
  /** how many ids it adds, which a truncation leaves room for */
  readonly adds: number;
  process(ids: readonly number[], addSpecialTokens: boolean): readonly number[];
}

function around(before: readonly number[], after: readonly number[]): PostProcessor {
  return {
    adds: before.length + after.length,
    process: (ids, add) => (add ? [...before, ...ids, ...after] : ids),
  };
}

/** `["[SEP]", 102]` */
function tokenAndId(fields: Fields, name: string): number {
  const pair = fields.list(name);
  if (pair.length !== 2 || typeof pair[0] !== 'string') refuse(fields.at(name), pair, 'a token and its id');
  return idOf(`${fields.at(name)}[1]`, pair[1]);
}

/** A template's piece: the text, or ids. */
type TemplatePiece = 'text' | readonly number[];

function readTemplate(fields: Fields): PostProcessor {
  const special = fields.value('special_tokens');
  if (!isObject(special)) refuse(fields.at('special_tokens'), special, 'an object');
  fields.list('pair'); // pairs of texts are not encoded
  const pieces = fields.list('single').map((json, i): TemplatePiece => {
    const path = `${fields.at('single')}[${i}]`;
    const piece = new Fields(path, json, ['Sequence', 'SpecialToken']);
    const isText = piece.value('Sequence') !== undefined;
    const content = new Fields(path, piece.value(isText ? 'Sequence' : 'SpecialToken'), ['id', 'type_id']);
    content.count('type_id', 0); // ids of segments are not given
    const name = content.text('id');
    if (isText) return name === 'A' ? 'text' : refuse(`${path}.id`, name, 'A, the one text');
    const at = `${fields.at('special_tokens')}[${JSON.stringify(name)}]`;
    const token = new Fields(at, Object.hasOwn(special, name) ? special[name] : undefined, ['id', 'ids', 'tokens']);
    return token.list('ids').map((id, k) => idOf(`${at}.ids[${k}]`, id));
  });
  return {
    adds: pieces.reduce((sum, piece) => sum + (piece === 'text' ? 0 : piece.length), 0),
    process: (ids, add) => pieces.flatMap((piece) => (piece === 'text' ? ids : add ? piece : [])),
  };
}

const KINDS: Kinds<PostProcessor> = {
  TemplateProcessing: [['single', 'pair', 'special_tokens'], readTemplate],
  BertProcessing: [['sep', 'cls'], (fields) => around([tokenAndId(fields, 'cls')], [tokenAndId(fields, 'sep')])],
  RobertaProcessing: [
    ['sep', 'cls', 'trim_offsets', 'add_prefix_space'],
    (fields) => around([tokenAndId(fields, 'cls')], [tokenAndId(fields, 'sep')]),
  ],
  // moves offsets only, which are not given
  ByteLevel: [['add_prefix_space', 'trim_offsets', 'use_regex'], () => around([], [])],
  Sequence: [
    ['processors'],
    (fields) => {
      const steps = fields.components('processors', readPostProcessor);
      return {
        adds: steps.reduce((sum, step) => sum + step.adds, 0),
        process: (ids, add) => steps.reduce((result, step) => step.process(result, add), ids),
      };
    },
  ],
};

/** @throws RuntimeError R0504–R0506 */
export function readPostProcessor(path: string, json: unknown, depth = 0): PostProcessor {
  return readKind(KINDS, path, json, depth);
}
