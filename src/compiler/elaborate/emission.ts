/** Values as operands, and nodes of the graph being traced; operands that do not fit are reported with both sides labelled. */
import { type Dim, printShape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Label } from '../diagnostics/diagnostic.ts';
import { formatPosition, type Span } from '../diagnostics/span.ts';
import type { Origin, TensorType, ValueId } from '../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import { mapOperands } from '../ops/operands.ts';
import { TypeRuleError } from '../ops/spec.ts';
import type { Evaluation } from './evaluation.ts';
import { Reported } from './reported.ts';
import { tablesOf } from './tables.ts';
import { describe, type Operand, type Value } from './values.ts';

/** What a node of a graph costs: a type rule runs and a record stays. */
const NODE_STEPS = 50;

export class Emission {
  private readonly evaluator: Evaluation;

  constructor(evaluator: Evaluation) {
    this.evaluator = evaluator;
  }

  /** The tensor a value stands for: itself, a parameter's, or a number as a constant. */
  tensorOf(value: Value, at: Span, dtype: DType | undefined, what: string): ValueId {
    if (value.kind === 'tensor') return value.id;
    if (value.kind === 'error') throw new Reported();
    const trace = this.evaluator.trace;
    if (!trace)
      return this.evaluator.fail(diagnose('tensor_at_compile_time', { name: what }, at, this.evaluator.here()));
    switch (value.kind) {
      case 'parameter':
        return this.evaluator.tracer.parameter(value.parameter);
      case 'int':
        return trace.builder.scalar(value.value, dtype === 'f32' ? 'f32' : 'i64');
      case 'float':
        return trace.builder.scalar(value.value, 'f32');
      case 'bool':
        return trace.builder.scalar(value.value ? 1 : 0, 'bool');
      case 'dim': {
        const size = trace.builder.node('dim_size', [], { dim: value.dim }, this.origin(at));
        // as an int does, so that a body means the same for static and dynamic sizes
        return dtype === 'f32' ? trace.builder.node('cast', [size], { to: 'f32' }, this.origin(at)) : size;
      }
      default: {
        const notes =
          value.kind === 'list'
            ? ['a list of numbers becomes a tensor by `tensor([0.1, 0.2])`, one of tensors by `stack`']
            : [];
        const details = { what, expected: 'a tensor', found: describe(value) };
        return this.evaluator.fail(diagnose('wrong_type', details, at, { ...this.evaluator.here(), notes }));
      }
    }
  }

  /** What a name stands for where it is read: of a buffer its value, which an `update` behind it leaves as it is. */
  now(value: Value, span: Span): Value {
    const traced = this.evaluator.trace && value.kind === 'parameter' && value.parameter.buffer;
    return traced ? { kind: 'tensor', id: this.evaluator.tracer.parameter(value.parameter), span } : value;
  }

  typeOf(id: ValueId): TensorType {
    return this.evaluator.trace!.builder.typeOf(id);
  }

  /** Where a node comes from: the module that makes it, and the line of the user's file that asks for it. */
  origin(at: Span): Origin {
    const { source, start } = this.evaluator.calls.usersPlace(at);
    return { path: this.evaluator.trace?.path ?? '', source: formatPosition(source, start) };
  }

  /** Adds a node to the graph; operands that do not fit are reported with both sides labelled. */
  emit<N extends OpName>(op: N, operands: Operands<N, Operand>, attributes: OpAttributes[N], at: Span): Value[] {
    if (!this.evaluator.trace)
      this.evaluator.fail(diagnose('tensor_at_compile_time', { name: op }, at, this.evaluator.here()));
    this.evaluator.effort.step(at, NODE_STEPS);
    try {
      const { builder, training } = this.evaluator.trace;
      const ids = mapOperands(op, operands, (operand) => operand.id);
      const results = builder.nodeOutputs(op, ids, attributes, this.origin(at));
      const types = ids.map((id) => builder.typeOf(id));
      for (const table of tablesOf(op, types, attributes, training !== undefined))
        this.evaluator.effort.table(op, table, at);
      return results.map((id) => ({ kind: 'tensor', id, span: at }));
    } catch (error) {
      if (!(error instanceof TypeRuleError)) throw error;
      const secondary = error.sides.flatMap(({ operand, axis, label }): Label[] => {
        const source = operands[operand]?.source;
        if (!source) return [];
        if (source.value.kind === 'parameter') {
          const { dimSpans, span } = source.value.parameter;
          return [{ span: (axis === undefined ? undefined : dimSpans[axis]) ?? span, message: label }];
        }
        const { value } = source;
        const madeElsewhere =
          value.kind === 'tensor' &&
          !(value.span.source === at.source && value.span.start >= at.start && value.span.end <= at.end);
        const origin = madeElsewhere
          ? [{ span: value.span, message: `${printShape(this.typeOf(value.id).shape)} was made here` }]
          : [];
        return [{ span: source.span, message: label }, ...origin];
      });
      return this.evaluator.fail(
        diagnose('shape_clash', { text: error.message }, at, {
          ...this.evaluator.here(),
          secondary,
          notes: error.note ? [error.note] : [],
        }),
      );
    }
  }

  /** The graph needs `dim` ≥ 0; what no sizes give is reported. */
  require(dim: Dim, what: string, at: Span): void {
    const { evaluator } = this;
    const trace =
      evaluator.trace ?? evaluator.fail(diagnose('tensor_at_compile_time', { name: what }, at, evaluator.here()));
    try {
      trace.builder.require({ dim, what, origin: this.origin(at) });
    } catch (error) {
      if (!(error instanceof TypeRuleError)) throw error;
      evaluator.fail(diagnose('shape_clash', { text: error.message }, at, evaluator.here()));
    }
  }

  /** An operand from a value, for operators and for code that composes ops. */
  operand(value: Value, span: Span, dtype?: DType): Operand {
    const id = this.tensorOf(value, span, dtype, 'an operand');
    return { id, type: this.typeOf(id), source: { value, span } };
  }
}
