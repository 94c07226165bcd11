/**
 * What a body did, made ready to be written: small functions in place of their calls, and who reads which value.
 *
 *   steps of a recorded body ─ inlining ─▶ items in order ─ liveness ─▶ values that nothing needs are never written
 */

import type { Shape } from '../../../shared/dim.ts';
import { STD_PATH } from '../../check/references.ts';
import type { Span } from '../../diagnostics/span.ts';
import type { BodyRun, Effect, Iteration, Step } from '../../elaborate/record.ts';
import type { Value } from '../../elaborate/values.ts';
import type { AnyNode, Graph, Node, ValueId } from '../../ir/graph.ts';
import type { OpName } from '../../ops/attributes.ts';
import { mapOperands } from '../../ops/operands.ts';

export type Item =
  | { readonly kind: 'node'; readonly node: AnyNode }
  | {
      readonly kind: 'call';
      readonly run: BodyRun;
      /** tensors that it is given, parameter by parameter */
      readonly args: readonly (readonly ValueId[])[];
      readonly results: readonly ValueId[];
    }
  | { readonly kind: 'effect'; readonly effect: Effect }
  /** new random numbers, uniform in [0, 1) */
  | { readonly kind: 'random'; readonly shape: Shape; readonly result: ValueId }
  | Written
  | {
      readonly kind: 'statement';
      readonly span: Span;
      readonly items: readonly Item[];
      readonly names: readonly (readonly [string, readonly ValueId[]])[];
    }
  | { readonly kind: 'loop'; readonly span: Span; readonly iterations: readonly Turn[] };

/** A value whose gradient a `backward` clause gives. */
export interface Written {
  readonly kind: 'gradient';
  /** what the body gives, and what the caller reads in its place */
  readonly operand: ValueId;
  readonly result: ValueId;
  /** what the gradients are of, and the gradients, computed by the clause's items from `upstream` */
  readonly targets: readonly ValueId[];
  readonly gradients: readonly ValueId[];
  readonly upstream: ValueId;
  readonly items: readonly Item[];
  /** values from outside that the items read, but for constants */
  readonly captured: readonly ValueId[];
}

/** One time through a loop. */
export interface Turn {
  readonly bindings: Iteration['bindings'];
  readonly items: readonly Item[];
}

/** A recorded entry: its body, and the graph that the values are of. */
export interface Recording {
  readonly graph: Graph;
  readonly entry: BodyRun;
  readonly parameterIds: ReadonlyMap<string, ValueId>;
  /** keys of parameters, and of buffers after an update, by their values */
  readonly keys: ReadonlyMap<ValueId, string>;
  /** of training: `is_training()` is true */
  readonly training: boolean;
  /** the entry has a cache */
  readonly cached: boolean;
  /** some entry of the model has one */
  readonly caches: boolean;
}

/** Whether a body is given the cache: it asks for what was before, and some entry keeps it. */
export const takesCache = ({ steps }: BodyRun, { caches }: Recording): boolean => caches && asks(steps, 'cached');

/** The tensors in a value, lists flattened. */
export function tensorsOf(value: Value, parameterIds: Recording['parameterIds']): ValueId[] {
  if (value.kind === 'tensor') return [value.id];
  if (value.kind === 'list') return value.items.flatMap((item) => tensorsOf(item, parameterIds));
  const id = value.kind === 'parameter' ? parameterIds.get(value.parameter.keys[0]) : undefined;
  return id === undefined ? [] : [id];
}

/** What the runtime is asked for anywhere in a body, calls included. */
export function asks(steps: readonly Step[], kind: Effect['kind'] | 'question'): boolean {
  return steps.some((step) => {
    if (step.kind === 'question') return kind === 'question';
    if (step.kind === 'effect') return step.effect.kind === kind;
    if (step.kind === 'call') return asks(step.run.steps, kind);
    if (step.kind === 'statement') return asks(step.steps, kind);
    return step.kind === 'loop' && step.iterations.some((iteration) => asks(iteration.steps, kind));
  });
}

/** Buffers after updates anywhere in a body: keys by values. */
export function updatesIn(steps: readonly Step[]): [ValueId, string][] {
  return steps.flatMap((step): [ValueId, string][] => {
    if (step.kind === 'effect' && step.effect.kind === 'update')
      return [[step.effect.result, step.effect.parameter.keys[0]]];
    if (step.kind === 'call') return updatesIn(step.run.steps);
    if (step.kind === 'statement') return updatesIn(step.steps);
    return step.kind === 'loop' ? step.iterations.flatMap((iteration) => updatesIn(iteration.steps)) : [];
  });
}

const hasEffects = ({ steps }: BodyRun): boolean =>
  asks(steps, 'cached') || asks(steps, 'dropout') || asks(steps, 'update');

/**
 * Functions that stand in place of their calls: short ones of the standard library, those that are told a module or a
 * function, and those outside of a module that ask the runtime for something.
 */
export function isInlined(run: BodyRun): boolean {
  if (run.kind !== 'function') return false;
  if (run.parameters.some(({ value }) => isCode(value))) return true;
  if (run.self) return false;
  return (
    hasEffects(run) ||
    asks(run.steps, 'question') ||
    (run.span.source.path === STD_PATH && run.body.statements.length === 1)
  );
}

function isCode(value: Value): boolean {
  if (value.kind === 'list') return value.items.some(isCode);
  return ['instance', 'module', 'function', 'base', 'builtin'].includes(value.kind);
}

/** A body without calls of small functions: what it does, and what it gives. */
export interface Flat {
  readonly items: readonly Item[];
  readonly results: readonly ValueId[];
  /** names that inlined parameters and lets had */
  readonly hints: ReadonlyMap<ValueId, string>;
  /** what is returned before and behind the results, each on its own */
  readonly padded?: { readonly before: readonly string[]; readonly after: readonly string[] };
}

export function flat(run: BodyRun, recording: Recording): Flat {
  const flattening = new Flattening(recording);
  const items = flattening.steps(run.steps, (step) => flattening.step(step));
  return { items, results: flattening.tensors(run.result), hints: flattening.hints };
}

/** A clause as a body of its own, without the names of the one around it. */
export const clauseOf = ({ items, gradients }: Written, { hints }: Flat): Flat => ({
  items,
  results: gradients,
  hints,
});

class Flattening {
  readonly hints = new Map<ValueId, string>();
  private readonly recording: Recording;
  /** parameter of an inlined function → what it was given; a value that is another */
  private readonly given = new Map<ValueId, ValueId>();

  constructor(recording: Recording) {
    this.recording = recording;
  }

  tensors(value: Value): ValueId[] {
    return tensorsOf(value, this.recording.parameterIds).map((id) => this.outer(id));
  }

  private outer(id: ValueId): ValueId {
    const given = this.given.get(id);
    return given === undefined ? id : this.outer(given);
  }

  /** Steps in order; from an upstream gradient up to the value whose gradient is written they are a clause. */
  steps(steps: readonly Step[], each: (step: Step) => Item[]): Item[] {
    const nodeOf = (step: Step): AnyNode | undefined =>
      step.kind === 'node' ? this.recording.graph.nodes[step.index] : undefined;
    const begin = steps.findIndex((step) => nodeOf(step)?.op === 'upstream_gradient');
    if (begin < 0) return steps.flatMap(each);
    const upstream = nodeOf(steps[begin]!) as Node<'upstream_gradient'>;
    const { call } = upstream.attributes;
    const end = steps.findIndex((step) => {
      const node = nodeOf(step);
      return node?.op === 'with_gradient' && node.attributes.call === call;
    });
    const before = steps.slice(0, begin).flatMap(each);
    // without a value nothing reads the clause: the call gives no tensor to its targets
    if (end < 0) return before;
    const inside = this.steps(steps.slice(begin + 1, end), (step) => this.step(step));
    const [operand, ...pairs] = (nodeOf(steps[end]!) as Node<'with_gradient'>).inputs.map((id) => this.outer(id));
    const written = {
      kind: 'gradient' as const,
      operand: operand!,
      result: nodeOf(steps[end]!)!.outputs[0]!,
      targets: pairs.slice(0, pairs.length / 2),
      gradients: pairs.slice(pairs.length / 2),
      upstream: upstream.outputs[0]!,
      items: inside,
    };
    const captured = this.captured(written);
    return [...before, { ...written, captured }, ...this.steps(steps.slice(end + 1), each)];
  }

  private captured({ items, gradients, upstream }: Omit<Written, 'captured'>): ValueId[] {
    const inside = { items, results: gradients, hints: this.hints };
    const own = new Set([upstream, ...this.recording.graph.constants.map(({ value }) => value)]);
    const visit = (list: readonly Item[]): void => {
      for (const item of list) {
        for (const id of makesOf(item)) own.add(id);
        if (item.kind === 'statement') visit(item.items);
        if (item.kind === 'loop') for (const turn of item.iterations) visit(turn.items);
      }
    };
    visit(items);
    return [...countReads(inside).keys()].filter((id) => !own.has(id));
  }

  step(step: Step): Item[] {
    switch (step.kind) {
      case 'node': {
        const node = this.recording.graph.nodes[step.index]!;
        if (node.op === 'random_uniform')
          return [{ kind: 'random', shape: node.attributes.shape, result: node.outputs[0] }];
        const inputs = mapOperands<OpName, ValueId, ValueId>(node.op, node.inputs, (id) => this.outer(id));
        return [{ kind: 'node', node: { ...node, inputs } as AnyNode }];
      }
      case 'effect':
        if (step.effect.kind === 'cached' && !this.recording.caches) {
          this.given.set(step.effect.result, step.effect.operand);
          return [];
        }
        return [{ kind: 'effect', effect: { ...step.effect, operand: this.outer(step.effect.operand) } }];
      case 'question':
        return [];
      case 'call':
        return this.call(step.run);
      case 'statement': {
        const items = this.steps(step.steps, (inner) => this.step(inner));
        const names = step.bindings.map(({ name, value }) => [name, this.tensors(value)] as const);
        return [{ kind: 'statement', span: step.span, items, names }];
      }
      case 'loop': {
        const turns = step.iterations.map(({ bindings, steps }) => {
          return { bindings, items: this.steps(steps, (inner) => this.step(inner)) };
        });
        return [{ kind: 'loop', span: step.span, iterations: turns }];
      }
    }
  }

  private call(run: BodyRun): Item[] {
    const args = run.given.map((value) => this.tensors(value));
    if (!isInlined(run)) return [{ kind: 'call', run, args, results: this.tensors(run.result) }];
    for (const [index, { name, value }] of run.parameters.entries()) {
      const own = tensorsOf(value, this.recording.parameterIds);
      for (const [at, id] of own.entries()) {
        const given = args[index]![at]!;
        if (given !== id) this.given.set(id, given);
        this.hint(name, given);
      }
    }
    return this.steps(run.steps, (step) => this.inlined(step));
  }

  /** Statements of an inlined function are its caller's: their names are no more than hints. */
  private inlined(step: Step): Item[] {
    if (step.kind !== 'statement') return this.step(step);
    for (const { name, value } of step.bindings) if (value.kind === 'tensor') this.hint(name, this.outer(value.id));
    return this.steps(step.steps, (inner) => this.inlined(inner));
  }

  private hint(name: string, id: ValueId): void {
    if (!this.hints.has(id)) this.hints.set(id, name);
  }
}

/** Values of a body's own that its parameters are, parameter by parameter. */
export const parametersOf = (run: BodyRun, { parameterIds }: Recording): ValueId[][] =>
  run.parameters.map(({ value }) => tensorsOf(value, parameterIds));

export function readsOf(item: Item): readonly ValueId[] {
  if (item.kind === 'node') return item.node.inputs;
  if (item.kind === 'call') return item.args.flat();
  if (item.kind === 'gradient') return [item.operand, ...new Set([...item.targets, ...item.captured])];
  return item.kind === 'effect' ? [item.effect.operand] : [];
}

export function makesOf(item: Item): readonly ValueId[] {
  if (item.kind === 'node') return item.node.outputs;
  if (item.kind === 'call') return item.results;
  if (item.kind === 'gradient' || item.kind === 'random') return [item.result];
  return item.kind === 'effect' ? [item.effect.result] : [];
}

/** How often each value is read by what is written: names that are bound to it count, and so do results. */
export function countReads({ items, results }: Flat): Map<ValueId, number> {
  const reads = new Map<ValueId, number>();
  const read = (id: ValueId): void => void reads.set(id, (reads.get(id) ?? 0) + 1);
  const visit = (list: readonly Item[]): void => {
    for (const item of list.toReversed()) {
      if (item.kind === 'statement') {
        for (const [, ids] of item.names) if (ids.length === 1) ids.forEach(read);
        visit(item.items);
      } else if (item.kind === 'loop') for (const turn of item.iterations.toReversed()) visit(turn.items);
      else if (isNeeded(item, reads)) readsOf(item).forEach(read);
    }
  };
  results.forEach(read);
  visit(items);
  return reads;
}

/** Whether an item is written at all: something reads what it makes, or it does something beside. */
export function isNeeded(item: Item, reads: ReadonlyMap<ValueId, number>): boolean {
  if (item.kind === 'effect' && item.effect.kind !== 'dropout') return true;
  if (item.kind === 'call' && hasEffects(item.run)) return true;
  return makesOf(item).some((id) => (reads.get(id) ?? 0) > 0);
}

/** Whether an item asks the runtime for something, which it does in the order of the source. */
export function isEffectful(item: Item): boolean {
  if (item.kind === 'effect') return true;
  if (item.kind !== 'call') return false;
  return (['cached', 'dropout', 'update'] as const).some((kind) => asks(item.run.steps, kind));
}
