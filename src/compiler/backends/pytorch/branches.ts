/**
 * Bodies that ask is_training(): what they do in inference and what they do in training is one method with a branch.
 *
 *   run of inference ┐ same module, arguments and sizes
 *   run of training  ┘ ─▶  if self.training: …training…
 *                          …inference…
 *
 * A body that does not ask does the same in both, so it is written of either.
 */

import { printDim } from '../../../shared/dim.ts';
import { formatPosition, type Span } from '../../diagnostics/span.ts';
import type { BodyRun, Step } from '../../elaborate/record.ts';
import { describe, type Value } from '../../elaborate/values.ts';
import { typeOf } from '../../ir/graph.ts';
import { isInlined, type Recording } from './bodies.ts';
import { torchLayer } from './layers.ts';
import { indented } from './layout.ts';
import { TorchProblem } from './problem.ts';
import { keyOf } from './tree.ts';

/** A run, and the trace that it is of. */
export interface Traced {
  readonly run: BodyRun;
  readonly recording: Recording;
}

/** What a method is written of. */
export interface Side extends Traced {
  /** the same call in training, where the body asks */
  readonly training?: Traced;
}

/** Where a body asks in its own text, functions that stand in it included; undefined: it does not. */
export const questionOf = (run: BodyRun): Span | undefined => asked(run, isInlined);

/** Where a body asks, or one that it calls. Layers of torch do not: they have their own training. */
export const anyQuestionOf = (run: BodyRun): Span | undefined => asked(run, () => true);

function asked({ self, steps }: BodyRun, within: (run: BodyRun) => boolean): Span | undefined {
  if (self && torchLayer(self) !== undefined) return undefined;
  const inside = (step: Step): Span | undefined => {
    switch (step.kind) {
      case 'question':
        return step.place;
      case 'call':
        return within(step.run) ? asked(step.run, within) : undefined;
      case 'statement':
        return first(step.steps, inside);
      case 'loop':
        return first(step.iterations, (iteration) => first(iteration.steps, inside));
      default:
        return undefined;
    }
  };
  return first(steps, inside);
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** All runs of a body as what it is written of. @throws TorchProblem where training has no call like one of inference */
export function sidesOf(traced: readonly Traced[]): readonly Side[] {
  const place = traced.map(({ run }) => questionOf(run)).find((found) => found !== undefined);
  if (!place) return traced;
  const bySituation = new Map<string, Traced[]>();
  for (const one of traced) {
    const situation = situationOf(one);
    bySituation.set(situation, [...(bySituation.get(situation) ?? []), one]);
  }
  return [...bySituation.values()].flatMap((same) => paired(same, place));
}

function paired(traced: readonly Traced[], place: Span): Side[] {
  const [inference, training] = [false, true].map((trains) =>
    traced.filter((one) => one.recording.training === trains),
  );
  const [{ run }] = traced as [Traced];
  if (inference!.length === 0 || training!.length === 0) {
    const where = training!.length === 0 ? 'inference' : 'training';
    throw problem(run, place, `with these arguments it is called in ${where} alone`);
  }
  const count = Math.max(inference!.length, training!.length);
  return Array.from({ length: count }, (_, index) => {
    const one = inference![Math.min(index, inference!.length - 1)]!;
    const other = training![Math.min(index, training!.length - 1)]!;
    const [says, trains] = [one, other].map((side) => textOf(side.run.result, () => 'a tensor'));
    if (says !== trains) throw problem(run, place, `it gives ${trains} in training and ${says} elsewhere`);
    return { ...one, training: other };
  });
}

/** For an entry that is written in two ways: it calls another thing in training, and does not ask whether it trains. */
export function differsInTraining(run: BodyRun): TorchProblem {
  const place = anyQuestionOf(run)!;
  return problem(run, place, `the entry ${run.name}, which does not ask itself, calls another thing in training`);
}

function problem({ kind, name, self }: BodyRun, place: Span, reason: string): TorchProblem {
  const inside = self && keyOf(self) !== '' ? `${self.declaration.name.text} (${keyOf(self)})` : 'the model';
  const body = kind === 'function' && !self ? `the function ${name}` : inside;
  const details = { body, place: formatPosition(place.source, place.start), reason };
  return new TorchProblem('torch_training', details, [
    'let it be called with the same arguments in both, and give tensors in both',
    'onnx and webgpu have a graph for training beside those of inference: --target onnx, --target webgpu',
  ]);
}

/** What decides what a call does: compile-time arguments, and the sizes of its tensors. */
function situationOf({ run, recording: { graph } }: Traced): string {
  const shape = (id: number): string => typeOf(graph, id).shape.map(printDim).join(', ');
  return run.parameters.map(({ name, value }) => `${name} = ${textOf(value, shape)}`).join('\n');
}

function textOf(value: Value, tensor: (id: number) => string): string {
  if (value.kind === 'tensor') return tensor(value.id);
  if (value.kind === 'parameter') return value.parameter.keys[0];
  if (value.kind === 'list') return `[${value.items.map((item) => textOf(item, tensor)).join(', ')}]`;
  if (value.kind === 'dim') return printDim(value.dim);
  if (value.kind === 'string') return JSON.stringify(value.value);
  if (value.kind === 'instance') return value.instance.path;
  return describe(value);
}

/** A body's lines, what it is given, and whether where new tensors go is the last of it. */
interface Text {
  readonly lines: readonly string[];
  readonly parameters: readonly string[];
  readonly takesDevice: boolean;
}

/** Both as one body. */
export function branched(inference: Text, training: Text): Text {
  const parameters =
    training.parameters.length > inference.parameters.length ? training.parameters : inference.parameters;
  return {
    lines: ['if self.training:', ...indented(training.lines), ...inference.lines],
    parameters,
    takesDevice: inference.takesDevice || training.takesDevice,
  };
}
