/** The optimiser's graph and the accumulator's: no frozen tensor enters them, so a step copies only what trains. */
import { heldTensors, PORTS, slotShape, type TrainingPlan } from '../../shared/training.ts';
import { GraphBuilder } from '../ir/builder.ts';
import type { AfterPass, Graph, ValueId } from '../ir/graph.ts';
import { runPipeline } from '../passes/pipeline.ts';
import { decayOf, pieceOf } from './arenas.ts';
import type { Optimiser } from './optimisers.ts';
import { gradientStatistics } from './statistics.ts';

/** What of a plan says what trains. */
export type Trained = Pick<TrainingPlan, 'trained' | 'arenas'>;

/**
 * New parameters and optimiser state. `gradient_scale` takes off the loss scale, averages over micro-batches and clips:
 * 1 / (loss scale · their weight) · min(1, clip / (norm + 1e-6)). `step` counts updates from 1.
 */
export function updateGraph(plan: Trained, optimiser: Optimiser, after?: AfterPass): Graph {
  const { trained, arenas } = plan;
  const b = new GraphBuilder('update');
  const [lr, t, scale] = [PORTS.learningRate, PORTS.step, PORTS.gradientScale].map((name) => b.input(name, 'f32', []));
  for (const [index, { name, shape }] of heldTensors(plan).entries()) {
    const p = b.input(PORTS.parameter(name), 'f32', shape);
    const gradient = b.input(PORTS.gradient(name), 'f32', shape);
    const state = Object.fromEntries(
      optimiser.slots.map((slot) => [slot, b.input(PORTS.state(slot, name), 'f32', slotShape(optimiser, slot, shape))]),
    );
    const g = b.node('mul', [gradient, scale!], {});
    const decay = arenas ? decayOf(b, arenas[index]!) : trained[index]!.decay;
    const updated = optimiser.update(b, { p, g, shape, state, lr: lr!, t: t!, decay });
    b.output(PORTS.next(PORTS.parameter(name)), updated.p);
    for (const slot of optimiser.slots) b.output(PORTS.next(PORTS.state(slot, name)), updated.state[slot]!);
  }
  // which elements decay is a comparison of their index, and would be folded into a table
  return runPipeline(b.build(), { after, ...(arenas ? { without: ['fold'] } : {}) });
}

/**
 * sum ← sum_weight · sum + gradient_weight · gradient, with the statistics of the sum: after the last micro-batch, those of the
 * step. `sum_weight` gives the first micro-batch's gradient its own weight.
 */
export function accumulateGraph(plan: Trained, after?: AfterPass): Graph {
  const { trained, arenas } = plan;
  const b = new GraphBuilder('accumulate');
  const [inverse, sumWeight, weight] = [PORTS.inverseScale, PORTS.sumWeight, PORTS.gradientWeight].map((name) =>
    b.input(name, 'f32', []),
  );
  const sums = heldTensors(plan).map(({ name, shape }) => {
    const [sum, gradient] = [PORTS.sum(name), PORTS.gradient(name)].map((port) => b.input(port, 'f32', shape));
    const next = b.node('add', [b.node('mul', [sum!, sumWeight!], {}), b.node('mul', [gradient!, weight!], {})], {});
    b.output(PORTS.next(PORTS.sum(name)), next);
    return next;
  });
  const pieces = arenas?.flatMap((arena, index) =>
    arena.pieces.map((piece): readonly [string, ValueId] => [piece.key, pieceOf(b, sums[index]!, piece)]),
  );
  const pieceOfKey = new Map(pieces);
  const each = pieces ? trained.map(({ key }) => pieceOfKey.get(key)!) : sums;
  b.output(PORTS.statistics, gradientStatistics(b, each, inverse!));
  return runPipeline(b.build(), { after });
}
