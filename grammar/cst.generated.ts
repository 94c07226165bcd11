// generated from grammar/parser.ts by scripts/generate.ts; do not edit, run `npm run generate`
import type { CstNode, ICstVisitor, IToken } from "chevrotain";

export interface FileCstNode extends CstNode {
  name: "file";
  children: FileCstChildren;
}

export type FileCstChildren = {
  declaration?: DeclarationCstNode[];
  EOF: IToken[];
};

export interface DeclarationCstNode extends CstNode {
  name: "declaration";
  children: DeclarationCstChildren;
}

export type DeclarationCstChildren = {
  DocComment?: IToken[];
  importDeclaration?: ImportDeclarationCstNode[];
  flagDeclaration?: FlagDeclarationCstNode[];
  configDeclaration?: ConfigDeclarationCstNode[];
  functionDeclaration?: FunctionDeclarationCstNode[];
  moduleDeclaration?: ModuleDeclarationCstNode[];
  modelDeclaration?: ModelDeclarationCstNode[];
  adapterDeclaration?: AdapterDeclarationCstNode[];
  adaptDeclaration?: AdaptDeclarationCstNode[];
  quantiseDeclaration?: QuantiseDeclarationCstNode[];
  stageDeclaration?: StageDeclarationCstNode[];
  recipeDeclaration?: RecipeDeclarationCstNode[];
  layoutDeclaration?: LayoutDeclarationCstNode[];
};

export interface ImportDeclarationCstNode extends CstNode {
  name: "importDeclaration";
  children: ImportDeclarationCstChildren;
}

export type ImportDeclarationCstChildren = {
  Kw_import: IToken[];
  LBrace: IToken[];
  importName?: (ImportNameCstNode)[];
  Comma?: (IToken)[];
  RBrace: IToken[];
  Kw_from: IToken[];
  StringLiteral: IToken[];
};

export interface ImportNameCstNode extends CstNode {
  name: "importName";
  children: ImportNameCstChildren;
}

export type ImportNameCstChildren = {
  Identifier: (IToken)[];
  Kw_as?: IToken[];
};

export interface FlagDeclarationCstNode extends CstNode {
  name: "flagDeclaration";
  children: FlagDeclarationCstChildren;
}

export type FlagDeclarationCstChildren = {
  Kw_flag: IToken[];
  Identifier: IToken[];
  Equal: IToken[];
  Kw_true?: IToken[];
  Kw_false?: IToken[];
};

export interface ConfigDeclarationCstNode extends CstNode {
  name: "configDeclaration";
  children: ConfigDeclarationCstChildren;
}

export type ConfigDeclarationCstChildren = {
  Kw_config: IToken[];
  Identifier: (IToken)[];
  Kw_extends?: IToken[];
  configRecord: ConfigRecordCstNode[];
};

export interface ConfigRecordCstNode extends CstNode {
  name: "configRecord";
  children: ConfigRecordCstChildren;
}

export type ConfigRecordCstChildren = {
  LBrace: IToken[];
  configField?: ConfigFieldCstNode[];
  Comma?: IToken[];
  RBrace: IToken[];
};

export interface ConfigFieldCstNode extends CstNode {
  name: "configField";
  children: ConfigFieldCstChildren;
}

export type ConfigFieldCstChildren = {
  DocComment?: IToken[];
  Identifier: IToken[];
  Equal?: IToken[];
  expression?: ExpressionCstNode[];
  configRecord?: ConfigRecordCstNode[];
};

export interface ExpressionCstNode extends CstNode {
  name: "expression";
  children: ExpressionCstChildren;
}

export type ExpressionCstChildren = {
  pipeline: (PipelineCstNode)[];
  Kw_when?: IToken[];
  Kw_else?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface PipelineCstNode extends CstNode {
  name: "pipeline";
  children: PipelineCstChildren;
}

export type PipelineCstChildren = {
  condition: ConditionCstNode[];
  PipeGreater?: IToken[];
  postfix?: PostfixCstNode[];
};

export interface ConditionCstNode extends CstNode {
  name: "condition";
  children: ConditionCstChildren;
}

export type ConditionCstChildren = {
  comparison: (ComparisonCstNode)[];
  Kw_or?: IToken[];
  Kw_and?: IToken[];
};

export interface ComparisonCstNode extends CstNode {
  name: "comparison";
  children: ComparisonCstChildren;
}

export type ComparisonCstChildren = {
  Kw_not?: IToken[];
  arithmetic: (ArithmeticCstNode)[];
  EqualEqual?: IToken[];
  BangEqual?: IToken[];
  LessEqual?: IToken[];
  GreaterEqual?: IToken[];
  Less?: IToken[];
  Greater?: IToken[];
};

export interface ArithmeticCstNode extends CstNode {
  name: "arithmetic";
  children: ArithmeticCstChildren;
}

export type ArithmeticCstChildren = {
  Minus?: (IToken)[];
  postfix: (PostfixCstNode)[];
  Plus?: IToken[];
  Star?: IToken[];
  Slash?: IToken[];
  Percent?: IToken[];
  At?: IToken[];
  StarStar?: IToken[];
};

export interface PostfixCstNode extends CstNode {
  name: "postfix";
  children: PostfixCstChildren;
}

export type PostfixCstChildren = {
  primary: PrimaryCstNode[];
  Dot?: IToken[];
  Identifier?: IToken[];
  arguments?: ArgumentsCstNode[];
  index?: IndexCstNode[];
};

export interface PrimaryCstNode extends CstNode {
  name: "primary";
  children: PrimaryCstChildren;
}

export type PrimaryCstChildren = {
  FloatLiteral?: IToken[];
  IntLiteral?: IToken[];
  StringLiteral?: IToken[];
  Kw_true?: IToken[];
  Kw_false?: IToken[];
  Kw_none?: IToken[];
  Identifier?: IToken[];
  list?: ListCstNode[];
  parenthesised?: ParenthesisedCstNode[];
};

export interface ListCstNode extends CstNode {
  name: "list";
  children: ListCstChildren;
}

export type ListCstChildren = {
  LBracket: IToken[];
  expression?: (ExpressionCstNode)[];
  Kw_for?: IToken[];
  Identifier?: IToken[];
  Comma?: (IToken)[];
  Kw_in?: IToken[];
  Kw_if?: IToken[];
  RBracket: IToken[];
};

export interface ParenthesisedCstNode extends CstNode {
  name: "parenthesised";
  children: ParenthesisedCstChildren;
}

export type ParenthesisedCstChildren = {
  LParen: IToken[];
  expression?: (ExpressionCstNode)[];
  Comma?: (IToken)[];
  RParen: IToken[];
};

export interface ArgumentsCstNode extends CstNode {
  name: "arguments";
  children: ArgumentsCstChildren;
}

export type ArgumentsCstChildren = {
  LParen: IToken[];
  argument?: (ArgumentCstNode)[];
  Comma?: (IToken)[];
  RParen: IToken[];
};

export interface ArgumentCstNode extends CstNode {
  name: "argument";
  children: ArgumentCstChildren;
}

export type ArgumentCstChildren = {
  Identifier?: IToken[];
  Equal?: IToken[];
  expression: ExpressionCstNode[];
};

export interface IndexCstNode extends CstNode {
  name: "index";
  children: IndexCstChildren;
}

export type IndexCstChildren = {
  LBracket: IToken[];
  indexItem: IndexItemCstNode[];
  Comma?: IToken[];
  RBracket: IToken[];
};

export interface IndexItemCstNode extends CstNode {
  name: "indexItem";
  children: IndexItemCstChildren;
}

export type IndexItemCstChildren = {
  Ellipsis?: IToken[];
  arithmetic?: (ArithmeticCstNode)[];
  Colon?: (IToken)[];
  indexStep?: (IndexStepCstNode)[];
};

export interface IndexStepCstNode extends CstNode {
  name: "indexStep";
  children: IndexStepCstChildren;
}

export type IndexStepCstChildren = {
  Colon: IToken[];
  arithmetic: ArithmeticCstNode[];
};

export interface FunctionDeclarationCstNode extends CstNode {
  name: "functionDeclaration";
  children: FunctionDeclarationCstChildren;
}

export type FunctionDeclarationCstChildren = {
  Kw_fn: IToken[];
  Identifier: IToken[];
  signature: SignatureCstNode[];
  block: BlockCstNode[];
  backwardClause?: BackwardClauseCstNode[];
};

export interface SignatureCstNode extends CstNode {
  name: "signature";
  children: SignatureCstChildren;
}

export type SignatureCstChildren = {
  parameters: ParametersCstNode[];
  Arrow?: IToken[];
  resultType?: ResultTypeCstNode[];
};

export interface ParametersCstNode extends CstNode {
  name: "parameters";
  children: ParametersCstChildren;
}

export type ParametersCstChildren = {
  LParen: IToken[];
  parameter?: (ParameterCstNode)[];
  Comma?: (IToken)[];
  RParen: IToken[];
};

export interface ParameterCstNode extends CstNode {
  name: "parameter";
  children: ParameterCstChildren;
}

export type ParameterCstChildren = {
  Identifier: IToken[];
  Colon?: IToken[];
  tensorType?: TensorTypeCstNode[];
  Equal?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface TensorTypeCstNode extends CstNode {
  name: "tensorType";
  children: TensorTypeCstChildren;
}

export type TensorTypeCstChildren = {
  Identifier?: IToken[];
  dimensions?: (DimensionsCstNode)[];
};

export interface DimensionsCstNode extends CstNode {
  name: "dimensions";
  children: DimensionsCstChildren;
}

export type DimensionsCstChildren = {
  LBracket: IToken[];
  dimension?: DimensionCstNode[];
  Comma?: IToken[];
  RBracket: IToken[];
};

export interface DimensionCstNode extends CstNode {
  name: "dimension";
  children: DimensionCstChildren;
}

export type DimensionCstChildren = {
  Ellipsis?: IToken[];
  arithmetic?: ArithmeticCstNode[];
};

export interface ResultTypeCstNode extends CstNode {
  name: "resultType";
  children: ResultTypeCstChildren;
}

export type ResultTypeCstChildren = {
  tensorType?: TensorTypeCstNode[];
  LParen?: IToken[];
  namedType?: (NamedTypeCstNode)[];
  Comma?: (IToken)[];
  RParen?: IToken[];
};

export interface NamedTypeCstNode extends CstNode {
  name: "namedType";
  children: NamedTypeCstChildren;
}

export type NamedTypeCstChildren = {
  Identifier?: IToken[];
  Colon?: IToken[];
  tensorType: TensorTypeCstNode[];
};

export interface BlockCstNode extends CstNode {
  name: "block";
  children: BlockCstChildren;
}

export type BlockCstChildren = {
  LBrace: IToken[];
  statement?: StatementCstNode[];
  RBrace: IToken[];
};

export interface StatementCstNode extends CstNode {
  name: "statement";
  children: StatementCstChildren;
}

export type StatementCstChildren = {
  letStatement?: LetStatementCstNode[];
  forStatement?: ForStatementCstNode[];
  ifStatement?: IfStatementCstNode[];
  updateStatement?: UpdateStatementCstNode[];
  assignStatement?: AssignStatementCstNode[];
  expression?: ExpressionCstNode[];
};

export interface LetStatementCstNode extends CstNode {
  name: "letStatement";
  children: LetStatementCstChildren;
}

export type LetStatementCstChildren = {
  Kw_let: IToken[];
  Identifier: IToken[];
  Comma?: IToken[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
};

export interface ForStatementCstNode extends CstNode {
  name: "forStatement";
  children: ForStatementCstChildren;
}

export type ForStatementCstChildren = {
  Kw_for: IToken[];
  Identifier: IToken[];
  Comma?: IToken[];
  Kw_in: IToken[];
  expression: ExpressionCstNode[];
  block: BlockCstNode[];
};

export interface IfStatementCstNode extends CstNode {
  name: "ifStatement";
  children: IfStatementCstChildren;
}

export type IfStatementCstChildren = {
  Kw_if: IToken[];
  expression: ExpressionCstNode[];
  block: (BlockCstNode)[];
  Kw_else?: IToken[];
  ifStatement?: IfStatementCstNode[];
};

export interface UpdateStatementCstNode extends CstNode {
  name: "updateStatement";
  children: UpdateStatementCstChildren;
}

export type UpdateStatementCstChildren = {
  Kw_update: IToken[];
  Identifier: IToken[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
};

export interface AssignStatementCstNode extends CstNode {
  name: "assignStatement";
  children: AssignStatementCstChildren;
}

export type AssignStatementCstChildren = {
  Identifier: IToken[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
};

export interface BackwardClauseCstNode extends CstNode {
  name: "backwardClause";
  children: BackwardClauseCstChildren;
}

export type BackwardClauseCstChildren = {
  Kw_backward: IToken[];
  Kw_estimator?: IToken[];
  LParen: (IToken)[];
  Identifier: (IToken)[];
  RParen: (IToken)[];
  Arrow: IToken[];
  Comma?: IToken[];
  block: BlockCstNode[];
};

export interface ModuleDeclarationCstNode extends CstNode {
  name: "moduleDeclaration";
  children: ModuleDeclarationCstChildren;
}

export type ModuleDeclarationCstChildren = {
  Kw_module: IToken[];
  Identifier: IToken[];
  parameters: ParametersCstNode[];
  moduleBody: ModuleBodyCstNode[];
};

export interface ModuleBodyCstNode extends CstNode {
  name: "moduleBody";
  children: ModuleBodyCstChildren;
}

export type ModuleBodyCstChildren = {
  LBrace: IToken[];
  member?: MemberCstNode[];
  RBrace: IToken[];
};

export interface MemberCstNode extends CstNode {
  name: "member";
  children: MemberCstChildren;
}

export type MemberCstChildren = {
  DocComment?: IToken[];
  letMember?: LetMemberCstNode[];
  paramMember?: ParamMemberCstNode[];
  bufferMember?: BufferMemberCstNode[];
  forwardMember?: ForwardMemberCstNode[];
  functionDeclaration?: FunctionDeclarationCstNode[];
  entryMember?: EntryMemberCstNode[];
  mergeMember?: MergeMemberCstNode[];
  submoduleMember?: SubmoduleMemberCstNode[];
};

export interface LetMemberCstNode extends CstNode {
  name: "letMember";
  children: LetMemberCstChildren;
}

export type LetMemberCstChildren = {
  Kw_let: IToken[];
  Identifier: IToken[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
};

export interface ParamMemberCstNode extends CstNode {
  name: "paramMember";
  children: ParamMemberCstChildren;
}

export type ParamMemberCstChildren = {
  Kw_param: IToken[];
  Identifier: IToken[];
  Colon: IToken[];
  tensorType: TensorTypeCstNode[];
  Equal: IToken[];
  expression: (ExpressionCstNode)[];
  keyClause?: KeyClauseCstNode[];
  Kw_resample?: IToken[];
};

export interface KeyClauseCstNode extends CstNode {
  name: "keyClause";
  children: KeyClauseCstChildren;
}

export type KeyClauseCstChildren = {
  Kw_key: IToken[];
  StringLiteral: IToken[];
  Pipe?: IToken[];
};

export interface BufferMemberCstNode extends CstNode {
  name: "bufferMember";
  children: BufferMemberCstChildren;
}

export type BufferMemberCstChildren = {
  Kw_buffer: IToken[];
  Identifier: IToken[];
  Colon: IToken[];
  tensorType: TensorTypeCstNode[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
  keyClause?: KeyClauseCstNode[];
};

export interface ForwardMemberCstNode extends CstNode {
  name: "forwardMember";
  children: ForwardMemberCstChildren;
}

export type ForwardMemberCstChildren = {
  Kw_forward: IToken[];
  signature: SignatureCstNode[];
  block: BlockCstNode[];
  backwardClause?: BackwardClauseCstNode[];
};

export interface EntryMemberCstNode extends CstNode {
  name: "entryMember";
  children: EntryMemberCstChildren;
}

export type EntryMemberCstChildren = {
  Kw_entry: IToken[];
  Identifier: (IToken)[];
  signature: SignatureCstNode[];
  Kw_cache?: IToken[];
  StringLiteral?: (IToken)[];
  Arrow?: IToken[];
  block: BlockCstNode[];
};

export interface MergeMemberCstNode extends CstNode {
  name: "mergeMember";
  children: MergeMemberCstChildren;
}

export type MergeMemberCstChildren = {
  Kw_merge: IToken[];
  Identifier: IToken[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
};

export interface SubmoduleMemberCstNode extends CstNode {
  name: "submoduleMember";
  children: SubmoduleMemberCstChildren;
}

export type SubmoduleMemberCstChildren = {
  Identifier: IToken[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
  keyClause?: KeyClauseCstNode[];
};

export interface ModelDeclarationCstNode extends CstNode {
  name: "modelDeclaration";
  children: ModelDeclarationCstChildren;
}

export type ModelDeclarationCstChildren = {
  Kw_model: IToken[];
  Identifier: IToken[];
  moduleBody: ModuleBodyCstNode[];
};

export interface AdapterDeclarationCstNode extends CstNode {
  name: "adapterDeclaration";
  children: AdapterDeclarationCstChildren;
}

export type AdapterDeclarationCstChildren = {
  Kw_adapter: IToken[];
  Identifier: (IToken)[];
  parameters: ParametersCstNode[];
  Kw_on: IToken[];
  moduleBody: ModuleBodyCstNode[];
};

export interface AdaptDeclarationCstNode extends CstNode {
  name: "adaptDeclaration";
  children: AdaptDeclarationCstChildren;
}

export type AdaptDeclarationCstChildren = {
  Kw_adapt: IToken[];
  pathPattern: PathPatternCstNode[];
  Comma?: IToken[];
  Kw_with: IToken[];
  Identifier: IToken[];
  arguments: ArgumentsCstNode[];
  Kw_when?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface PathPatternCstNode extends CstNode {
  name: "pathPattern";
  children: PathPatternCstChildren;
}

export type PathPatternCstChildren = {
  pathSegment: PathSegmentCstNode[];
  Dot?: IToken[];
};

export interface PathSegmentCstNode extends CstNode {
  name: "pathSegment";
  children: PathSegmentCstChildren;
}

export type PathSegmentCstChildren = {
  pathPiece: (PathPieceCstNode)[];
};

export interface PathPieceCstNode extends CstNode {
  name: "pathPiece";
  children: PathPieceCstChildren;
}

export type PathPieceCstChildren = {
  Identifier?: IToken[];
  StarStar?: IToken[];
  Star?: IToken[];
  IntLiteral?: IToken[];
  pathAlternatives?: PathAlternativesCstNode[];
  pathIndex?: PathIndexCstNode[];
};

export interface PathAlternativesCstNode extends CstNode {
  name: "pathAlternatives";
  children: PathAlternativesCstChildren;
}

export type PathAlternativesCstChildren = {
  LBrace: IToken[];
  Identifier: IToken[];
  Comma?: IToken[];
  Ellipsis?: IToken[];
  RBrace: IToken[];
};

export interface PathIndexCstNode extends CstNode {
  name: "pathIndex";
  children: PathIndexCstChildren;
}

export type PathIndexCstChildren = {
  LBracket: IToken[];
  Star?: IToken[];
  IntLiteral?: IToken[];
  Identifier?: IToken[];
  RBracket: IToken[];
};

export interface QuantiseDeclarationCstNode extends CstNode {
  name: "quantiseDeclaration";
  children: QuantiseDeclarationCstChildren;
}

export type QuantiseDeclarationCstChildren = {
  Kw_quantise: IToken[];
  pathPattern: PathPatternCstNode[];
  Comma?: IToken[];
  Kw_as: IToken[];
  Identifier: IToken[];
  arguments?: ArgumentsCstNode[];
  Kw_when?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface StageDeclarationCstNode extends CstNode {
  name: "stageDeclaration";
  children: StageDeclarationCstChildren;
}

export type StageDeclarationCstChildren = {
  Kw_stage: IToken[];
  Identifier: IToken[];
  LBrace: IToken[];
  stageClause?: StageClauseCstNode[];
  RBrace: IToken[];
};

export interface StageClauseCstNode extends CstNode {
  name: "stageClause";
  children: StageClauseCstChildren;
}

export type StageClauseCstChildren = {
  DocComment?: IToken[];
  Kw_train?: IToken[];
  pathPattern?: (PathPatternCstNode)[];
  Comma?: (IToken)[];
  Kw_no_decay?: IToken[];
  Kw_eval?: IToken[];
  Kw_set?: IToken[];
  Identifier?: (IToken)[];
  Equal?: IToken[];
  expression?: (ExpressionCstNode)[];
};

export interface RecipeDeclarationCstNode extends CstNode {
  name: "recipeDeclaration";
  children: RecipeDeclarationCstChildren;
}

export type RecipeDeclarationCstChildren = {
  Kw_recipe: IToken[];
  StringLiteral: IToken[];
  LBrace: IToken[];
  recipeSetting?: RecipeSettingCstNode[];
  Comma?: IToken[];
  RBrace: IToken[];
};

export interface RecipeSettingCstNode extends CstNode {
  name: "recipeSetting";
  children: RecipeSettingCstChildren;
}

export type RecipeSettingCstChildren = {
  DocComment?: IToken[];
  Identifier: IToken[];
  Equal: IToken[];
  expression: ExpressionCstNode[];
};

export interface LayoutDeclarationCstNode extends CstNode {
  name: "layoutDeclaration";
  children: LayoutDeclarationCstChildren;
}

export type LayoutDeclarationCstChildren = {
  Kw_layout: IToken[];
  Identifier: (IToken)[];
  Kw_for: IToken[];
  Kw_overlay?: IToken[];
  LBrace: IToken[];
  layoutClause?: LayoutClauseCstNode[];
  RBrace: IToken[];
};

export interface LayoutClauseCstNode extends CstNode {
  name: "layoutClause";
  children: LayoutClauseCstChildren;
}

export type LayoutClauseCstChildren = {
  DocComment?: IToken[];
  layoutRule?: LayoutRuleCstNode[];
  Identifier?: IToken[];
  layoutOperand?: LayoutOperandCstNode[];
  Comma?: IToken[];
};

export interface LayoutRuleCstNode extends CstNode {
  name: "layoutRule";
  children: LayoutRuleCstChildren;
}

export type LayoutRuleCstChildren = {
  StringLiteral: IToken[];
  Pipe?: IToken[];
  Arrow: IToken[];
  pathPattern: PathPatternCstNode[];
  Kw_by?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface LayoutOperandCstNode extends CstNode {
  name: "layoutOperand";
  children: LayoutOperandCstChildren;
}

export type LayoutOperandCstChildren = {
  StringLiteral?: (IToken)[];
  Equal?: IToken[];
  pathPattern?: PathPatternCstNode[];
};

export interface ICstNodeVisitor<IN, OUT> extends ICstVisitor<IN, OUT> {
  file(children: FileCstChildren, param?: IN): OUT;
  declaration(children: DeclarationCstChildren, param?: IN): OUT;
  importDeclaration(children: ImportDeclarationCstChildren, param?: IN): OUT;
  importName(children: ImportNameCstChildren, param?: IN): OUT;
  flagDeclaration(children: FlagDeclarationCstChildren, param?: IN): OUT;
  configDeclaration(children: ConfigDeclarationCstChildren, param?: IN): OUT;
  configRecord(children: ConfigRecordCstChildren, param?: IN): OUT;
  configField(children: ConfigFieldCstChildren, param?: IN): OUT;
  expression(children: ExpressionCstChildren, param?: IN): OUT;
  pipeline(children: PipelineCstChildren, param?: IN): OUT;
  condition(children: ConditionCstChildren, param?: IN): OUT;
  comparison(children: ComparisonCstChildren, param?: IN): OUT;
  arithmetic(children: ArithmeticCstChildren, param?: IN): OUT;
  postfix(children: PostfixCstChildren, param?: IN): OUT;
  primary(children: PrimaryCstChildren, param?: IN): OUT;
  list(children: ListCstChildren, param?: IN): OUT;
  parenthesised(children: ParenthesisedCstChildren, param?: IN): OUT;
  arguments(children: ArgumentsCstChildren, param?: IN): OUT;
  argument(children: ArgumentCstChildren, param?: IN): OUT;
  index(children: IndexCstChildren, param?: IN): OUT;
  indexItem(children: IndexItemCstChildren, param?: IN): OUT;
  indexStep(children: IndexStepCstChildren, param?: IN): OUT;
  functionDeclaration(children: FunctionDeclarationCstChildren, param?: IN): OUT;
  signature(children: SignatureCstChildren, param?: IN): OUT;
  parameters(children: ParametersCstChildren, param?: IN): OUT;
  parameter(children: ParameterCstChildren, param?: IN): OUT;
  tensorType(children: TensorTypeCstChildren, param?: IN): OUT;
  dimensions(children: DimensionsCstChildren, param?: IN): OUT;
  dimension(children: DimensionCstChildren, param?: IN): OUT;
  resultType(children: ResultTypeCstChildren, param?: IN): OUT;
  namedType(children: NamedTypeCstChildren, param?: IN): OUT;
  block(children: BlockCstChildren, param?: IN): OUT;
  statement(children: StatementCstChildren, param?: IN): OUT;
  letStatement(children: LetStatementCstChildren, param?: IN): OUT;
  forStatement(children: ForStatementCstChildren, param?: IN): OUT;
  ifStatement(children: IfStatementCstChildren, param?: IN): OUT;
  updateStatement(children: UpdateStatementCstChildren, param?: IN): OUT;
  assignStatement(children: AssignStatementCstChildren, param?: IN): OUT;
  backwardClause(children: BackwardClauseCstChildren, param?: IN): OUT;
  moduleDeclaration(children: ModuleDeclarationCstChildren, param?: IN): OUT;
  moduleBody(children: ModuleBodyCstChildren, param?: IN): OUT;
  member(children: MemberCstChildren, param?: IN): OUT;
  letMember(children: LetMemberCstChildren, param?: IN): OUT;
  paramMember(children: ParamMemberCstChildren, param?: IN): OUT;
  keyClause(children: KeyClauseCstChildren, param?: IN): OUT;
  bufferMember(children: BufferMemberCstChildren, param?: IN): OUT;
  forwardMember(children: ForwardMemberCstChildren, param?: IN): OUT;
  entryMember(children: EntryMemberCstChildren, param?: IN): OUT;
  mergeMember(children: MergeMemberCstChildren, param?: IN): OUT;
  submoduleMember(children: SubmoduleMemberCstChildren, param?: IN): OUT;
  modelDeclaration(children: ModelDeclarationCstChildren, param?: IN): OUT;
  adapterDeclaration(children: AdapterDeclarationCstChildren, param?: IN): OUT;
  adaptDeclaration(children: AdaptDeclarationCstChildren, param?: IN): OUT;
  pathPattern(children: PathPatternCstChildren, param?: IN): OUT;
  pathSegment(children: PathSegmentCstChildren, param?: IN): OUT;
  pathPiece(children: PathPieceCstChildren, param?: IN): OUT;
  pathAlternatives(children: PathAlternativesCstChildren, param?: IN): OUT;
  pathIndex(children: PathIndexCstChildren, param?: IN): OUT;
  quantiseDeclaration(children: QuantiseDeclarationCstChildren, param?: IN): OUT;
  stageDeclaration(children: StageDeclarationCstChildren, param?: IN): OUT;
  stageClause(children: StageClauseCstChildren, param?: IN): OUT;
  recipeDeclaration(children: RecipeDeclarationCstChildren, param?: IN): OUT;
  recipeSetting(children: RecipeSettingCstChildren, param?: IN): OUT;
  layoutDeclaration(children: LayoutDeclarationCstChildren, param?: IN): OUT;
  layoutClause(children: LayoutClauseCstChildren, param?: IN): OUT;
  layoutRule(children: LayoutRuleCstChildren, param?: IN): OUT;
  layoutOperand(children: LayoutOperandCstChildren, param?: IN): OUT;
}
