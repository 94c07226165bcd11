/** What a model meets: data (recipes), released checkpoints (layouts), training (stages). */

import * as t from '../tokens.ts';
import { ModuleRules } from './modules.ts';

export abstract class MeetingRules extends ModuleRules {
  // ── recipes ─────────────────────────────────────────────────────────────────────────────────
  protected recipeDeclaration = this.RULE('recipeDeclaration', () => {
    this.CONSUME(t.Recipe);
    this.CONSUME(t.StringLiteral);
    this.CONSUME(t.LBrace);
    this.MANY(() => {
      this.SUBRULE(this.recipeSetting);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.RBrace);
  });

  protected recipeSetting = this.RULE('recipeSetting', () => {
    this.MANY(() => this.CONSUME(t.DocComment));
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  // ── layouts ─────────────────────────────────────────────────────────────────────────────────
  /** How a released checkpoint stores the parameters of a module. */
  protected layoutDeclaration = this.RULE('layoutDeclaration', () => {
    this.CONSUME(t.Layout);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.For);
    this.CONSUME2(t.Identifier);
    this.OPTION(() => this.CONSUME(t.Overlay));
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.layoutClause));
    this.CONSUME(t.RBrace);
  });

  protected layoutClause = this.RULE('layoutClause', () => {
    this.MANY(() => this.CONSUME(t.DocComment));
    this.OR([
      { ALT: () => this.SUBRULE(this.layoutRule) },
      {
        ALT: () => {
          this.CONSUME(t.Identifier);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.layoutOperand) });
        },
      },
    ]);
  });

  /** `"h.{i}.attn.{p}" | "layers.{i}.attn.{p}" -> h[i].attn.{p} by rearrange("i o -> o i")` */
  protected layoutRule = this.RULE('layoutRule', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Pipe, DEF: () => this.CONSUME(t.StringLiteral) });
    this.CONSUME(t.Arrow);
    this.SUBRULE(this.pathPattern);
    this.OPTION(() => {
      this.CONSUME(t.By);
      this.SUBRULE(this.expression);
    });
  });

  /** keys as strings, parameters as paths; `alias "lm_head.weight" = "embed_tokens.weight"` */
  protected layoutOperand = this.RULE('layoutOperand', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.StringLiteral);
          this.OPTION(() => {
            this.CONSUME(t.Equal);
            this.CONSUME2(t.StringLiteral);
          });
        },
      },
      { ALT: () => this.SUBRULE(this.pathPattern) },
    ]);
  });

  // ── stages ──────────────────────────────────────────────────────────────────────────────────
  protected stageDeclaration = this.RULE('stageDeclaration', () => {
    this.CONSUME(t.Stage);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.stageClause));
    this.CONSUME(t.RBrace);
  });

  protected stageClause = this.RULE('stageClause', () => {
    this.MANY(() => this.CONSUME(t.DocComment));
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Train);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.pathPattern) });
        },
      },
      {
        // a clause of this name has patterns: what follows would also begin an expression
        IGNORE_AMBIGUITIES: true,
        ALT: () => {
          this.CONSUME(t.NoDecay);
          this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => this.SUBRULE2(this.pathPattern) });
        },
      },
      {
        IGNORE_AMBIGUITIES: true,
        ALT: () => {
          this.CONSUME(t.Eval);
          this.AT_LEAST_ONE_SEP3({ SEP: t.Comma, DEF: () => this.SUBRULE3(this.pathPattern) });
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.SetWord);
          this.CONSUME(t.Identifier);
          this.CONSUME(t.Equal);
          this.SUBRULE(this.expression);
        },
      },
      {
        ALT: () => {
          this.CONSUME2(t.Identifier);
          this.SUBRULE2(this.expression);
        },
      },
    ]);
  });
}
