/** What names mean: each declaration once, and for every name in a program's files which of them it stands for. */
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { FileSymbol } from './program.ts';

export type DefinitionKind =
  | 'module'
  | 'model'
  | 'adapter'
  | 'function'
  | 'flag'
  | 'config'
  | 'config field'
  | 'stage'
  | 'layout'
  | 'entry'
  | 'argument'
  | 'let'
  | 'param'
  | 'buffer'
  | 'submodule'
  | 'dimension'
  | 'output'
  | 'import'
  | 'base';

/** A declaration that names stand for. One object for all its uses, in every file. */
export interface Definition {
  readonly kind: DefinitionKind;
  readonly name: string;
  /** the name, where it is declared */
  readonly span: Span;
  /** its doc comment */
  readonly doc: string;
  /** of `import { Linear as L }`: what L is another name for */
  readonly target?: Definition | undefined;
}

/**
 * Where elaboration finds the value of a name:
 *
 *     local    a slot of the body's frame: an argument, a let, a loop's variable, a dimension
 *     member   an argument, let, param or submodule of the module, or of the module that an adapter adapts
 *     method   a function of the module
 *     base     what an adapter adapts
 *     config   a field of the config records in sight; configs differ, so where the chosen one lacks it: `otherwise`
 *     symbol   a declaration of the file, or one that it imports
 *     builtin  a built-in function
 *     entry    an entry of the model, where a role is given
 */
export type Binding =
  | {
      readonly kind: 'local';
      readonly slot: number;
      readonly definition: Definition;
      /** in an adapter, what a name of the module stands for until the body assigns it */
      readonly before?: Binding;
    }
  | { readonly kind: 'member'; readonly of: 'self' | 'base'; readonly name: string; readonly definition: Definition }
  | { readonly kind: 'method'; readonly declaration: ast.FunctionDeclaration; readonly definition: Definition }
  | { readonly kind: 'base'; readonly definition: Definition }
  | {
      readonly kind: 'config';
      readonly name: string;
      /** the object of `phi.hidden_size`: a record, where a flag may have the same name */
      readonly record: boolean;
      readonly definition: Definition;
      readonly otherwise: Binding | undefined;
    }
  | { readonly kind: 'symbol'; readonly symbol: FileSymbol; readonly definition: Definition }
  | { readonly kind: 'builtin'; readonly name: string; readonly definition: undefined }
  | { readonly kind: 'entry'; readonly name: string; readonly definition: Definition };

/** A name in a file: where, and what it stands for. A declaration is the first use of itself. */
export interface Use {
  readonly span: Span;
  readonly definition: Definition;
}
