/** Matching a call's arguments to parameters, for builtins, modules and functions alike. */

import { diagnose } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean, fix, suggest } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { BoundCall, type Builtin } from './builtin.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { argumentHabit, listNotes } from './habits.ts';
import { Reported } from './reported.ts';
import type { BoundArgument, Value } from './values.ts';

export interface FormalParameter {
  readonly name: string;
  readonly optional: boolean;
  /** where it is declared, if in MDL */
  readonly span?: Span | undefined;
}

/** An argument; `known` is its value where that is no longer to be computed. */
type Actual = ast.Argument & { readonly known?: Value };

/**
 * Positional arguments in order, then named ones. Reports every argument that does not fit, then throws Reported.
 * `extras` takes named arguments that no parameter has (the sizes of a rearrange pattern).
 */
export function bindArguments(
  evaluator: Evaluation,
  callee: string,
  formals: readonly FormalParameter[],
  actuals: readonly Actual[],
  at: Span,
  frame: Frame,
  extras?: Map<string, BoundArgument>,
): Map<string, BoundArgument> {
  const bound = new Map<string, BoundArgument>();
  let failed = false;
  const reject = (diagnostic: Diagnostic): void => {
    failed = true;
    evaluator.report(diagnostic);
  };
  const names = formals.map((candidate) => candidate.name);
  // parameters that were given under the name that PyTorch has for them
  const meant = new Set<string>();
  let surplus: Span | undefined;
  let position = 0;
  for (const { name, value, span, known } of actuals) {
    const formal = name ? formals.find((candidate) => candidate.name === name.text) : formals[position++];
    const evaluated = known ?? evaluator.attempt(() => evaluator.expression(value, frame));
    if (evaluated === undefined || evaluated.kind === 'error') {
      failed = true;
      if (formal) bound.set(formal.name, { value: { kind: 'error' }, span: value.span });
      continue;
    }
    const argument: BoundArgument = { value: evaluated, span: value.span };
    if (!formal) {
      if (!name) surplus ??= span;
      else if (extras) extras.set(name.text, argument);
      else {
        const habit = argumentHabit(name.text, names);
        if (habit) meant.add(habit.parameter);
        const near = habit ? suggest(habit.parameter, name.span) : didYouMean(name.text, names, name.span);
        const notes = habit?.notes ?? (near ? [] : takes(callee, formals));
        reject(
          diagnose('unknown_argument', { callee, name: name.text }, name.span, {
            ...evaluator.here(),
            notes,
            suggestions: fix(near),
          }),
        );
      }
      continue;
    }
    const before = bound.get(formal.name);
    if (before) {
      const secondary = [{ span: before.span, message: `${formal.name} is given here first` }];
      reject(diagnose('repeated_argument', { callee, name: formal.name }, span, { ...evaluator.here(), secondary }));
    } else bound.set(formal.name, argument);
  }
  if (surplus) {
    const details = { callee, most: formals.length, found: position };
    const ofList = listNotes(callee, names, actuals);
    const notes = ofList.length > 0 ? ofList : takes(callee, formals);
    reject(diagnose('too_many_arguments', details, surplus, { ...evaluator.here(), notes }));
  }
  for (const formal of formals) {
    if (formal.optional || bound.has(formal.name) || meant.size > 0) continue;
    reject(
      diagnose('missing_argument', { callee, name: formal.name }, at, {
        ...evaluator.here(),
        secondary: formal.span
          ? [{ span: formal.span, message: `${formal.name} is declared here and has no default` }]
          : [],
      }),
    );
  }
  if (failed) throw new Reported();
  return bound;
}

function takes(callee: string, formals: readonly FormalParameter[]): string[] {
  return [
    formals.length === 0
      ? `${callee} takes no arguments`
      : `${callee} takes ${formals.map((formal) => formal.name).join(', ')}`,
  ];
}

const formalsOf = new WeakMap<Builtin, readonly FormalParameter[]>();

export function callBuiltin(evaluator: Evaluation, builtin: Builtin, call: ast.CallExpression, frame: Frame): Value {
  let formals = formalsOf.get(builtin);
  if (!formals) {
    formals = builtin.parameters
      .filter((name) => !name.endsWith('**'))
      .map((name) => ({ name: name.replace('?', ''), optional: name.endsWith('?') }));
    formalsOf.set(builtin, formals);
  }
  const takesMore = builtin.parameters.some((name) => name.endsWith('**'));
  const extras = new Map<string, BoundArgument>();
  const bound = bindArguments(
    evaluator,
    builtin.name,
    formals,
    call.arguments,
    call.span,
    frame,
    takesMore ? extras : undefined,
  );
  return builtin.call(new BoundCall(evaluator, builtin.name, call, bound, extras));
}

/**
 * A list that is called: each of its items in turn, with what the one before gave in place of the first argument and the other
 * arguments as they are. An empty list gives its first argument back.
 */
export function callSequence(
  evaluator: Evaluation,
  items: readonly Value[],
  call: ast.CallExpression,
  frame: Frame,
  callItem: (item: Value, call: ast.CallExpression) => Value,
): Value {
  const [first, ...others] = call.arguments.map((argument): Actual & { known: Value } => ({
    ...argument,
    known: evaluator.expression(argument.value, frame),
  }));
  if (!first || first.name) {
    const found = first?.name ? `named ${first.name.text}` : 'missing';
    const details = { what: 'the first argument of a list that is called', expected: 'given by its place', found };
    return evaluator.fail(diagnose('wrong_type', details, call.span, evaluator.here()));
  }
  return items.reduce<Value>(
    (known, item) => callItem(item, { ...call, arguments: [{ ...first, known } as Actual, ...others] }),
    first.known,
  );
}
