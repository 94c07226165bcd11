/**
 * What the parts of elaboration ask of each other while a program runs. The Evaluator (evaluator.ts) is one; its parts
 * know it by this interface, so that none of them imports what imports it.
 */
import type { Dim } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { NameNode, NameTable } from '../check/name-table.ts';
import type { FileSymbol, Program } from '../check/program.ts';
import type { DiagnosticExtras } from '../diagnostics/catalogue.ts';
import type { Diagnostic, DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Origin, TensorType, ValueId } from '../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import type * as ast from '../syntax/ast.ts';
import type { CallStack } from './call-stack.ts';
import type { Frame } from './frame.ts';
import type { ParameterInfo } from './parameter.ts';
import type { Settings } from './settings.ts';
import type { Table } from './tables.ts';
import type { Trace } from './trace.ts';
import type { ConfigField, ConfigRecord, ModuleInstance, Operand, Value } from './values.ts';

/** The model's tree of modules: instantiate.ts. */
interface Modules {
  /** path of what is being created; undefined while nothing is */
  readonly path: string | undefined;
  readonly instances: ReadonlyMap<string, ModuleInstance>;
  readonly parameters: ReadonlyMap<string, ParameterInfo>;
  /** parameters of what is switched off */
  readonly absent: readonly ParameterInfo[];
  frameOf(instance: ModuleInstance): Frame;
}

/** Bodies that run on symbols: tracer.ts. */
interface Bodies {
  parameter(parameter: ParameterInfo): ValueId;
}

/** Limits on work: effort.ts. */
interface Limits {
  step(at: Span, amount?: number): void;
  table(op: string, table: Table, at: Span): void;
  nested<T>(weight: number, at: Span, work: () => T): T;
}

/** What names stand for: lookup.ts. */
interface Names {
  name(node: NameNode, frame: Frame): Value;
  symbolOf(node: NameNode): FileSymbol;
  fieldValue(field: ConfigField, record: ConfigRecord, within: readonly ConfigRecord[]): Value;
}

/** Values as nodes of the graph: emission.ts. */
interface Nodes {
  tensorOf(value: Value, at: Span, dtype: DType | undefined, what: string): ValueId;
  typeOf(id: ValueId): TensorType;
  origin(at: Span): Origin;
  emit<N extends OpName>(op: N, operands: Operands<N, Operand>, attributes: OpAttributes[N], at: Span): Value[];
  require(dim: Dim, what: string, at: Span): void;
  operand(value: Value, span: Span, dtype?: DType): Operand;
}

/** Is told of every value, for editors: observer.ts. */
interface Listener {
  see(e: Evaluation, node: { readonly span: Span }, value: Value): void;
}

export interface Evaluation {
  readonly program: Program;
  /** what each name stands for */
  readonly bindings: NameTable;
  readonly bag: DiagnosticBag;
  /** the functions of the language, by name */
  readonly builtins: ReadonlyMap<string, { readonly name: string }>;
  readonly modules: Modules;
  readonly tracer: Bodies;
  readonly effort: Limits;
  readonly names: Names;
  readonly emission: Nodes;
  readonly calls: CallStack;
  readonly settings: Settings | undefined;
  /** the graph being traced, if any */
  trace: Trace | undefined;
  readonly observer: Listener | undefined;
  /** texts of the conditions that enclose what is being evaluated */
  readonly guards: readonly string[];
  /** reported so far, repeated ones included */
  errors: number;

  report(diagnostic: Diagnostic): void;
  /** Reports and throws Reported. */
  fail(diagnostic: Diagnostic): never;
  rootFrame(): Frame;
  /** The instance being traced or created, as a diagnostic's context. */
  here(): DiagnosticExtras;
  attempt<T>(work: () => T): T | undefined;
  quietly<T>(work: () => T): T | undefined;
  expression(expression: ast.Expression, frame: Frame): Value;
  guarded<T>(condition: ast.Expression, holds: boolean, work: () => T): T;
  condition(expression: ast.Expression, frame: Frame): boolean;
  comprehension<T>(expression: ast.ComprehensionExpression, frame: Frame, item: (index: number) => T): T[];
  iterate(value: Value, at: Span): readonly Value[];
  assign(name: ast.Name, value: Value, frame: Frame): void;
  destructure(names: readonly ast.Name[], value: Value, frame: Frame, at: Span): void;
  intOf(value: Value, at: Span, what: string): number;
  dimOf(value: Value, at: Span, what: string): Dim;
}
