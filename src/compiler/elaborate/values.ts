/**
 * Values of the language's two levels. Compile-time values (numbers, strings, lists, records, modules, …) exist
 * while a program is elaborated; tensors exist only while a body is traced into a graph.
 */
import type { SymbolicDim } from '../../shared/dim.ts';
import type { Initializer } from '../../shared/initializer.ts';
import type { FileScope } from '../check/program.ts';
import type { Span } from '../diagnostics/span.ts';
import type { TensorType, ValueId } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import type { Absence, ParameterInfo } from './parameter.ts';

export type Value =
  | { readonly kind: 'int'; readonly value: number }
  /** `division`: this came from dividing two ints with a remainder, which explains a fractional dimension */
  | {
      readonly kind: 'float';
      readonly value: number;
      readonly division?: { readonly left: number; readonly right: number; readonly span: Span };
    }
  /** `byFlag`: other flags could make it another, so what it leaves out is absent by a flag */
  | { readonly kind: 'bool'; readonly value: boolean; readonly byFlag?: true }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'dim'; readonly dim: SymbolicDim }
  /** lists and tuples */
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'record'; readonly record: ConfigRecord }
  /** `span`: the expression that made it, for labels */
  | { readonly kind: 'tensor'; readonly id: ValueId; readonly span: Span }
  | { readonly kind: 'parameter'; readonly parameter: ParameterInfo }
  /** `conditions`: the texts of its `when`s without `else`; `off`: one is false, so that a call is the identity */
  | {
      readonly kind: 'instance';
      readonly instance: ModuleInstance;
      readonly off: boolean;
      readonly conditions?: readonly string[];
    }
  | { readonly kind: 'module'; readonly declaration: ast.ModuleDeclaration; readonly file: FileScope }
  | {
      readonly kind: 'function';
      readonly declaration: ast.FunctionDeclaration;
      readonly file: FileScope;
      readonly self: ModuleInstance | undefined;
    }
  /** inside an adapter's forward: the adapted module without the adapter */
  | { readonly kind: 'base'; readonly instance: ModuleInstance }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'initializer'; readonly initializer: Initializer }
  | { readonly kind: 'resample'; readonly prefix: number }
  /** stands for something already reported; silences everything that touches it */
  | { readonly kind: 'error' };

export type TensorValue = Extract<Value, { readonly kind: 'tensor' }>;

export interface ModuleInstance {
  readonly declaration: ast.ModuleDeclaration;
  readonly file: FileScope;
  readonly path: string;
  readonly keys: readonly string[];
  /** arguments and `let` members */
  readonly values: Map<string, Value>;
  /** params and submodules, in order of declaration */
  readonly members: Map<string, Value>;
  readonly absent: Absence | undefined;
  /** where it was created: the member's expression */
  readonly span: Span;
  /** set by `adapt` */
  adapter: ModuleInstance | undefined;
  /** an adapter's: what it wraps */
  readonly base: ModuleInstance | undefined;
}

export interface ConfigField {
  readonly name: string;
  /** where its value was last given */
  readonly span: Span;
  /** an expression of the file, a value from outside, or a record */
  content:
    | { readonly kind: 'expression'; readonly expression: ast.Expression }
    | { readonly kind: 'value'; readonly value: Value }
    | { readonly kind: 'record'; readonly record: ConfigRecord };
}

export interface ConfigRecord {
  /** `vit`; empty for the whole config */
  readonly path: string;
  readonly fields: Map<string, ConfigField>;
}

export interface BoundArgument {
  readonly value: Value;
  readonly span: Span;
}

/** A tensor as an operand: its value, and the place and name diagnostics call it by. */
export interface Operand {
  readonly id: ValueId;
  readonly type: TensorType;
  readonly source: BoundArgument;
}

export const ERROR: Value = { kind: 'error' };
export const NONE: Value = { kind: 'none' };

export const int = (value: number): Value => ({ kind: 'int', value });
export const float = (value: number): Value => ({ kind: 'float', value });
export const bool = (value: boolean, byFlag = false): Value =>
  byFlag ? { kind: 'bool', value, byFlag } : { kind: 'bool', value };
export const list = (items: readonly Value[]): Value => ({ kind: 'list', items });

/** `an int`, `a tensor`, `the module Linear`: how diagnostics call a value. */
export function describe(value: Value): string {
  switch (value.kind) {
    case 'int':
      return `the int ${value.value}`;
    case 'float':
      return `the float ${value.value}`;
    case 'bool':
      return String(value.value);
    case 'string':
      return `the string ${JSON.stringify(value.value.slice(0, 40))}`;
    case 'none':
      return 'none';
    case 'dim':
      return 'a dynamic dimension';
    case 'list':
      return `a list of ${value.items.length}`;
    case 'record':
      return `the config record ${value.record.path || '(all)'}`;
    case 'tensor':
      return 'a tensor';
    case 'parameter':
      return `the parameter ${value.parameter.name}`;
    case 'instance':
      return `the submodule ${value.instance.path}`;
    case 'module':
      return `the ${value.declaration.kind} ${value.declaration.name.text}`;
    case 'function':
      return `the function ${value.declaration.name.text}`;
    case 'base':
      return 'the adapted module';
    case 'builtin':
      return `the function ${value.name}`;
    case 'initializer':
      return `the initialiser ${value.initializer.kind}`;
    case 'resample':
      return 'a resampling rule';
    case 'error':
      return 'an error';
  }
}
