/** Patterns of paths in a model: `llama_model.model.layers[*].self_attn.{query_key_value, dense}`, `**.lora_*`. */

import * as t from '../tokens.ts';
import { BodyRules } from './bodies.ts';

export abstract class PatternRules extends BodyRules {
  /** `llama_model.model.layers[*].self_attn.{query_key_value, dense}`, `**.lora_*` */
  protected pathPattern = this.RULE('pathPattern', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Dot, DEF: () => this.SUBRULE(this.pathSegment) });
  });

  protected pathSegment = this.RULE('pathSegment', () => {
    this.SUBRULE(this.pathPiece);
    // pieces of one segment touch: `{q,k}_layernorm`, `lora_*`, `layers[0]`
    this.MANY({ GATE: () => this.touches(), DEF: () => this.SUBRULE2(this.pathPiece) });
  });

  protected pathPiece = this.RULE('pathPiece', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.StarStar) },
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.IntLiteral) },
      { ALT: () => this.SUBRULE(this.pathAlternatives) },
      { ALT: () => this.SUBRULE(this.pathIndex) },
    ]);
  });

  protected pathAlternatives = this.RULE('pathAlternatives', () => {
    this.CONSUME(t.LBrace);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.OPTION(() => this.CONSUME(t.Ellipsis));
    this.CONSUME(t.RBrace);
  });

  /** a name stands for an index in the rules of layouts alone */
  protected pathIndex = this.RULE('pathIndex', () => {
    this.CONSUME(t.LBracket);
    this.OR([
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.IntLiteral) },
      { ALT: () => this.CONSUME(t.Identifier) },
    ]);
    this.CONSUME(t.RBracket);
  });

  protected touches(): boolean {
    return this.LA(1).startOffset === (this.LA(0).endOffset ?? -2) + 1;
  }
}
