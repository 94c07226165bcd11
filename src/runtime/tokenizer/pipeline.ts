/**
 * A tokenizer.json as one function, in the order of Hugging Face's `tokenizers`:
 *
 *     added tokens → normalizer → added tokens that are normalised → pre-tokenizer → model → post-processor → padding
 */
import { type AddedToken, AddedTokenFinder, readAddedTokens, type Section } from './added-tokens.ts';
import { readDecoder, type TokenDecoder } from './decoders.ts';
import { Fields, refuse } from './fields.ts';
import { type Padding, pad, readPadding, readTruncation, type Truncation, truncate } from './limits.ts';
import { readModel } from './models/model.ts';
import type { TokenModel } from './models/vocabulary.ts';
import { type Normalizer, readNormalizer } from './normalizers.ts';
import { type PostProcessor, readPostProcessor } from './post-processors.ts';
import { type PreTokenizer, readPreTokenizer } from './pre-tokenizers.ts';

const FIELDS = [
  'version',
  'truncation',
  'padding',
  'added_tokens',
  'normalizer',
  'pre_tokenizer',
  'post_processor',
  'decoder',
  'model',
] as const;

export class Pipeline {
  readonly model: TokenModel;
  readonly added: readonly AddedToken[];
  private readonly normalize: Normalizer;
  private readonly preTokenize: PreTokenizer;
  private readonly postProcessor: PostProcessor | undefined;
  private readonly decoder: TokenDecoder | undefined;
  private readonly truncation: Truncation | undefined;
  private readonly padding: Padding | undefined;
  private readonly raw: AddedTokenFinder;
  private readonly normalised: AddedTokenFinder;

  /** @throws RuntimeError R0504–R0507, R0509 */
  constructor(json: unknown) {
    const fields = new Fields('', json, FIELDS);
    const version = fields.value('version');
    if (version !== undefined && version !== '1.0') refuse('version', version, '1.0');
    const part = <T>(name: (typeof FIELDS)[number], read: (path: string, json: unknown) => T): T | undefined => {
      const value = fields.value(name);
      return value === undefined ? undefined : read(name, value);
    };
    this.model = readModel('model', fields.value('model'));
    this.normalize = part('normalizer', (path, value) => readNormalizer(path, value)) ?? ((text) => text);
    this.preTokenize = part('pre_tokenizer', (path, value) => readPreTokenizer(path, value)) ?? ((piece) => [piece]);
    this.postProcessor = part('post_processor', (path, value) => readPostProcessor(path, value));
    this.decoder = part('decoder', (path, value) => readDecoder(path, value));
    this.truncation = readTruncation(fields.value('truncation'), this.postProcessor?.adds ?? 0);
    this.padding = readPadding(fields.value('padding'));
    this.added = readAddedTokens(fields.value('added_tokens'), this.model, this.normalize);
    this.raw = new AddedTokenFinder(this.added.filter(({ normalized }) => !normalized));
    this.normalised = new AddedTokenFinder(this.added.filter(({ normalized }) => normalized));
  }

  /**
   * @param options.special adds the post-processor's tokens
   * @param options.split reads special tokens in the text as text
   * @param options.limits applies the file's truncation and padding
   */
  encode(
    text: string,
    { special, split, limits }: { readonly special: boolean; readonly split: boolean; readonly limits: boolean },
  ): number[] {
    // half a surrogate pair is no character
    const whole: Section = { text: text.replace(/\p{Surrogate}/gu, '\ufffd'), first: true };
    const ids = this.sections(whole, split).flatMap((section) =>
      section.id === undefined
        ? this.preTokenize(section).flatMap(({ text: word }) => this.model.tokenize(word))
        : [section.id],
    );
    const { truncation, padding, postProcessor } = this;
    const room = (truncation?.length ?? 0) - (special ? (postProcessor?.adds ?? 0) : 0);
    const kept = truncation && limits ? truncate(ids, truncation, room) : ids;
    const processed = postProcessor?.process(kept, special) ?? kept;
    return [...(padding && limits ? pad(processed, padding) : processed)];
  }

  private sections(whole: Section, split: boolean): Section[] {
    return this.raw.sections(whole, split).flatMap((section) => {
      if (section.id !== undefined) return [section];
      return this.normalised.sections({ ...section, text: this.normalize(section.text) }, split);
    });
  }

  decode(tokens: readonly string[]): string {
    return this.decoder ? this.decoder(tokens).join('') : tokens.join(' ');
  }
}
