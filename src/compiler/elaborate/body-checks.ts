/** What is checked where a body is called: its arguments, its result, and that what is switched off keeps the shape. */
import { dtypeOf } from '../check/element-types.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Label } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { TensorType } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import { CONVERSIONS } from './builtin.ts';
import type { Evaluation } from './evaluation.ts';
import { printType, type SignatureDims } from './signature.ts';
import { type BoundArgument, describe, type ModuleInstance, type Value } from './values.ts';

export function checkArgument(
  e: Evaluation,
  callee: string,
  parameter: ast.Parameter,
  argument: BoundArgument,
  dims: SignatureDims,
  call: ast.CallExpression,
  instance: ModuleInstance | undefined,
): void {
  const type = parameter.type!;
  if (argument.value.kind === 'none' && parameter.fallback) return;
  const id = e.emission.tensorOf(argument.value, argument.span, undefined, `${parameter.name.text} of ${callee}`);
  const actual = e.emission.typeOf(id);
  const problem = dims.unify(type, actual, argument.span);
  if (!problem) return;
  const secondary: Label[] = problem.labels;
  if (
    argument.value.kind === 'tensor' &&
    !sameSpan(argument.value.span, argument.span) &&
    inside(argument.value.span, argument.span) === false
  ) {
    secondary.push({ span: argument.value.span, message: `${printType(actual)} was made here` });
  }
  const created = instance && problem.dim && createdWith(instance, problem.dim);
  if (created) secondary.unshift({ span: instance.span, message: created });
  const wants = dtypeOf(type.element?.text);
  const notes = wants === actual.dtype ? [] : [`convert it with ${CONVERSIONS[wants]}(…)`];
  e.fail(
    diagnose(
      'argument_shape',
      {
        callee,
        name: parameter.name.text,
        expected: dims.print(type),
        found: printType(actual),
        detail: problem.detail,
      },
      call.span.source === argument.span.source ? argument.span : call.span,
      { ...e.here(), label: `${printType(actual)} here`, secondary, notes },
    ),
  );
}

export function checkResult(
  e: Evaluation,
  callee: string,
  declared: readonly ast.ResultType[],
  result: Value,
  dims: SignatureDims,
  body: ast.Block,
): void {
  const last = body.statements.at(-1)?.span ?? body.span;
  const values = declared.length === 1 ? [result] : result.kind === 'list' ? result.items : [];
  if (values.length !== declared.length) {
    e.fail(
      diagnose(
        'result_shape',
        { callee, expected: `${declared.length} values`, found: describe(result) },
        last,
        e.here(),
      ),
    );
  }
  declared.forEach(({ type }, index) => {
    const actual = e.emission.typeOf(e.emission.tensorOf(values[index]!, last, undefined, `the result of ${callee}`));
    const expected = dims.print(type);
    const problem = dims.unify(type, actual, last);
    if (!problem) return;
    const secondary = [{ span: type.span, message: `${expected} is promised here` }, ...problem.labels.slice(1)];
    e.fail(
      diagnose('result_shape', { callee, expected, found: printType(actual) }, last, {
        ...e.here(),
        label: `this is ${printType(actual)}`,
        secondary,
      }),
    );
  });
}

export function checkKeepsShape(
  e: Evaluation,
  instance: ModuleInstance,
  args: ReadonlyMap<string, BoundArgument>,
  result: Value,
  call: ast.CallExpression,
): void {
  const first = passedOn(instance, args);
  if (result.kind === 'error') return;
  const typeOf = (value: Value, at: Span): TensorType | undefined =>
    value.kind === 'list' ? undefined : e.emission.typeOf(e.emission.tensorOf(value, at, undefined, instance.path));
  const from = first && typeOf(first.value, first.span);
  const to = typeOf(result, call.span);
  if (from && to && printType(from) === printType(to)) return;
  e.fail(
    diagnose(
      'identity_changes_shape',
      {
        name: instance.path || instance.declaration.name.text,
        from: from ? printType(from) : 'nothing',
        to: to ? printType(to) : describe(result),
      },
      instance.span,
      {
        ...e.here(),
        secondary: [{ span: call.span, message: 'called here' }],
        notes: ['off means the identity; where that cannot be, say what stands there instead: `… when flag else …`'],
      },
    ),
  );
}

/** What an instance that is off gives back: the argument of its forward's first parameter, whatever the order of the call's. */
export function passedOn(
  instance: ModuleInstance,
  args: ReadonlyMap<string, BoundArgument>,
): BoundArgument | undefined {
  const forward = instance.declaration.members.find((member) => member.kind === 'forward');
  const first = forward?.kind === 'forward' ? forward.signature.parameters[0] : undefined;
  return first && args.get(first.name.text);
}

/** `fc2 is created here with in_features = 64`: the arguments that a declared dimension is made of. */
function createdWith(instance: ModuleInstance, dim: ast.Expression): string | undefined {
  const sizes = namesOf(dim).flatMap((name) => {
    const value = instance.values.get(name);
    return value?.kind === 'int' ? [`${name} = ${value.value}`] : [];
  });
  return sizes.length === 0 ? undefined : `${instance.path} is created here with ${sizes.join(', ')}`;
}

function namesOf(expression: ast.Expression): string[] {
  if (expression.kind === 'name') return [expression.text];
  if (expression.kind === 'binary') return [...new Set([...namesOf(expression.left), ...namesOf(expression.right)])];
  return [];
}

function sameSpan(a: Span, b: Span): boolean {
  return a.source === b.source && a.start === b.start && a.end === b.end;
}

function inside(inner: Span, outer: Span): boolean {
  return inner.source === outer.source && inner.start >= outer.start && inner.end <= outer.end;
}
