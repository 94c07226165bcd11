/** `backward` clauses as functions of autograd: the value of the body goes forward, the gradients of the clause go back. */
import type { BodyRun } from '../../elaborate/record.ts';
import type { ValueId } from '../../ir/graph.ts';
import { type Flat, parametersOf, type Recording, readsOf, type Written } from './bodies.ts';
import type { Context } from './context.ts';
import { indented } from './layout.ts';
import { docString } from './python.ts';

/**
 * The name of the class for a clause, which is called with the value, what the gradients are of, and what the clause reads beside:
 *
 *   class SwingGradient(torch.autograd.Function):
 *       def forward(ctx, y, x, scale, s): …      y as it is; x, scale and s are kept
 *       def backward(ctx, dy): …                 None for y, two gradients, None for s
 *
 * @param write writes a body, as its lines and the variables of its parameters
 * @throws TorchProblem
 */
export function gradientFunction(
  run: BodyRun,
  written: Written,
  clause: Flat,
  context: Context,
  write: (run: BodyRun, body: Flat) => { readonly lines: readonly string[]; readonly parameters: readonly string[] },
): string {
  const { targets, captured, upstream } = written;
  const given = readsOf(written).slice(1);
  const names = namesOf(run, clause, context.recording);
  const parameters = [upstream, ...captured].map((id, index) => ({
    name: index === 0 ? 'dy' : (names.get(id) ?? 'saved'),
    value: { kind: 'tensor' as const, id, span: run.span },
  }));
  // no member is at hand: what the clause reads is given to it
  const own: BodyRun = { ...run, kind: 'function', name: `${run.name}'s backward clause`, self: undefined, parameters };
  const padded = { before: ['None'], after: given.slice(targets.length).map(() => 'None') };
  const { lines, parameters: variables } = write(own, { ...clause, padded });
  const [dy, ...kept] = variables;
  const variableOf = (id: ValueId, index: number): string => kept[captured.indexOf(id)] ?? `_${index}`;
  const comma = kept.length === 1 ? ',' : '';
  const owner = run.self && run.kind !== 'function' ? run.self.declaration.name.text : run.name;
  return context.gradientClass(`${owner[0]!.toUpperCase()}${owner.slice(1)}Gradient`, [
    ...docString(`What flows back through ${owner}, as its backward clause says.`),
    '',
    '@staticmethod',
    `def forward(${['ctx', 'y', ...given.map(variableOf)].join(', ')}):`,
    ...indented([...(kept.length > 0 ? [`ctx.save_for_backward(${kept.join(', ')})`] : []), 'return y.view_as(y)']),
    '',
    '@staticmethod',
    `def backward(ctx, ${dy}):`,
    ...indented([...(kept.length > 0 ? [`${kept.join(', ')}${comma} = ctx.saved_tensors`] : []), ...lines]),
  ]);
}

/** What the source calls values: parameters of the body, members of its module, lets. */
function namesOf(run: BodyRun, { hints }: Flat, recording: Recording): Map<ValueId, string> {
  const names = new Map(hints);
  for (const [id, key] of recording.keys) names.set(id, key.slice(key.lastIndexOf('.') + 1));
  for (const [index, ids] of parametersOf(run, recording).entries())
    for (const id of ids) names.set(id, run.parameters[index]!.name);
  const visit = (steps: BodyRun['steps']): void => {
    for (const step of steps) {
      if (step.kind !== 'statement') continue;
      visit(step.steps);
      for (const { name, value } of step.bindings)
        if (value.kind === 'tensor' && !names.has(value.id)) names.set(value.id, name);
    }
  };
  visit(run.steps);
  return names;
}
