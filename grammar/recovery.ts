/**
 * Chevrotain's recovery from errors, with a bound on its work. What it does by itself grows with the file times the
 * nesting at each error, and it recurses as deep as the rules nest, on top of a stack that is that deep already.
 *
 *   single token insertion   asks which tokens may follow: answered from the innermost rules only
 *   resynchronisation        looks ahead for a token to go on from: each token looked at or skipped is counted
 *
 * When the count is spent, or enough errors were found, parsing stops. The errors until then stand; there may be none
 * yet, since some are noted only where the parser goes on.
 */
import {
  CstParser,
  type IParserConfig,
  type IRecognitionException,
  type IToken,
  type ITokenGrammarPath,
  type TokenType,
  type TokenVocabulary,
} from 'chevrotain';

/** Rules on the stack whose rest is asked for what may follow; one pair of brackets takes 9. */
const INNERMOST = 32;
/** Tokens looked at beyond the lookahead of the grammar; a file with a mistake in each declaration takes hundreds. */
const MAX_SCANNED = 20_000;
/** Beyond what is ever shown of one declaration. */
const MAX_ERRORS = 25;

class GaveUp extends Error {
  readonly errors: IRecognitionException[];

  constructor(errors: IRecognitionException[]) {
    super('gave up');
    this.errors = errors;
  }
}

export abstract class RecoveringParser extends CstParser {
  private scanned = 0;
  private readonly lookahead: number;

  constructor(vocabulary: TokenVocabulary, config: IParserConfig & { readonly maxLookahead: number }) {
    super(vocabulary, config);
    this.lookahead = config.maxLookahead;
  }

  /** Runs a rule over tokens; there is no result where recovery gave up. */
  protected bounded<T>(tokens: IToken[], rule: () => T): { result: T | undefined; errors: IRecognitionException[] } {
    this.input = tokens;
    this.scanned = 0;
    try {
      return { result: rule(), errors: this.errors };
    } catch (error) {
      if (!(error instanceof GaveUp)) throw error;
      // not this.errors: on its way out the parser also noted that input is left
      return { result: undefined, errors: error.errors };
    }
  }

  protected override getNextPossibleTokenTypes(path: ITokenGrammarPath): TokenType[] {
    this.count();
    return super.getNextPossibleTokenTypes({
      ...path,
      ruleStack: path.ruleStack.slice(-INNERMOST),
      occurrenceStack: path.occurrenceStack.slice(-INNERMOST),
    });
  }

  protected override LA(howMuch: number): IToken {
    if (howMuch > this.lookahead) this.count();
    return super.LA(howMuch);
  }

  protected override SKIP_TOKEN(): IToken {
    this.count();
    return super.SKIP_TOKEN();
  }

  private count(): void {
    if (++this.scanned > MAX_SCANNED || this.errors.length > MAX_ERRORS) throw new GaveUp(this.errors);
  }
}
