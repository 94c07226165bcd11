/** Statements, and what stands before a body: parameters and types. */

import * as t from '../tokens.ts';
import { ExpressionRules } from './expressions.ts';

export abstract class BodyRules extends ExpressionRules {
  protected block = this.RULE('block', () => {
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.statement));
    this.CONSUME(t.RBrace);
  });

  protected statement = this.RULE('statement', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.forStatement) },
      { ALT: () => this.SUBRULE(this.ifStatement) },
      // `update x = …`, where `update` alone would be an expression before `x = …`
      { IGNORE_AMBIGUITIES: true, ALT: () => this.SUBRULE(this.updateStatement) },
      { ALT: () => this.SUBRULE(this.assignStatement) },
      { ALT: () => this.SUBRULE(this.expression) },
    ]);
  });

  protected letStatement = this.RULE('letStatement', () => {
    this.CONSUME(t.Let);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  protected assignStatement = this.RULE('assignStatement', () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  protected updateStatement = this.RULE('updateStatement', () => {
    this.CONSUME(t.Update);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  protected forStatement = this.RULE('forStatement', () => {
    this.CONSUME(t.For);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.CONSUME(t.In);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.block);
  });

  protected ifStatement = this.RULE('ifStatement', () => {
    this.CONSUME(t.If);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.block);
    this.OPTION(() => {
      this.CONSUME(t.Else);
      this.OR([{ ALT: () => this.SUBRULE(this.ifStatement) }, { ALT: () => this.SUBRULE2(this.block) }]);
    });
  });

  // ── signatures ──────────────────────────────────────────────────────────────────────────────
  protected signature = this.RULE('signature', () => {
    this.SUBRULE(this.parameters);
    this.OPTION(() => {
      this.CONSUME(t.Arrow);
      this.SUBRULE(this.resultType);
    });
  });

  protected parameters = this.RULE('parameters', () => {
    this.CONSUME(t.LParen);
    this.OPTION2(() => {
      this.SUBRULE(this.parameter);
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.parameter);
      });
      this.OPTION(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RParen);
  });

  protected parameter = this.RULE('parameter', () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.tensorType);
    });
    this.OPTION2(() => {
      this.CONSUME(t.Equal);
      this.SUBRULE(this.expression);
    });
  });

  protected resultType = this.RULE('resultType', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.tensorType) },
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          this.SUBRULE(this.namedType);
          this.MANY(() => {
            this.CONSUME(t.Comma);
            this.SUBRULE2(this.namedType);
          });
          this.OPTION(() => this.CONSUME2(t.Comma));
          this.CONSUME(t.RParen);
        },
      },
    ]);
  });

  protected namedType = this.RULE('namedType', () => {
    this.OPTION(() => {
      this.CONSUME(t.Identifier);
      this.CONSUME(t.Colon);
    });
    this.SUBRULE(this.tensorType);
  });

  /** `[B, T, d]` is float; `int` alone is a compile-time value's type, `int[B, T]` a tensor's */
  protected tensorType = this.RULE('tensorType', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Identifier);
          this.OPTION({ GATE: () => this.sameLine(), DEF: () => this.SUBRULE(this.dimensions) });
        },
      },
      { ALT: () => this.SUBRULE2(this.dimensions) },
    ]);
  });

  protected dimensions = this.RULE('dimensions', () => {
    this.CONSUME(t.LBracket);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.dimension) });
    this.CONSUME(t.RBracket);
  });

  protected dimension = this.RULE('dimension', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Ellipsis) }, { ALT: () => this.SUBRULE(this.arithmetic) }]);
  });
}
