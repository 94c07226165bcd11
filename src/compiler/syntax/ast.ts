/**
 * The abstract syntax of MDL: what `syntax/parse.ts` makes of the CST and everything after reads.
 * Every node has the span it was read from; a declaration also has its doc comment.
 */
import type { SourceFile, Span } from '../diagnostics/span.ts';

export interface Name {
  readonly text: string;
  readonly span: Span;
}

// ── declarations ────────────────────────────────────────────────────────────────────────────────
export interface FileSyntax {
  readonly source: SourceFile;
  readonly declarations: readonly Declaration[];
}

export type Declaration =
  | ImportDeclaration
  | FlagDeclaration
  | ConfigDeclaration
  | FunctionDeclaration
  | ModuleDeclaration
  | AdaptDeclaration
  | QuantiseDeclaration
  | StageDeclaration
  | RecipeDeclaration
  | LayoutDeclaration;

interface Documented {
  readonly doc: string;
  readonly span: Span;
}

export interface ImportDeclaration extends Documented {
  readonly kind: 'import';
  readonly names: readonly { readonly name: Name; readonly as: Name }[];
  readonly from: StringExpression;
}

export interface FlagDeclaration extends Documented {
  readonly kind: 'flag';
  readonly name: Name;
  readonly value: boolean;
}

export interface ConfigDeclaration extends Documented {
  readonly kind: 'config';
  readonly name: Name;
  readonly extends: Name | undefined;
  readonly fields: readonly ConfigField[];
}

export interface ConfigField extends Documented {
  readonly name: Name;
  readonly value: Expression | { readonly kind: 'fields'; readonly fields: readonly ConfigField[] };
}

export interface FunctionDeclaration extends Documented {
  readonly kind: 'function';
  readonly name: Name;
  readonly signature: Signature;
  readonly body: Block;
  readonly backward: BackwardClause | undefined;
}

/** `backward estimator(dy) -> (x, scale) { … }`: the gradients of `targets`, from that of the result. */
export interface BackwardClause {
  readonly upstream: Name;
  readonly targets: readonly Name[];
  readonly estimator: boolean;
  readonly body: Block;
  readonly span: Span;
}

/** A module, a model (no parameters, has entries) or an adapter (has `on`). */
export interface ModuleDeclaration extends Documented {
  readonly kind: 'module' | 'model' | 'adapter';
  readonly name: Name;
  readonly parameters: readonly Parameter[];
  /** adapter: the module it wraps */
  readonly on: Name | undefined;
  readonly members: readonly Member[];
}

export interface AdaptDeclaration extends Documented {
  readonly kind: 'adapt';
  readonly patterns: readonly PathPattern[];
  readonly adapter: Name;
  readonly arguments: readonly Argument[];
  readonly when: Expression | undefined;
}

/** `quantise layers[*].mlp as int4(group = 32)`: how parameters are stored. */
export interface QuantiseDeclaration extends Documented {
  readonly kind: 'quantise';
  readonly patterns: readonly PathPattern[];
  /** `int4`, `int8`, `f32` */
  readonly as: Name;
  readonly arguments: readonly Argument[];
  readonly when: Expression | undefined;
}

export interface StageDeclaration extends Documented {
  readonly kind: 'stage';
  readonly name: Name;
  readonly train: readonly PathPattern[];
  readonly noDecay: readonly PathPattern[];
  readonly eval: readonly PathPattern[];
  readonly set: readonly { readonly name: Name; readonly value: Expression }[];
  readonly clauses: readonly { readonly name: Name; readonly value: Expression }[];
}

/** `recipe "text" { length = 128 }`: how the model meets data. */
export interface RecipeDeclaration extends Documented {
  readonly kind: 'recipe';
  readonly recipe: StringExpression;
  readonly settings: readonly { readonly name: Name; readonly value: Expression }[];
}

/** How a released checkpoint stores the parameters of a module: rules in order, the first that has a parameter counts. */
export interface LayoutDeclaration extends Documented {
  readonly kind: 'layout';
  readonly name: Name;
  /** the module that it is of */
  readonly of: Name;
  /** what it holds takes the place of what earlier sources hold */
  readonly overlay: boolean;
  readonly rules: readonly LayoutRule[];
  readonly clauses: readonly { readonly name: Name; readonly operands: readonly LayoutOperand[] }[];
}

/** `"a.{i}.{q,k,v}.{p}" | … -> b[i].qkv.{p} by rearrange(…)` */
export interface LayoutRule {
  /** keys of the checkpoint; several where releases differ */
  readonly from: readonly StringExpression[];
  readonly to: PathPattern;
  readonly by: Expression | undefined;
}

export type LayoutOperand =
  | { readonly kind: 'keys'; readonly key: StringExpression; readonly equals: StringExpression | undefined }
  | { readonly kind: 'paths'; readonly pattern: PathPattern };

/** `a.b[*].{c,d}_e.lora_*`, as text without spaces; `elaborate/pattern.ts` compiles it. */
export interface PathPattern {
  readonly text: string;
  readonly span: Span;
}

// ── members ─────────────────────────────────────────────────────────────────────────────────────
export type Member =
  | LetMember
  | ParamMember
  | SubmoduleMember
  | ForwardMember
  | FunctionDeclaration
  | EntryMember
  | MergeMember;

export interface LetMember extends Documented {
  readonly kind: 'let-member';
  readonly name: Name;
  readonly value: Expression;
}

/** A parameter, or a buffer: a checkpoint key that is no parameter. */
export interface ParamMember extends Documented {
  readonly kind: 'param';
  readonly buffer: boolean;
  readonly name: Name;
  readonly type: TensorTypeSyntax;
  readonly init: Expression;
  readonly keys: readonly StringExpression[];
  readonly resample: Expression | undefined;
}

export interface SubmoduleMember extends Documented {
  readonly kind: 'submodule';
  readonly name: Name;
  readonly value: Expression;
  readonly keys: readonly StringExpression[];
}

export interface ForwardMember extends Documented {
  readonly kind: 'forward';
  readonly signature: Signature;
  readonly body: Block;
  readonly backward: BackwardClause | undefined;
}

export interface EntryMember extends Documented {
  readonly kind: 'entry';
  readonly name: Name;
  readonly signature: Signature;
  readonly cache:
    | { readonly length: Name; readonly past: StringExpression; readonly present: StringExpression }
    | undefined;
  readonly body: Block;
}

export interface MergeMember extends Documented {
  readonly kind: 'merge';
  readonly name: Name;
  readonly value: Expression;
}

export interface Signature {
  readonly parameters: readonly Parameter[];
  readonly result: readonly ResultType[] | undefined;
}

export interface ResultType {
  readonly name: Name | undefined;
  readonly type: TensorTypeSyntax;
}

export interface Parameter {
  readonly name: Name;
  readonly type: TensorTypeSyntax | undefined;
  readonly fallback: Expression | undefined;
  readonly span: Span;
}

/** `[B, T, d]`, `int[B, T]`, or a bare name (`int`): the type of a compile-time value. */
export interface TensorTypeSyntax {
  readonly element: Name | undefined;
  readonly dims: readonly (Expression | { readonly kind: 'ellipsis'; readonly span: Span })[] | undefined;
  readonly span: Span;
}

// ── statements ──────────────────────────────────────────────────────────────────────────────────
export interface Block {
  readonly statements: readonly Statement[];
  readonly span: Span;
}

export type Statement =
  | { readonly kind: 'let'; readonly names: readonly Name[]; readonly value: Expression; readonly span: Span }
  | { readonly kind: 'assign'; readonly name: Name; readonly value: Expression; readonly span: Span }
  /** `update running_mean = …`: a buffer, in training */
  | { readonly kind: 'update'; readonly name: Name; readonly value: Expression; readonly span: Span }
  | {
      readonly kind: 'for';
      readonly names: readonly Name[];
      readonly over: Expression;
      readonly body: Block;
      readonly span: Span;
    }
  | {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly consequent: Block;
      readonly otherwise: Block | undefined;
      readonly span: Span;
    }
  | { readonly kind: 'expression'; readonly value: Expression; readonly span: Span };

// ── expressions ─────────────────────────────────────────────────────────────────────────────────
export type Expression =
  | NumberExpression
  | StringExpression
  | { readonly kind: 'bool'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'none'; readonly span: Span }
  | NameExpression
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'tuple'; readonly items: readonly Expression[]; readonly span: Span }
  | ComprehensionExpression
  | UnaryExpression
  | BinaryExpression
  | CallExpression
  | MemberExpression
  | IndexExpression
  | WhenExpression;

export interface NumberExpression {
  readonly kind: 'int' | 'float';
  readonly value: number;
  readonly span: Span;
}
export interface StringExpression {
  readonly kind: 'string';
  readonly value: string;
  readonly span: Span;
}
export interface NameExpression {
  readonly kind: 'name';
  readonly text: string;
  readonly span: Span;
}
export interface ComprehensionExpression {
  readonly kind: 'comprehension';
  readonly item: Expression;
  readonly names: readonly Name[];
  readonly over: Expression;
  readonly filter: Expression | undefined;
  readonly span: Span;
}
export interface UnaryExpression {
  readonly kind: 'unary';
  readonly operator: '-' | 'not';
  readonly operand: Expression;
  readonly span: Span;
}
export const BINARY_OPERATORS = [
  'or',
  'and',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '@',
  '**',
] as const;
export type BinaryOperator = (typeof BINARY_OPERATORS)[number];
export interface BinaryExpression {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
  readonly span: Span;
}
export interface Argument {
  readonly name: Name | undefined;
  readonly value: Expression;
  readonly span: Span;
}
/** `callee(arguments)`; `x |> f(a)` is f(x, a) with `piped` true. */
export interface CallExpression {
  readonly kind: 'call';
  readonly callee: Expression;
  readonly arguments: readonly Argument[];
  readonly piped: boolean;
  readonly span: Span;
}
export interface MemberExpression {
  readonly kind: 'member';
  readonly object: Expression;
  readonly member: Name;
  readonly span: Span;
}
export type IndexItem =
  | { readonly kind: 'at'; readonly index: Expression }
  | {
      readonly kind: 'range';
      readonly from: Expression | undefined;
      readonly to: Expression | undefined;
      readonly step: Expression | undefined;
    }
  | { readonly kind: 'rest' };
export interface IndexExpression {
  readonly kind: 'index';
  readonly object: Expression;
  readonly items: readonly IndexItem[];
  readonly span: Span;
}
/** `value when condition else otherwise`; without `otherwise` only as a submodule (off: identity) or a param (off: none). */
export interface WhenExpression {
  readonly kind: 'when';
  readonly value: Expression;
  readonly condition: Expression;
  readonly otherwise: Expression | undefined;
  readonly span: Span;
}
