/**
 * Signatures: checking actual tensors against declared types, and binding the dimensions a signature names.
 *
 * In `[B, T, d]` a name that means nothing else and starts with a capital is a dimension variable; it is bound by
 * the first argument that has it. `P + T` binds P once T is known. `...` stands for any number of axes and `_` for any one.
 */
import {
  addDims,
  type Dim,
  equalDims,
  isSymbolic,
  mulDims,
  printDim,
  printShape,
  type Shape,
  subDims,
  substituteDim,
  symbol,
  symbolsOf,
} from '../../shared/dim.ts';
import { dtypeOf } from '../check/element-types.ts';
import { capitalNames } from '../check/scope.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Label } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { TensorType } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import { DTYPE_NAMES } from './builtin.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import type { Value } from './values.ts';

/** Names of unbound dimension variables carry this mark, so that they never meet the graph's own symbols. */
const UNBOUND = '?';

/** What does not fit: a phrase, places in the declaration, and the declared dimension if it is one. */
export interface Misfit {
  readonly detail: string;
  readonly labels: Label[];
  readonly dim?: ast.Expression;
}

type TypeDim = NonNullable<ast.TensorTypeSyntax['dims']>[number];

export class SignatureDims {
  readonly bound = new Map<string, Dim>();
  /** where each variable was bound */
  private readonly places = new Map<string, Label>();
  private readonly slots = new Map<string, number>();
  private readonly evaluator: Evaluation;
  /** of its own: a body sees only what is bound */
  private readonly frame: Frame;

  constructor(evaluator: Evaluation, outer: Frame) {
    this.evaluator = evaluator;
    this.frame = outer.fresh();
  }

  /** The dimension variables of a declared dim. */
  private variables(dim: ast.Expression): { readonly name: string; readonly slot: number }[] {
    return capitalNames(dim).flatMap((node) => {
      const binding = this.evaluator.bindings.bindingOf(node);
      if (binding?.kind !== 'local' || binding.definition.kind !== 'dimension') return [];
      this.slots.set(node.text, binding.slot);
      return [{ name: node.text, slot: binding.slot }];
    });
  }

  /** Gives the body what its arguments bound. */
  bindInto(frame: Frame): void {
    for (const [name, dim] of this.bound) frame.set(this.slots.get(name)!, dimValue(dim));
  }

  /** The dim a signature writes, its unbound variables marked. */
  private declared(dim: ast.Expression): Dim {
    for (const { name, slot } of this.variables(dim))
      this.frame.set(slot, dimValue(this.bound.get(name) ?? symbol(UNBOUND + name)));
    return this.evaluator.dimOf(this.evaluator.expression(dim, this.frame), dim.span, 'a dimension');
  }

  /** In an entry the variables are the graph's own symbols. */
  declare(dim: ast.Expression): Dim {
    for (const { name } of this.variables(dim)) if (!this.bound.has(name)) this.bound.set(name, symbol(name));
    const declared = this.declared(dim);
    if (isSymbolic(declared) || (declared >= 0 && Number.isSafeInteger(declared))) return declared;
    return this.evaluator.fail(
      diagnose(
        'wrong_type',
        { what: 'a dimension', expected: `from 0 to ${Number.MAX_SAFE_INTEGER}`, found: String(declared) },
        dim.span,
        this.evaluator.here(),
      ),
    );
  }

  /** The text of a declared type with what is known filled in: `[B, T, 64]`. */
  print(type: ast.TensorTypeSyntax): string {
    const dims = (type.dims ?? []).map((dim) => {
      if (dim.kind === 'ellipsis') return '...';
      if (dim.kind === 'name' && dim.text === '_') return '_';
      const declared = this.evaluator.attempt(() => this.declared(dim));
      return declared === undefined
        ? dim.span.source.text.slice(dim.span.start, dim.span.end)
        : printDim(declared).replaceAll(UNBOUND, '');
    });
    return `${type.element ? type.element.text : ''}[${dims.join(', ')}]`;
  }

  /**
   * Checks a tensor against a declared type and binds what it names. Returns what does not fit: a phrase, and the
   * place in the declaration.
   */
  unify(type: ast.TensorTypeSyntax, actual: TensorType, at: Span): Misfit | undefined {
    if (!type.dims) return undefined;
    const dtype = dtypeOf(type.element?.text);
    if (dtype !== actual.dtype) {
      return {
        detail: `: its elements are ${DTYPE_NAMES[actual.dtype]}`,
        labels: [{ span: type.span, message: `${DTYPE_NAMES[dtype]} are declared here` }],
      };
    }
    const rest = type.dims.findIndex((dim) => dim.kind === 'ellipsis');
    const fixed = type.dims.length - (rest < 0 ? 0 : 1);
    if (rest < 0 ? actual.shape.length !== fixed : actual.shape.length < fixed) {
      const wants = `${rest < 0 ? '' : 'at least '}${fixed} ${fixed === 1 ? 'axis' : 'axes'}`;
      return {
        detail: `: it has ${actual.shape.length} ${actual.shape.length === 1 ? 'axis' : 'axes'}`,
        labels: [{ span: type.span, message: `${wants} declared here` }],
      };
    }
    const skipped = actual.shape.length - fixed;
    for (const [index, dim] of type.dims.entries()) {
      if (dim.kind === 'ellipsis') continue;
      const axis = rest >= 0 && index > rest ? index + skipped - 1 : index;
      const problem = this.unifyDim(dim, actual.shape[axis]!, axis, at);
      if (problem) return problem;
    }
    return undefined;
  }

  private unifyDim(
    dim: Exclude<TypeDim, { kind: 'ellipsis' }>,
    actual: Dim,
    axis: number,
    at: Span,
  ): Misfit | undefined {
    if (dim.kind === 'name' && dim.text === '_') return undefined;
    const declared = this.declared(dim);
    const unbound = symbolsOf(declared).filter((name) => name.startsWith(UNBOUND));
    const [only] = unbound;
    if (only !== undefined) {
      const value = unbound.length === 1 ? solve(declared, only, actual) : undefined;
      if (value === undefined) {
        return this.evaluator.fail(diagnose('dim_unbound', { name: only.slice(1) }, dim.span, this.evaluator.here()));
      }
      this.bound.set(only.slice(1), value);
      this.places.set(only.slice(1), { span: at, message: `${only.slice(1)} is ${printDim(value)} from here` });
      return undefined;
    }
    if (equalDims(declared, actual)) return undefined;
    const text = dim.span.source.text.slice(dim.span.start, dim.span.end);
    const labels: Label[] = [
      {
        span: dim.span,
        message: text === printDim(declared) ? `${text} is declared here` : `${text} is ${printDim(declared)}`,
      },
    ];
    for (const { text: name } of capitalNames(dim)) {
      const place = this.places.get(name);
      if (place) labels.push(place);
    }
    return {
      detail: `: axis ${axis} is ${printDim(actual)} and ${text}${text === printDim(declared) ? '' : ` is ${printDim(declared)}`}`,
      labels,
      dim,
    };
  }
}

/** x with declared(x) = actual, where declared is linear in x with coefficient 1. */
function solve(declared: Dim, name: string, actual: Dim): Dim | undefined {
  const rest = substituteDim(declared, new Map([[name, 0]]));
  const coefficient = subDims(substituteDim(declared, new Map([[name, 1]])), rest);
  if (!equalDims(coefficient, 1) || !equalDims(addDims(rest, mulDims(1, symbol(name))), declared)) return undefined;
  return subDims(actual, rest);
}

const dimValue = (dim: Dim): Value => (isSymbolic(dim) ? { kind: 'dim', dim } : { kind: 'int', value: dim });

export function printType({ dtype, shape }: { dtype: TensorType['dtype']; shape: Shape }): string {
  return `${dtype === 'f32' ? '' : dtype === 'i64' ? 'int' : 'bool'}${printShape(shape)}`;
}
