/**
 * The grammar of MDL: a Chevrotain CstParser and nothing else. `docs/grammar.md` is generated from it.
 *
 * Line ends matter in one way only: a `(` or `[` that continues an expression (a call, an index) stands on the
 * same line as what it applies to, so that a body's last line may start with a tuple or a list.
 */
import { type CstNode, EOF, type IRecognitionException, type IToken } from 'chevrotain';
import { RecoveringParser } from './recovery.ts';
import * as t from './tokens.ts';

export class MdlParser extends RecoveringParser {
  constructor(recoveryEnabled: boolean) {
    super(t.TOKENS, { recoveryEnabled, maxLookahead: 3, nodeLocationTracking: 'full' });
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
      { ALT: () => this.SUBRULE(this.stageDeclaration) },
      { ALT: () => this.SUBRULE(this.recipeDeclaration) },
      { ALT: () => this.SUBRULE(this.layoutDeclaration) },
    ]);
  });

  private importDeclaration = this.RULE('importDeclaration', () => {
    this.CONSUME(t.Import);
    this.CONSUME(t.LBrace);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.importName) });
    this.OPTION(() => this.CONSUME(t.Comma));
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

  // ── modules ─────────────────────────────────────────────────────────────────────────────────
  private functionDeclaration = this.RULE('functionDeclaration', () => {
    this.CONSUME(t.Fn);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
  });

  private moduleDeclaration = this.RULE('moduleDeclaration', () => {
    this.CONSUME(t.Module);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.SUBRULE(this.moduleBody);
  });

  private modelDeclaration = this.RULE('modelDeclaration', () => {
    this.CONSUME(t.Model);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.moduleBody);
  });

  private adapterDeclaration = this.RULE('adapterDeclaration', () => {
    this.CONSUME(t.Adapter);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.CONSUME(t.On);
    this.CONSUME2(t.Identifier);
    this.SUBRULE(this.moduleBody);
  });

  private adaptDeclaration = this.RULE('adaptDeclaration', () => {
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

  private moduleBody = this.RULE('moduleBody', () => {
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.member));
    this.CONSUME(t.RBrace);
  });

  private member = this.RULE('member', () => {
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

  private letMember = this.RULE('letMember', () => {
    this.CONSUME(t.Let);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  private paramMember = this.RULE('paramMember', () => {
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

  private bufferMember = this.RULE('bufferMember', () => {
    this.CONSUME(t.Buffer);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
    this.OPTION({ GATE: () => this.keyFollows(), DEF: () => this.SUBRULE(this.keyClause) });
  });

  private submoduleMember = this.RULE('submoduleMember', () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
    this.OPTION({ GATE: () => this.keyFollows(), DEF: () => this.SUBRULE(this.keyClause) });
  });

  private keyClause = this.RULE('keyClause', () => {
    this.CONSUME(t.Key);
    this.AT_LEAST_ONE_SEP({ SEP: t.Pipe, DEF: () => this.CONSUME(t.StringLiteral) });
  });

  private forwardMember = this.RULE('forwardMember', () => {
    this.CONSUME(t.Forward);
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
  });

  private entryMember = this.RULE('entryMember', () => {
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

  private mergeMember = this.RULE('mergeMember', () => {
    this.CONSUME(t.Merge);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  private signature = this.RULE('signature', () => {
    this.SUBRULE(this.parameters);
    this.OPTION(() => {
      this.CONSUME(t.Arrow);
      this.SUBRULE(this.resultType);
    });
  });

  private parameters = this.RULE('parameters', () => {
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.parameter) });
    this.OPTION(() => this.CONSUME(t.Comma));
    this.CONSUME(t.RParen);
  });

  private parameter = this.RULE('parameter', () => {
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

  private resultType = this.RULE('resultType', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.tensorType) },
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.namedType) });
          this.OPTION(() => this.CONSUME(t.Comma));
          this.CONSUME(t.RParen);
        },
      },
    ]);
  });

  private namedType = this.RULE('namedType', () => {
    this.OPTION(() => {
      this.CONSUME(t.Identifier);
      this.CONSUME(t.Colon);
    });
    this.SUBRULE(this.tensorType);
  });

  /** `[B, T, d]` is float; `int` alone is a compile-time value's type, `int[B, T]` a tensor's */
  private tensorType = this.RULE('tensorType', () => {
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

  private dimensions = this.RULE('dimensions', () => {
    this.CONSUME(t.LBracket);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.dimension) });
    this.CONSUME(t.RBracket);
  });

  private dimension = this.RULE('dimension', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Ellipsis) }, { ALT: () => this.SUBRULE(this.additive) }]);
  });

  // ── recipes ─────────────────────────────────────────────────────────────────────────────────
  private recipeDeclaration = this.RULE('recipeDeclaration', () => {
    this.CONSUME(t.Recipe);
    this.CONSUME(t.StringLiteral);
    this.CONSUME(t.LBrace);
    this.MANY(() => {
      this.SUBRULE(this.recipeSetting);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.RBrace);
  });

  private recipeSetting = this.RULE('recipeSetting', () => {
    this.MANY(() => this.CONSUME(t.DocComment));
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  // ── layouts ─────────────────────────────────────────────────────────────────────────────────
  /** How a released checkpoint stores the parameters of a module. */
  private layoutDeclaration = this.RULE('layoutDeclaration', () => {
    this.CONSUME(t.Layout);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.For);
    this.CONSUME2(t.Identifier);
    this.OPTION(() => this.CONSUME(t.Overlay));
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.layoutClause));
    this.CONSUME(t.RBrace);
  });

  private layoutClause = this.RULE('layoutClause', () => {
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
  private layoutRule = this.RULE('layoutRule', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Pipe, DEF: () => this.CONSUME(t.StringLiteral) });
    this.CONSUME(t.Arrow);
    this.SUBRULE(this.pathPattern);
    this.OPTION(() => {
      this.CONSUME(t.By);
      this.SUBRULE(this.expression);
    });
  });

  /** keys as strings, parameters as paths; `alias "lm_head.weight" = "embed_tokens.weight"` */
  private layoutOperand = this.RULE('layoutOperand', () => {
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
  private stageDeclaration = this.RULE('stageDeclaration', () => {
    this.CONSUME(t.Stage);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.stageClause));
    this.CONSUME(t.RBrace);
  });

  private stageClause = this.RULE('stageClause', () => {
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

  /** `llama_model.model.layers[*].self_attn.{query_key_value, dense}`, `**.lora_*` */
  private pathPattern = this.RULE('pathPattern', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Dot, DEF: () => this.SUBRULE(this.pathSegment) });
  });

  private pathSegment = this.RULE('pathSegment', () => {
    this.SUBRULE(this.pathPiece);
    // pieces of one segment touch: `{q,k}_layernorm`, `lora_*`, `layers[0]`
    this.MANY({ GATE: () => this.touches(), DEF: () => this.SUBRULE2(this.pathPiece) });
  });

  private pathPiece = this.RULE('pathPiece', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.StarStar) },
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.IntLiteral) },
      { ALT: () => this.SUBRULE(this.pathAlternatives) },
      { ALT: () => this.SUBRULE(this.pathIndex) },
    ]);
  });

  private pathAlternatives = this.RULE('pathAlternatives', () => {
    this.CONSUME(t.LBrace);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.OPTION(() => this.CONSUME(t.Ellipsis));
    this.CONSUME(t.RBrace);
  });

  /** a name stands for an index in the rules of layouts alone */
  private pathIndex = this.RULE('pathIndex', () => {
    this.CONSUME(t.LBracket);
    this.OR([
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.IntLiteral) },
      { ALT: () => this.CONSUME(t.Identifier) },
    ]);
    this.CONSUME(t.RBracket);
  });

  // ── statements ──────────────────────────────────────────────────────────────────────────────
  private block = this.RULE('block', () => {
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.statement));
    this.CONSUME(t.RBrace);
  });

  private statement = this.RULE('statement', () => {
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

  private letStatement = this.RULE('letStatement', () => {
    this.CONSUME(t.Let);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  private assignStatement = this.RULE('assignStatement', () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  private updateStatement = this.RULE('updateStatement', () => {
    this.CONSUME(t.Update);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  private forStatement = this.RULE('forStatement', () => {
    this.CONSUME(t.For);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.CONSUME(t.In);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.block);
  });

  private ifStatement = this.RULE('ifStatement', () => {
    this.CONSUME(t.If);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.block);
    this.OPTION(() => {
      this.CONSUME(t.Else);
      this.OR([{ ALT: () => this.SUBRULE(this.ifStatement) }, { ALT: () => this.SUBRULE2(this.block) }]);
    });
  });

  // ── expressions, loosest first ──────────────────────────────────────────────────────────────
  /** `a when condition else b`; a member may leave the `else` out: off is the identity */
  private expression = this.RULE('expression', () => {
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

  private pipeline = this.RULE('pipeline', () => {
    this.SUBRULE(this.disjunction);
    this.MANY(() => {
      this.CONSUME(t.PipeGreater);
      this.SUBRULE(this.postfix);
    });
  });

  private disjunction = this.RULE('disjunction', () => {
    this.SUBRULE(this.conjunction);
    this.MANY(() => {
      this.CONSUME(t.Or);
      this.SUBRULE2(this.conjunction);
    });
  });

  private conjunction = this.RULE('conjunction', () => {
    this.SUBRULE(this.negation);
    this.MANY(() => {
      this.CONSUME(t.And);
      this.SUBRULE2(this.negation);
    });
  });

  private negation = this.RULE('negation', () => {
    this.MANY(() => this.CONSUME(t.Not));
    this.SUBRULE(this.comparison);
  });

  private comparison = this.RULE('comparison', () => {
    this.SUBRULE(this.additive);
    this.OPTION(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.EqualEqual) },
        { ALT: () => this.CONSUME(t.BangEqual) },
        { ALT: () => this.CONSUME(t.LessEqual) },
        { ALT: () => this.CONSUME(t.GreaterEqual) },
        { ALT: () => this.CONSUME(t.Less) },
        { ALT: () => this.CONSUME(t.Greater) },
      ]);
      this.SUBRULE2(this.additive);
    });
  });

  private additive = this.RULE('additive', () => {
    this.SUBRULE(this.multiplicative);
    this.MANY(() => {
      this.OR([{ ALT: () => this.CONSUME(t.Plus) }, { ALT: () => this.CONSUME(t.Minus) }]);
      this.SUBRULE2(this.multiplicative);
    });
  });

  private multiplicative = this.RULE('multiplicative', () => {
    this.SUBRULE(this.unary);
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Star) },
        { ALT: () => this.CONSUME(t.Slash) },
        { ALT: () => this.CONSUME(t.Percent) },
        { ALT: () => this.CONSUME(t.At) },
      ]);
      this.SUBRULE2(this.unary);
    });
  });

  private unary = this.RULE('unary', () => {
    this.MANY(() => this.CONSUME(t.Minus));
    this.SUBRULE(this.power);
  });

  private power = this.RULE('power', () => {
    this.SUBRULE(this.postfix);
    this.OPTION(() => {
      this.CONSUME(t.StarStar);
      this.SUBRULE(this.unary);
    });
  });

  private postfix = this.RULE('postfix', () => {
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

  private arguments = this.RULE('arguments', () => {
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.argument) });
    this.OPTION(() => this.CONSUME(t.Comma));
    this.CONSUME(t.RParen);
  });

  private argument = this.RULE('argument', () => {
    this.OPTION(() => {
      this.CONSUME(t.Identifier);
      this.CONSUME(t.Equal);
    });
    this.SUBRULE(this.expression);
  });

  private index = this.RULE('index', () => {
    this.CONSUME(t.LBracket);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.indexItem) });
    this.CONSUME(t.RBracket);
  });

  private indexItem = this.RULE('indexItem', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Ellipsis) },
      {
        ALT: () => {
          this.SUBRULE(this.additive);
          this.OPTION(() => {
            this.CONSUME(t.Colon);
            this.OPTION2(() => this.SUBRULE2(this.additive));
            this.OPTION3(() => this.SUBRULE(this.indexStep));
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME2(t.Colon);
          this.OPTION4(() => this.SUBRULE3(this.additive));
          this.OPTION5(() => this.SUBRULE2(this.indexStep));
        },
      },
    ]);
  });

  private indexStep = this.RULE('indexStep', () => {
    this.CONSUME(t.Colon);
    this.SUBRULE(this.additive);
  });

  private primary = this.RULE('primary', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.FloatLiteral) },
      { ALT: () => this.CONSUME(t.IntLiteral) },
      { ALT: () => this.CONSUME(t.StringLiteral) },
      { ALT: () => this.CONSUME(t.True) },
      { ALT: () => this.CONSUME(t.False) },
      { ALT: () => this.CONSUME(t.None) },
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => this.SUBRULE(this.parenthesised) },
    ]);
  });

  private list = this.RULE('list', () => {
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
          ALT: () =>
            this.MANY(() => {
              this.CONSUME(t.Comma);
              this.OPTION3(() => this.SUBRULE4(this.expression));
            }),
        },
      ]);
    });
    this.CONSUME(t.RBracket);
  });

  private parenthesised = this.RULE('parenthesised', () => {
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
    this.OPTION(() => this.CONSUME(t.Comma));
    this.CONSUME(t.RParen);
  });

  /** Whether the next token starts on the line where the previous one ended. */
  private sameLine(): boolean {
    return this.LA(1).startLine === this.LA(0).endLine;
  }

  /** `key "…"` is a clause; `key = …` the next member, named key. */
  private keyFollows(): boolean {
    return this.LA(2).tokenTypeIdx === t.StringLiteral.tokenTypeIdx;
  }

  private touches(): boolean {
    return this.LA(1).startOffset === (this.LA(0).endOffset ?? -2) + 1;
  }
}

/** Stops at the first error. */
export const parser = new MdlParser(false);

let recovering: MdlParser | undefined;

/** Goes on after an error, to find more; made when a file has one. */
export function recoveringParser(): MdlParser {
  recovering ??= new MdlParser(true);
  return recovering;
}
