/** Modules, models, adapters, and their members. */

import * as t from '../tokens.ts';
import { PatternRules } from './patterns.ts';

export abstract class ModuleRules extends PatternRules {
  protected functionDeclaration = this.RULE('functionDeclaration', () => {
    this.CONSUME(t.Fn);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
    this.OPTION({ GATE: () => this.clauseFollows(), DEF: () => this.SUBRULE(this.backwardClause) });
  });

  /** What flows back through a body, in place of what would be derived: `backward(dy) -> (x, scale) { … }` */
  protected backwardClause = this.RULE('backwardClause', () => {
    this.CONSUME(t.Backward);
    this.OPTION(() => this.CONSUME(t.Estimator));
    this.CONSUME(t.LParen);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.RParen);
    this.CONSUME(t.Arrow);
    this.OR([
      { ALT: () => this.CONSUME2(t.Identifier) },
      {
        ALT: () => {
          this.CONSUME2(t.LParen);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME3(t.Identifier) });
          this.CONSUME2(t.RParen);
        },
      },
    ]);
    this.SUBRULE(this.block);
  });

  protected moduleDeclaration = this.RULE('moduleDeclaration', () => {
    this.CONSUME(t.Module);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.SUBRULE(this.moduleBody);
  });

  protected modelDeclaration = this.RULE('modelDeclaration', () => {
    this.CONSUME(t.Model);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.moduleBody);
  });

  protected adapterDeclaration = this.RULE('adapterDeclaration', () => {
    this.CONSUME(t.Adapter);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.CONSUME(t.On);
    this.CONSUME2(t.Identifier);
    this.SUBRULE(this.moduleBody);
  });

  protected adaptDeclaration = this.RULE('adaptDeclaration', () => {
    this.CONSUME(t.Adapt);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.pathPattern) });
    this.CONSUME(t.With);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.arguments);
    this.OPTION(() => {
      this.CONSUME(t.When);
      this.SUBRULE(this.expression);
    });
  });

  protected quantiseDeclaration = this.RULE('quantiseDeclaration', () => {
    this.CONSUME(t.Quantise);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.pathPattern) });
    this.CONSUME(t.As);
    this.CONSUME(t.Identifier);
    this.OPTION1(() => this.SUBRULE(this.arguments));
    this.OPTION2(() => {
      this.CONSUME(t.When);
      this.SUBRULE(this.expression);
    });
  });

  protected moduleBody = this.RULE('moduleBody', () => {
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.member));
    this.CONSUME(t.RBrace);
  });

  protected member = this.RULE('member', () => {
    this.MANY(() => this.CONSUME(t.DocComment));
    this.OR([
      { ALT: () => this.SUBRULE(this.letMember) },
      { ALT: () => this.SUBRULE(this.paramMember) },
      { ALT: () => this.SUBRULE(this.bufferMember) },
      { ALT: () => this.SUBRULE(this.forwardMember) },
      { ALT: () => this.SUBRULE(this.functionDeclaration) },
      { ALT: () => this.SUBRULE(this.entryMember) },
      { ALT: () => this.SUBRULE(this.mergeMember) },
      { ALT: () => this.SUBRULE(this.submoduleMember) },
    ]);
  });

  protected letMember = this.RULE('letMember', () => {
    this.CONSUME(t.Let);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  protected paramMember = this.RULE('paramMember', () => {
    this.CONSUME(t.Param);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
    this.OPTION({ GATE: () => this.keyFollows(), DEF: () => this.SUBRULE(this.keyClause) });
    this.OPTION2(() => {
      this.CONSUME(t.Resample);
      this.SUBRULE2(this.expression);
    });
  });

  protected bufferMember = this.RULE('bufferMember', () => {
    this.CONSUME(t.Buffer);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
    this.OPTION({ GATE: () => this.keyFollows(), DEF: () => this.SUBRULE(this.keyClause) });
  });

  protected submoduleMember = this.RULE('submoduleMember', () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
    this.OPTION({ GATE: () => this.keyFollows(), DEF: () => this.SUBRULE(this.keyClause) });
  });

  protected keyClause = this.RULE('keyClause', () => {
    this.CONSUME(t.Key);
    this.AT_LEAST_ONE_SEP({ SEP: t.Pipe, DEF: () => this.CONSUME(t.StringLiteral) });
  });

  protected forwardMember = this.RULE('forwardMember', () => {
    this.CONSUME(t.Forward);
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
    this.OPTION({ GATE: () => this.clauseFollows(), DEF: () => this.SUBRULE(this.backwardClause) });
  });

  protected entryMember = this.RULE('entryMember', () => {
    this.CONSUME(t.Entry);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.signature);
    this.OPTION(() => {
      this.CONSUME(t.Cache);
      this.CONSUME2(t.Identifier);
      this.CONSUME(t.StringLiteral);
      this.CONSUME(t.Arrow);
      this.CONSUME2(t.StringLiteral);
    });
    this.SUBRULE(this.block);
  });

  protected mergeMember = this.RULE('mergeMember', () => {
    this.CONSUME(t.Merge);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  /** `backward(` and `backward estimator(` begin a clause; `backward = …` the next member, of that name. */
  protected clauseFollows(): boolean {
    const next = this.LA(2).tokenTypeIdx;
    return next === t.LParen.tokenTypeIdx || next === t.Estimator.tokenTypeIdx;
  }

  /** `key "…"` is a clause; `key = …` the next member, named key. */
  protected keyFollows(): boolean {
    return this.LA(2).tokenTypeIdx === t.StringLiteral.tokenTypeIdx;
  }
}
