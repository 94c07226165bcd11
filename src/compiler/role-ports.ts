/** Which ports of an entry are what its role is wanted for. */
import { type GivenPorts, ROLE_PORTS, type RolePort, type RolePorts } from '../shared/roles.ts';
import type { Model } from './elaborate/model.ts';
import { type Graph, type GraphOutput, typeOf } from './ir/graph.ts';

/** Inputs and outputs of a graph alike. */
type Port = Pick<GraphOutput, 'name' | 'value'>;

/** Those of the ports that can be it by their type. */
export function fitting<P extends Port>(graph: Graph, ports: readonly P[], { dtype, rank }: RolePort): readonly P[] {
  return ports.filter(({ value }) => {
    const type = typeOf(graph, value);
    return type.dtype === dtype && type.shape.length === rank;
  });
}

/**
 * The port that is it: the one that is named, else the one that has its usual name, else the only one of its type.
 * @returns undefined where none is, or several could be
 */
export function portIn<P extends Port>(
  graph: Graph,
  ports: readonly P[],
  wanted: RolePort,
  named: string | undefined,
): P | undefined {
  const usual = ports.find(({ name }) => name === (named ?? wanted.name));
  if (usual || named !== undefined) return usual;
  const [only, ...others] = fitting(graph, ports, wanted);
  return others.length === 0 ? only : undefined;
}

/** The ports that are not called as what they are for, of the roles whose entries are among these. */
export function rolePorts(model: Model, graphs: ReadonlyMap<string, Graph>): GivenPorts {
  const found: { [role: string]: { [port: string]: string } } = {};
  for (const [role, { takes, gives }] of Object.entries<RolePorts>(ROLE_PORTS)) {
    const entry = model.entryFor(role);
    const graph = graphs.get(entry);
    if (!graph) continue;
    const declared = model.portsOf(entry);
    const note = (wanted: RolePort, port: Port | undefined): void => {
      if (port && port.name !== wanted.name) found[role] = { ...found[role], [wanted.name]: port.name };
    };
    const outputs = graph.outputs.filter(({ name }) => declared.outputs.has(name));
    note(gives, portIn(graph, outputs, gives, model.namedOutputs[role]));
    const inputs = graph.inputs.filter(({ name }) => declared.inputs.has(name));
    if (takes) note(takes, portIn(graph, inputs, takes, undefined));
  }
  return found;
}
