/** The optimiser's graph and the accumulator's: no frozen tensor enters them, so a step copies only what trains. */
import { PORTS, type TrainedParameter } from '../../shared/training.ts';
import { GraphBuilder } from '../ir/builder.ts';
import type { Graph } from '../ir/graph.ts';
import { runPipeline } from '../passes/pipeline.ts';
import type { Optimiser } from './optimisers.ts';
import { gradientStatistics } from './statistics.ts';

/**
 * New parameters and optimiser state. `gradient_scale` takes off the loss scale, averages over micro-batches and clips:
 * 1 / (loss scale · micro-batches) · min(1, clip / (norm + 1e-6)). `step` counts updates from 1.
 */
export function updateGraph(trained: readonly TrainedParameter[], optimiser: Optimiser): Graph {
  const b = new GraphBuilder('update');
  const [lr, t, scale] = [PORTS.learningRate, PORTS.step, PORTS.gradientScale].map((name) => b.input(name, 'f32', []));
  for (const { key, shape, decay } of trained) {
    const p = b.input(PORTS.parameter(key), 'f32', shape);
    const gradient = b.input(PORTS.gradient(key), 'f32', shape);
    const state = Object.fromEntries(
      optimiser.slots.map((slot) => [slot, b.input(PORTS.state(slot, key), 'f32', shape)]),
    );
    const g = b.node('mul', [gradient, scale!], {});
    const updated = optimiser.update(b, { p, g, state, lr: lr!, t: t!, decay });
    b.output(PORTS.next(PORTS.parameter(key)), updated.p);
    for (const slot of optimiser.slots) b.output(PORTS.next(PORTS.state(slot, key)), updated.state[slot]!);
  }
  return runPipeline(b.build());
}

/** sum ← sum + gradient, with the statistics of the sum: after the last micro-batch, those of the step. */
export function accumulateGraph(trained: readonly TrainedParameter[]): Graph {
  const b = new GraphBuilder('accumulate');
  const inverse = b.input(PORTS.inverseScale, 'f32', []);
  const sums = trained.map(({ key, shape }) => {
    const [sum, gradient] = [PORTS.sum(key), PORTS.gradient(key)].map((name) => b.input(name, 'f32', shape));
    const next = b.node('add', [sum!, gradient!], {});
    b.output(PORTS.next(PORTS.sum(key)), next);
    return next;
  });
  b.output(PORTS.statistics, gradientStatistics(b, sums, inverse));
  return runPipeline(b.build());
}
