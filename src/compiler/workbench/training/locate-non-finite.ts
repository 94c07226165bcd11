/**
 * Where a NaN or infinity begins: the gradient graph again, with every value as an output, on the backend that showed
 * it (float64 might not overflow where f32 does).
 */

import { firstNonFinite } from '../../../runtime/weights/dtypes.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { heldTensors, keyAt, PORTS, type TrainingPlan } from '../../../shared/training.ts';
import type { Model } from '../../elaborate/model.ts';
import { finish } from '../../graphs.ts';
import type { AnyNode, Graph } from '../../ir/graph.ts';
import { typeOf } from '../../ir/graph.ts';
import { made } from '../../ir/made.ts';
import type { Host, WeightReader } from '../../targets/target.ts';
import { type Engine, openOn } from '../open-on.ts';

export interface LocateOptions extends Engine {
  readonly plan: TrainingPlan;
  readonly weights: WeightReader;
  readonly host: Host;
}

const nameOf = (value: number): string => `value.${value}`;

/** The graph with every f32 value that a node makes as its outputs. */
function watched(graph: Graph): Graph {
  const values = graph.nodes.flatMap((node) => node.outputs).filter((value) => typeOf(graph, value).dtype === 'f32');
  return made({ ...graph, name: 'watched', outputs: values.map((value) => ({ name: nameOf(value), value })) });
}

/**
 * The first node that makes something not finite of finite operands, in words; undefined when this run shows none.
 * @param feeds of the gradient graph
 */
export async function locateNonFinite(
  model: Model,
  graph: Graph,
  feeds: Readonly<Record<string, HostTensor>>,
  { plan, weights, backend, opset, host }: LocateOptions,
): Promise<string | undefined> {
  for (const [port, { data }] of Object.entries(feeds)) {
    const element = data instanceof Float32Array ? firstNonFinite(data) : -1;
    if (element >= 0) return `the input ${ownerOf(plan, port, element)}`;
  }
  const every = finish(model, [{ name: 'watched', graph: watched(graph) }]);
  const session = await openOn(every, weights, { backend, opset }, host);
  try {
    const results = await session.run('watched', feeds);
    const tainted = new Set<number>();
    for (const node of graph.nodes) {
      const bad = node.outputs.some((value) => {
        const data = results[nameOf(value)]?.data;
        return data instanceof Float32Array && firstNonFinite(data) >= 0;
      });
      if (!bad) continue;
      if (!node.inputs.some((value) => tainted.has(value))) return describe(node);
      for (const value of node.outputs) tainted.add(value);
    }
    return undefined;
  } finally {
    await session.dispose();
  }
}

/** A port's name, with the checkpoint key in place of an arena's name. */
function ownerOf(plan: TrainingPlan, port: string, element: number): string {
  const held = heldTensors(plan).find(({ name }) => PORTS.parameter(name) === port);
  return held ? PORTS.parameter(keyAt(plan, held.name, element)) : port;
}

/** `sqrt of llama_model.model.layers.0 (models/phi-2.mdl:42:9)` */
function describe({ op, origin }: AnyNode): string {
  const of = origin.path === '' ? '' : ` of ${origin.path}`;
  return `${op}${of}${origin.source === undefined ? '' : ` (${origin.source})`}`;
}
