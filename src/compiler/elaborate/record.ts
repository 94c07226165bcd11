/**
 * What a trace did, in the order of the source: which bodies ran, with which values, statement by statement. Targets that
 * write a program again instead of a flat graph read it beside the graph.
 *
 *   entry ─ statement `let h = norm(x)` ─ call ─▶ forward of norm ─ statement ─ node 12
 *         ─ loop `for layer in layers` ─ iteration ─ statement …
 */
import type { Span } from '../diagnostics/span.ts';
import type { GraphBuilder } from '../ir/builder.ts';
import type { ValueId } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import type { ModuleInstance, ParameterInfo } from './instance.ts';
import type { Value } from './values.ts';

export interface Binding {
  readonly name: string;
  readonly value: Value;
}

/** A body that ran once: that of an entry, of a module's forward (or the one that an adapter wraps), of a function. */
export interface BodyRun {
  readonly kind: 'entry' | 'forward' | 'base' | 'function';
  readonly name: string;
  /** whose members the body sees; undefined: a function of a file */
  readonly self: ModuleInstance | undefined;
  readonly signature: ast.Signature;
  readonly body: ast.Block;
  readonly doc: string;
  readonly span: Span;
  /** in order of declaration, defaults included; tensors among them are values of the body's own */
  readonly parameters: readonly Binding[];
  /** what each parameter was given */
  readonly given: readonly Value[];
  readonly steps: readonly Step[];
  readonly result: Value;
}

/** What a body asks the runtime for, which means another thing in other graphs. `result` is a value of its own. */
export type Effect =
  | { readonly kind: 'cached'; readonly operand: ValueId; readonly axis: number; readonly result: ValueId }
  | { readonly kind: 'dropout'; readonly operand: ValueId; readonly p: number; readonly result: ValueId }
  /** a buffer's next value; `result` is what is read of it from here on */
  | { readonly kind: 'update'; readonly operand: ValueId; readonly parameter: ParameterInfo; readonly result: ValueId };

export type Step =
  /** index into the graph's nodes */
  | { readonly kind: 'node'; readonly index: number }
  | { readonly kind: 'call'; readonly run: BodyRun }
  | { readonly kind: 'effect'; readonly effect: Effect }
  /** `is_training()`: what follows may be another thing in training. `place` is the user's line. */
  | { readonly kind: 'question'; readonly place: Span }
  /** its steps, then the names that it binds; the last expression of a body binds none */
  | {
      readonly kind: 'statement';
      readonly span: Span;
      readonly steps: readonly Step[];
      readonly bindings: readonly Binding[];
    }
  | { readonly kind: 'loop'; readonly span: Span; readonly iterations: readonly Iteration[] };

export interface Iteration {
  readonly bindings: readonly Binding[];
  readonly steps: readonly Step[];
}

type Called = Omit<BodyRun, 'steps' | 'result'>;

/** Listens to a trace. One recorder records one entry. */
export class Recorder {
  private finished: BodyRun | undefined;
  private readonly open: Step[][] = [[]];
  /** nodes of the builder that are in a step already */
  private seen = 0;

  /** The entry's body. @throws Error before it is traced */
  get entry(): BodyRun {
    if (!this.finished) throw new Error('no entry has been recorded');
    return this.finished;
  }

  /** Runs a body. */
  body(builder: GraphBuilder, called: Called, run: () => Value): Value {
    const { value, steps } = this.within(builder, run);
    const done = { ...called, steps, result: value };
    this.push({ kind: 'call', run: done });
    this.finished = done;
    return value;
  }

  /** Runs a statement that binds names. */
  statement(builder: GraphBuilder, span: Span, run: () => readonly Binding[]): void {
    const { value: bindings, steps } = this.within(builder, run);
    this.push({ kind: 'statement', span, steps, bindings });
  }

  /** Runs a loop, which calls `iteration` for each of its items. */
  loop(builder: GraphBuilder, span: Span, run: (iteration: (one: () => readonly Binding[]) => void) => void): void {
    const iterations: Iteration[] = [];
    this.within(builder, () =>
      run((one) => {
        const { value: bindings, steps } = this.within(builder, one);
        iterations.push({ bindings, steps });
      }),
    );
    this.push({ kind: 'loop', span, iterations });
  }

  /** What `make` makes, as one effect instead of its nodes; its value is never that of an operand. */
  effect(builder: GraphBuilder, operand: ValueId, make: () => ValueId, effect: (result: ValueId) => Effect): ValueId {
    this.catchUp(builder);
    const made = make();
    this.seen = builder.nodeCount;
    const { dtype, shape } = builder.typeOf(made);
    const result = made === operand ? builder.input(`effect ${builder.valueCount}`, dtype, shape) : made;
    this.push({ kind: 'effect', effect: effect(result) });
    return result;
  }

  /** The body asks whether it trains. */
  question(builder: GraphBuilder, place: Span): void {
    this.catchUp(builder);
    this.push({ kind: 'question', place });
  }

  private within<T>(builder: GraphBuilder, run: () => T): { readonly value: T; readonly steps: readonly Step[] } {
    this.catchUp(builder);
    this.open.push([]);
    const value = run();
    this.catchUp(builder);
    return { value, steps: this.open.pop()! };
  }

  private catchUp({ nodeCount }: GraphBuilder): void {
    for (; this.seen < nodeCount; this.seen++) this.push({ kind: 'node', index: this.seen });
  }

  private push(step: Step): void {
    this.open.at(-1)!.push(step);
  }
}
