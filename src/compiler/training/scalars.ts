/** The scalars of a loss entry: what training makes small, what it logs, and what validation averages. */
import { ROLE_PORTS } from '../../shared/roles.ts';
import { PORTS } from '../../shared/training.ts';
import type { NodeSink } from '../ir/editor.ts';
import { type Graph, type GraphOutput, typeOf, type ValueId } from '../ir/graph.ts';
import { fitting, portIn } from '../role-ports.ts';
import { StageError } from './stage-error.ts';

/** Outputs of shape [] that are numbers, in the order of the entry. */
export function scalarsOf(graph: Graph): readonly GraphOutput[] {
  return graph.outputs.filter(({ value }) => {
    const { dtype, shape } = typeOf(graph, value);
    return shape.length === 0 && dtype !== 'bool';
  });
}

/**
 * The output that training makes small.
 * @param named the output that the file names; the one called `loss`, or the only f32 scalar, when undefined
 * @throws StageError where there is none, or where several could be it
 */
export function lossOutput(graph: Graph, named: string | undefined): GraphOutput {
  const found = portIn(graph, graph.outputs, ROLE_PORTS.loss.gives, named);
  if (found) return found;
  const several = fitting(graph, graph.outputs, ROLE_PORTS.loss.gives).map(({ name }) => name);
  const names = graph.outputs.map(({ name }) => name).join(', ');
  throw new StageError(
    several.length > 0
      ? `the entry \`${graph.name}\` gives the scalars ${several.join(', ')}, and none is called \`loss\`: say which it is with \`minimize ${graph.name}.${several[0]}\` in the stage`
      : `the entry \`${graph.name}\` gives ${names || 'nothing'}, and training needs a scalar output \`loss\``,
  );
}

/**
 * The scalars beside the loss.
 * @throws StageError for one that is called `loss`, which is what logs call what is minimised
 */
export function metricsOf(graph: Graph, loss: GraphOutput): readonly GraphOutput[] {
  const metrics = scalarsOf(graph).filter(({ name }) => name !== loss.name);
  if (metrics.some(({ name }) => name === PORTS.loss))
    throw new StageError(
      `the entry \`${graph.name}\` gives a scalar \`loss\` beside \`${loss.name}\`, which is minimised and is the loss of logs and reports: call the other by another name`,
    );
  return metrics;
}

/** A number as f32. */
export function asFloat(b: NodeSink, value: ValueId): ValueId {
  return b.typeOf(value).dtype === 'f32' ? value : b.node('cast', [value], { to: 'f32' });
}
