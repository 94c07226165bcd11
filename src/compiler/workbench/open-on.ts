/** A session over graphs that were just compiled, on any target that a host can open. */
import { Session } from '../../runtime/session.ts';
import type { Graphs } from '../graphs.ts';
import { TARGETS } from '../targets/index.ts';
import type { OpenedTargetName } from '../targets/names.ts';
import type { Host, WeightReader } from '../targets/target.ts';

/** What runs graphs. */
export interface Engine {
  readonly backend: OpenedTargetName;
  /** of the backend onnx */
  readonly opset: 17 | 23;
}

/**
 * @param weights of what is no input of the graphs
 * @throws RuntimeError R1001, R1002 without a device for it; what the host throws
 */
export async function openOn(graphs: Graphs, weights: WeightReader, engine: Engine, host: Host): Promise<Session> {
  const target = TARGETS[engine.backend];
  const artifact = target.compile(graphs, target.takes.includes('opset') ? { opset: engine.opset } : {});
  const backend = await target.open(artifact, weights, host);
  return Session.open(artifact.manifest(weights), { backend });
}
