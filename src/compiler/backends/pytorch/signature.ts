/** The parameters of a function: their names, and the axes that sizes are read from. */

import { isSymbolic } from '../../../shared/dim.ts';
import type { BodyRun } from '../../elaborate/record.ts';
import { typeOf, type ValueId } from '../../ir/graph.ts';
import type * as ast from '../../syntax/ast.ts';
import { parametersOf, type Recording } from './bodies.ts';
import type { Variables } from './scope.ts';
import type { Axis } from './sizes.ts';

export interface DeclaredParameters {
  readonly names: readonly string[];
  readonly axes: readonly Axis[];
  /** where new tensors go; undefined for a function without tensors */
  readonly device: string | undefined;
}

/** Those that hold tensors; the others were resolved at compile time. */
export function declaredParameters(run: BodyRun, recording: Recording, variables: Variables): DeclaredParameters {
  const names: string[] = [];
  const axes: Axis[] = [];
  let device: string | undefined;
  for (const [index, ids] of parametersOf(run, recording).entries()) {
    const { name, value } = run.parameters[index]!;
    if (ids.length === 0) continue;
    const declared = run.signature.parameters.find((parameter) => parameter.name.text === name)?.type;
    const variable = value.kind === 'list' ? variables.take(name) : variables.assign(name, ids[0]!);
    names.push(variable);
    for (const [at, id] of ids.entries()) {
      const text = value.kind === 'list' ? `${variable}[${at}]` : variable;
      if (value.kind === 'list') variables.set(id, text);
      device ??= `${text}.device`;
      axes.push(...axesOf(text, id, recording, declared));
    }
  }
  return { names, axes, device };
}

function axesOf(text: string, id: ValueId, { graph }: Recording, type: ast.TensorTypeSyntax | undefined): Axis[] {
  const { shape } = typeOf(graph, id);
  const dims = type?.dims ?? [];
  const rest = dims.findIndex((dim) => dim.kind === 'ellipsis');
  return shape.map((dim, axis) => {
    const fromEnd = dims.length - (shape.length - axis);
    const written = rest < 0 || axis < rest ? dims[axis] : fromEnd > rest ? dims[fromEnd] : undefined;
    const name = written?.kind === 'name' && isSymbolic(dim) ? written.text : undefined;
    return { text: `${text}.shape[${axis}]`, dim, name };
  });
}
