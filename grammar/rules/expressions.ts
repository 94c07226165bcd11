/** Expressions, loosest first. */
import type { IOrAlt } from 'chevrotain';
import { RecoveringParser } from '../recovery.ts';
import * as t from '../tokens.ts';

export abstract class ExpressionRules extends RecoveringParser {
  /** `a when condition else b`; a member may leave the `else` out: off is the identity */
  protected expression = this.RULE('expression', () => {
    this.SUBRULE(this.pipeline);
    this.OPTION(() => {
      this.CONSUME(t.When);
      this.SUBRULE2(this.pipeline);
      this.OPTION2(() => {
        this.CONSUME(t.Else);
        this.SUBRULE(this.expression);
      });
    });
  });

  protected pipeline = this.RULE('pipeline', () => {
    this.SUBRULE(this.condition);
    this.MANY(() => {
      this.CONSUME(t.PipeGreater);
      this.SUBRULE(this.postfix);
    });
  });

  /** `and` binds tighter than `or`: what the operators of a rule apply to, src/compiler/syntax/operators.ts finds in its flat list */
  protected condition = this.RULE('condition', () => {
    this.SUBRULE(this.comparison);
    this.MANY(() => {
      this.OR([{ ALT: () => this.CONSUME(t.Or) }, { ALT: () => this.CONSUME(t.And) }]);
      this.SUBRULE2(this.comparison);
    });
  });

  protected comparison = this.RULE('comparison', () => {
    this.MANY(() => this.CONSUME(t.Not));
    this.SUBRULE(this.arithmetic);
    this.OPTION(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.EqualEqual) },
        { ALT: () => this.CONSUME(t.BangEqual) },
        { ALT: () => this.CONSUME(t.LessEqual) },
        { ALT: () => this.CONSUME(t.GreaterEqual) },
        { ALT: () => this.CONSUME(t.Less) },
        { ALT: () => this.CONSUME(t.Greater) },
      ]);
      this.SUBRULE2(this.arithmetic);
    });
  });

  /** loosest first: `+ -`, `* / % @`, `-` before an operand, `**` from right to left */
  protected arithmetic = this.RULE('arithmetic', () => {
    this.MANY(() => this.CONSUME(t.Minus));
    this.SUBRULE(this.postfix);
    this.MANY2(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Plus) },
        { ALT: () => this.CONSUME2(t.Minus) },
        { ALT: () => this.CONSUME(t.Star) },
        { ALT: () => this.CONSUME(t.Slash) },
        { ALT: () => this.CONSUME(t.Percent) },
        { ALT: () => this.CONSUME(t.At) },
        { ALT: () => this.CONSUME(t.StarStar) },
      ]);
      this.MANY3(() => this.CONSUME3(t.Minus));
      this.SUBRULE2(this.postfix);
    });
  });

  protected postfix = this.RULE('postfix', () => {
    this.SUBRULE(this.primary);
    this.MANY({
      GATE: () => this.LA(1).tokenTypeIdx === t.Dot.tokenTypeIdx || this.sameLine(),
      DEF: () =>
        this.OR([
          {
            ALT: () => {
              this.CONSUME(t.Dot);
              this.CONSUME(t.Identifier);
            },
          },
          { ALT: () => this.SUBRULE(this.arguments) },
          { ALT: () => this.SUBRULE(this.index) },
        ]),
    });
  });

  protected arguments = this.RULE('arguments', () => {
    this.CONSUME(t.LParen);
    this.OPTION2(() => {
      this.SUBRULE(this.argument);
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.argument);
      });
      this.OPTION(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RParen);
  });

  protected argument = this.RULE('argument', () => {
    this.OPTION(() => {
      this.CONSUME(t.Identifier);
      this.CONSUME(t.Equal);
    });
    this.SUBRULE(this.expression);
  });

  protected index = this.RULE('index', () => {
    this.CONSUME(t.LBracket);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.indexItem) });
    this.CONSUME(t.RBracket);
  });

  protected indexItem = this.RULE('indexItem', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Ellipsis) },
      {
        ALT: () => {
          this.SUBRULE(this.arithmetic);
          this.OPTION(() => {
            this.CONSUME(t.Colon);
            this.OPTION2(() => this.SUBRULE2(this.arithmetic));
            this.OPTION3(() => this.SUBRULE(this.indexStep));
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME2(t.Colon);
          this.OPTION4(() => this.SUBRULE3(this.arithmetic));
          this.OPTION5(() => this.SUBRULE2(this.indexStep));
        },
      },
    ]);
  });

  protected indexStep = this.RULE('indexStep', () => {
    this.CONSUME(t.Colon);
    this.SUBRULE(this.arithmetic);
  });

  /** kept, since a rule's alternatives are otherwise made anew for every operand of a file */
  private operands: IOrAlt<unknown>[] | undefined;
  protected primary = this.RULE('primary', () => {
    this.operands ??= [
      { ALT: () => this.CONSUME(t.FloatLiteral) },
      { ALT: () => this.CONSUME(t.IntLiteral) },
      { ALT: () => this.CONSUME(t.StringLiteral) },
      { ALT: () => this.CONSUME(t.True) },
      { ALT: () => this.CONSUME(t.False) },
      { ALT: () => this.CONSUME(t.None) },
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => this.SUBRULE(this.parenthesised) },
    ];
    this.OR(this.operands);
  });

  protected list = this.RULE('list', () => {
    this.CONSUME(t.LBracket);
    this.OPTION(() => {
      this.SUBRULE(this.expression);
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.For);
            this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
            this.CONSUME(t.In);
            this.SUBRULE2(this.expression);
            this.OPTION2(() => {
              this.CONSUME(t.If);
              this.SUBRULE3(this.expression);
            });
          },
        },
        {
          ALT: () => {
            this.MANY(() => {
              this.CONSUME(t.Comma);
              this.SUBRULE4(this.expression);
            });
            this.OPTION3(() => this.CONSUME2(t.Comma));
          },
        },
      ]);
    });
    this.CONSUME(t.RBracket);
  });

  protected parenthesised = this.RULE('parenthesised', () => {
    this.CONSUME(t.LParen);
    this.OPTION2(() => {
      this.SUBRULE(this.expression);
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.expression);
      });
      this.OPTION(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RParen);
  });

  /** Whether the next token starts on the line where the previous one ended. */
  protected sameLine(): boolean {
    return this.LA(1).startLine === this.LA(0).endLine;
  }
}
