/** Where the tracer tells a recorder what it does; without one the work just runs. */
import type { Span } from '../diagnostics/span.ts';
import type { ValueId } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import type { Binding, BodyRun, Effect } from './record.ts';
import { NONE, type Value } from './values.ts';

type Names = readonly ast.Name[];
type Declared = {
  readonly signature: ast.Signature;
  readonly body: ast.Block;
  readonly doc?: string;
  readonly span?: Span;
};

function bindings(e: Evaluation, frame: Frame, names: Names): Binding[] {
  return names.flatMap((name) => {
    const value = frame.get(e.bindings.slotOf(name));
    return value ? [{ name: name.text, value }] : [];
  });
}

/** A value of a parameter's own: an input of the graph that is recorded, which is none to run. */
function ownValue(e: Evaluation, name: string, value: Value, at: Span): Value {
  if (value.kind === 'list') return { ...value, items: value.items.map((item) => ownValue(e, name, item, at)) };
  if (value.kind !== 'tensor' && value.kind !== 'parameter') return value;
  const { builder } = e.trace!;
  const { dtype, shape } = builder.typeOf(e.emission.tensorOf(value, at, undefined, name));
  return { kind: 'tensor', id: builder.input(`${name} ${builder.valueCount}`, dtype, shape), span: at };
}

/** A body whose parameters are in the frame. */
export function recordedBody<T extends Value | undefined>(
  e: Evaluation,
  { kind, name }: Pick<BodyRun, 'kind' | 'name'>,
  declared: Declared,
  frame: Frame,
  run: () => T,
): T {
  const { record, builder } = e.trace ?? {};
  if (!record || !builder) return run();
  const { signature, body, doc = '', span = body.span } = declared;
  const names = signature.parameters.map((parameter) => parameter.name);
  const outside = kind === 'entry' ? [] : bindings(e, frame, names);
  // the same tensor given twice is two parameters, and a body that returns what it was given returns its own
  for (const { name, value } of outside) {
    const slot = names.find(({ text }) => text === name)!;
    frame.set(e.bindings.slotOf(slot), ownValue(e, name, value, slot.span));
  }
  const parameters = bindings(e, frame, names);
  const given = (kind === 'entry' ? parameters : outside).map(({ value }) => value);
  let result: T | undefined;
  const called = { kind, name, self: frame.self, signature, body, doc, span, parameters, given };
  record.body(builder, called, () => {
    result = run();
    return result ?? NONE;
  });
  return result as T;
}

/** A statement of a body: what it does, and what its names are bound to then. */
export function recordedStatement<T>(e: Evaluation, statement: ast.Statement, frame: Frame, run: () => T): T {
  const { record, builder } = e.trace ?? {};
  // a loop records its iterations, and the branch that is taken stands in the place of the `if`
  if (!record || !builder || statement.kind === 'for' || statement.kind === 'if') return run();
  const names = statement.kind === 'let' ? statement.names : statement.kind === 'assign' ? [statement.name] : [];
  let result: T | undefined;
  record.statement(builder, statement.span, () => {
    result = run();
    return bindings(e, frame, names);
  });
  return result as T;
}

/** A loop. `iteration` gets what binds the names and what runs with them. */
export function recordedLoop(
  e: Evaluation,
  { names, span }: Extract<ast.Statement, { kind: 'for' }>,
  frame: Frame,
  run: (iteration: (bind: () => void, body: () => void) => void) => void,
): void {
  const { record, builder } = e.trace ?? {};
  if (!record || !builder) {
    run((bind, body) => {
      bind();
      body();
    });
    return;
  }
  record.loop(builder, span, (iteration) =>
    run((bind, body) =>
      iteration(() => {
        bind();
        const bound = bindings(e, frame, names);
        body();
        return bound;
      }),
    ),
  );
}

/** What `make` makes of a value, which means another thing in another graph. */
export function recordedEffect(
  e: Evaluation,
  operand: ValueId,
  make: () => ValueId,
  effect: (result: ValueId) => Effect,
): ValueId {
  const { record, builder } = e.trace ?? {};
  return record && builder ? record.effect(builder, operand, make, effect) : make();
}
