/**
 * `backward` clauses: what flows back through a body as the model's file says it. The clause is traced once, behind its body, on
 * a value that stands for the gradient of the result (ops/custom-gradients.ts); differentiation puts that gradient in its place.
 */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import type { ValueId } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { printType } from './signature.ts';
import { type BoundArgument, describe, type Value } from './values.ts';

/** What a gradient is of; `id` is absent for an argument that this call gives no tensor: `none`, or a number. */
interface Target {
  readonly name: ast.Name;
  readonly id: ValueId | undefined;
}

export interface OpenClause {
  readonly clause: ast.BackwardClause;
  readonly targets: readonly Target[];
  /** the arguments of the call */
  readonly given: ReadonlySet<ValueId>;
  /** nodes of the graph before the body */
  readonly before: number;
}

/** Takes the values that gradients are of, before the body gives their names others. */
export function openClause(
  e: Evaluation,
  callee: string,
  clause: ast.BackwardClause,
  frame: Frame,
  args: Iterable<BoundArgument>,
): OpenClause {
  const given = [...args].flatMap(({ value, span }) =>
    value.kind === 'tensor' || value.kind === 'parameter' ? [e.emission.tensorOf(value, span, undefined, callee)] : [],
  );
  const targets = clause.targets.map((name): Target => {
    const value = e.names.name(name, frame);
    if (value.kind === 'none' || value.kind === 'int' || value.kind === 'float') return { name, id: undefined };
    const buffer = value.kind === 'parameter' && value.parameter.buffer;
    const id =
      value.kind === 'tensor' || value.kind === 'parameter'
        ? e.emission.tensorOf(value, name.span, 'f32', name.text)
        : undefined;
    if (id !== undefined && !buffer && e.emission.typeOf(id).dtype === 'f32') return { name, id };
    const found = buffer
      ? 'a buffer, which no gradient moves'
      : id === undefined
        ? describe(value)
        : printType(e.emission.typeOf(id));
    return e.fail(diagnose('gradient_target', { callee, name: name.text, found }, name.span, e.here()));
  });
  return { clause, targets, given: new Set(given), before: e.trace?.builder.nodeCount ?? 0 };
}

/**
 * What a body with a clause gives: its result, whose gradient is the clause's.
 * @param run the clause's body, with the name of the upstream gradient bound
 */
export function closeClause(
  e: Evaluation,
  callee: string,
  open: OpenClause,
  result: Value,
  frame: Frame,
  run: (body: ast.Block) => Value | undefined,
): Value {
  const { clause, targets } = open;
  const { builder } = e.trace!;
  const { upstream, estimator, body } = clause;
  const last = body.statements.at(-1)?.span ?? body.span;
  const found = result.kind === 'list' ? `${result.items.length} values` : describe(result);
  const y =
    result.kind === 'list' || result.kind === 'none'
      ? undefined
      : e.emission.tensorOf(result, clause.span, 'f32', `the result of ${callee}`);
  if (y === undefined || e.emission.typeOf(y).dtype !== 'f32')
    return e.fail(
      diagnose(
        'gradient_result',
        { callee, found: y === undefined ? found : printType(e.emission.typeOf(y)) },
        clause.span,
        e.here(),
      ),
    );
  checkCaptured(e, callee, open, y);
  const origin = e.emission.origin(clause.span);
  const call = builder.nodeCount;
  const { shape } = e.emission.typeOf(y);
  const id = builder.node('upstream_gradient', [], { call, shape }, origin);
  e.assign(upstream, { kind: 'tensor', id, span: upstream.span }, frame);
  const outer = e.trace!.backward;
  e.trace!.backward = true;
  const given = run(body);
  e.trace!.backward = outer;
  const values = given?.kind === 'list' ? given.items : given ? [given] : [];
  if (values.length !== targets.length)
    return e.fail(
      diagnose('gradient_count', { callee, targets: targets.length, found: values.length }, last, {
        ...e.here(),
        secondary: [
          {
            span: targets[0]!.name.span,
            message: `gradients of ${targets.map(({ name }) => name.text).join(', ')} are promised here`,
          },
        ],
      }),
    );
  const pairs = targets.flatMap(({ name, id: x }, index): (readonly [ValueId, ValueId])[] => {
    const value = values[index]!;
    return x === undefined ? [] : [[x, gradientOf(e, callee, name, x, value, last)]];
  });
  if (pairs.length === 0) return result;
  const inputs: readonly [ValueId, ...ValueId[]] = [y, ...pairs.map(([x]) => x), ...pairs.map(([, dx]) => dx)];
  return { kind: 'tensor', id: builder.node('with_gradient', inputs, { call, estimator }, origin), span: clause.span };
}

function gradientOf(e: Evaluation, callee: string, name: ast.Name, x: ValueId, value: Value, at: Span): ValueId {
  const wanted = e.emission.typeOf(x);
  const secondary = [{ span: name.span, message: `${name.text} is ${printType(wanted)}` }];
  const wrong = (found: string): never =>
    e.fail(
      diagnose('gradient_shape', { callee, name: name.text, expected: printType(wanted), found }, at, {
        ...e.here(),
        secondary,
      }),
    );
  if (value.kind === 'none' || value.kind === 'list') return wrong(describe(value));
  const id = e.emission.tensorOf(value, at, 'f32', `the gradient of ${name.text}`);
  const found = printType(e.emission.typeOf(id));
  return found === printType(wanted) ? id : wrong(found);
}

/** A param that the body reads and the clause leaves out would never train, and nothing would say so. */
function checkCaptured(
  e: Evaluation,
  callee: string,
  { clause, targets, given, before }: OpenClause,
  y: ValueId,
): void {
  const { builder, parameters } = e.trace!;
  const named = new Set([...given, ...targets.map(({ id }) => id)]);
  const read = builder.sourcesOf(y, before, named);
  for (const [key, { buffer, dtype, span }] of parameters) {
    const id = builder.knownParameter(key);
    if (buffer || dtype !== 'f32' || id === undefined || named.has(id) || !read.has(id)) continue;
    e.fail(
      diagnose('gradient_missing', { callee, name: key }, clause.span, {
        ...e.here(),
        secondary: [{ span, message: 'the param is declared here' }],
        notes: [
          'name it behind `->`, pass it as an argument, or read it as `stop_gradient(…)` if it is not to train by this',
        ],
      }),
    );
  }
}
