/**
 * The grammar of MDL: a Chevrotain CstParser and nothing else. `docs/grammar.md` is generated from it. Each file of rules/
 * goes on from the one before: expressions, bodies, patterns, modules, what a model meets, a file.
 *
 * Line ends matter in one way only: a `(` or `[` that continues an expression (a call, an index) stands on the
 * same line as what it applies to, so that a body's last line may start with a tuple or a list.
 */
import { type CstNode, EOF, type IRecognitionException, type IToken } from 'chevrotain';
import { MeetingRules } from './rules/meetings.ts';
import * as t from './tokens.ts';

export class MdlParser extends MeetingRules {
  constructor(recoveryEnabled: boolean) {
    super(t.TOKENS, { recoveryEnabled, maxLookahead: 3, nodeLocationTracking: 'onlyOffset' });
    this.performSelfAnalysis();
  }

  /** The CST of a file's tokens and what does not fit in it; of a file with errors the CST is partial or missing. */
  parse(tokens: IToken[]): { cst: CstNode | undefined; errors: IRecognitionException[] } {
    const { result, errors } = this.bounded(tokens, () => this.file());
    return { cst: result, errors };
  }

  // ── file ────────────────────────────────────────────────────────────────────────────────────
  public file = this.RULE('file', () => {
    this.MANY(() => this.SUBRULE(this.declaration));
    this.CONSUME(EOF);
  });

  private declaration = this.RULE('declaration', () => {
    this.MANY(() => this.CONSUME(t.DocComment));
    this.OR([
      { ALT: () => this.SUBRULE(this.importDeclaration) },
      { ALT: () => this.SUBRULE(this.flagDeclaration) },
      { ALT: () => this.SUBRULE(this.configDeclaration) },
      { ALT: () => this.SUBRULE(this.functionDeclaration) },
      { ALT: () => this.SUBRULE(this.moduleDeclaration) },
      { ALT: () => this.SUBRULE(this.modelDeclaration) },
      { ALT: () => this.SUBRULE(this.adapterDeclaration) },
      { ALT: () => this.SUBRULE(this.adaptDeclaration) },
      { ALT: () => this.SUBRULE(this.quantiseDeclaration) },
      { ALT: () => this.SUBRULE(this.stageDeclaration) },
      { ALT: () => this.SUBRULE(this.recipeDeclaration) },
      { ALT: () => this.SUBRULE(this.layoutDeclaration) },
    ]);
  });

  private importDeclaration = this.RULE('importDeclaration', () => {
    this.CONSUME(t.Import);
    this.CONSUME(t.LBrace);
    this.OPTION2(() => {
      this.SUBRULE(this.importName);
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.importName);
      });
      this.OPTION(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RBrace);
    this.CONSUME(t.From);
    this.CONSUME(t.StringLiteral);
  });

  private importName = this.RULE('importName', () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.As);
      this.CONSUME2(t.Identifier);
    });
  });

  private flagDeclaration = this.RULE('flagDeclaration', () => {
    this.CONSUME(t.Flag);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.OR([{ ALT: () => this.CONSUME(t.True) }, { ALT: () => this.CONSUME(t.False) }]);
  });

  private configDeclaration = this.RULE('configDeclaration', () => {
    this.CONSUME(t.Config);
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.Extends);
      this.CONSUME2(t.Identifier);
    });
    this.SUBRULE(this.configRecord);
  });

  private configRecord = this.RULE('configRecord', () => {
    this.CONSUME(t.LBrace);
    this.MANY(() => {
      this.SUBRULE(this.configField);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.RBrace);
  });

  private configField = this.RULE('configField', () => {
    this.MANY(() => this.CONSUME(t.DocComment));
    this.CONSUME(t.Identifier);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Equal);
          this.SUBRULE(this.expression);
        },
      },
      { ALT: () => this.SUBRULE(this.configRecord) },
    ]);
  });
}

/** Stops at the first error. */
export const parser = new MdlParser(false);

let recovering: MdlParser | undefined;

/** Goes on after an error, to find more; made when a file has one. */
export function recoveringParser(): MdlParser {
  recovering ??= new MdlParser(true);
  return recovering;
}
