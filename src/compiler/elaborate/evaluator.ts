/**
 * Evaluates expressions: compile-time values always, tensors while a body is traced into a graph.
 *
 * A problem is reported once, then `Reported` unwinds to the enclosing statement or member, whose names become
 * error values; touching an error value unwinds silently. So every statement with a mistake of its own reports it.
 */
import { type Dim, isSymbolic, printDim, printShape } from '../../shared/dim.ts';
import type { NameTable } from '../check/name-table.ts';
import type { Program } from '../check/program.ts';
import { type DiagnosticExtras, diagnose } from '../diagnostics/catalogue.ts';
import type { Diagnostic, DiagnosticBag, Label } from '../diagnostics/diagnostic.ts';
import { joinSpans, type Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { Builtin } from './builtin.ts';
import { CallStack } from './call-stack.ts';
import { callBuiltin, callSequence } from './calls.ts';
import { guardOf } from './conditions.ts';
import { Effort } from './effort.ts';
import { Emission } from './emission.ts';
import type { Evaluation } from './evaluation.ts';
import { Frame } from './frame.ts';
import { ONE_SIZE } from './habits.ts';
import { indexed, indexTensor } from './indexing.ts';
import { Instantiator } from './instantiate.ts';
import { Lookup } from './lookup.ts';
import type { Observer } from './observer.ts';
import { binary, unary } from './operators.ts';
import { Reported } from './reported.ts';
import type { Settings } from './settings.ts';
import type { Trace } from './trace.ts';
import { Tracer } from './tracer.ts';
import { bool, describe, float, int, list, NONE, type Value } from './values.ts';

/** Terms of a dynamic dimension, as `P + T` has two: products of such sums grow without bound. */
export const MAX_TERMS = 16;
/** What a call takes of the stack, compared with an expression. */
const CALL_WEIGHT = 12;

export class Evaluator implements Evaluation {
  readonly program: Program;
  /** what each name stands for */
  readonly bindings: NameTable;
  readonly bag: DiagnosticBag;
  readonly builtins: ReadonlyMap<string, Builtin>;
  readonly modules: Instantiator;
  readonly tracer: Tracer;
  readonly effort: Effort;
  readonly names: Lookup;
  readonly emission: Emission;
  readonly calls = new CallStack();
  /** undefined until the settings are resolved, which itself evaluates config expressions */
  settings: Settings | undefined;
  /** the graph being traced, if any */
  trace: Trace | undefined;
  /** told of every value, for editors */
  observer: Observer | undefined;
  /** texts of the conditions that enclose what is being evaluated */
  readonly guards: string[] = [];
  /** reported so far, repeated ones included */
  errors = 0;
  private quiet = 0;

  constructor(program: Program, bindings: NameTable, bag: DiagnosticBag, builtins: ReadonlyMap<string, Builtin>) {
    this.program = program;
    this.bindings = bindings;
    this.bag = bag;
    this.builtins = builtins;
    this.modules = new Instantiator(this);
    this.tracer = new Tracer(this);
    this.effort = new Effort(this);
    this.names = new Lookup(this);
    this.emission = new Emission(this);
  }

  report(diagnostic: Diagnostic): void {
    if (this.quiet > 0) return;
    if (diagnostic.severity === 'error') this.errors++;
    const located = this.calls.locate(diagnostic);
    if (located) this.bag.add(located);
  }

  fail(diagnostic: Diagnostic): never {
    this.report(diagnostic);
    throw new Reported();
  }

  /** Where what stands outside of modules is evaluated: adapts and stages. */
  rootFrame(): Frame {
    return new Frame(this.program.root, undefined, this.settings ? [this.settings.config] : []);
  }

  /** The instance being traced or created, as a diagnostic's context. */
  here(): DiagnosticExtras {
    const path = this.trace?.path ?? this.modules.path;
    return path === undefined || path === '' ? {} : { context: path };
  }

  /** Runs a piece of work; what was reported inside yields undefined. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (error instanceof Reported) return undefined;
      throw error;
    }
  }

  /** Runs work for what it leaves behind: what is wrong in it is not, where it is not taken. */
  quietly<T>(work: () => T): T | undefined {
    this.quiet++;
    try {
      return this.attempt(work);
    } finally {
      this.quiet--;
    }
  }

  expression(expression: ast.Expression, frame: Frame): Value {
    this.effort.step(expression.span);
    const value = this.effort.nested(1, expression.span, () => this.evaluate(expression, frame));
    this.observer?.see(this, expression, value);
    if (expression.kind === 'member') this.observer?.see(this, expression.member, value);
    return value;
  }

  private evaluate(expression: ast.Expression, frame: Frame): Value {
    switch (expression.kind) {
      case 'int':
        if (!Number.isSafeInteger(expression.value)) return this.tooLarge(expression, '2^53 − 1');
        return int(expression.value);
      case 'float':
        if (!Number.isFinite(expression.value)) return this.tooLarge(expression, '1.8e308');
        return float(expression.value);
      case 'string':
        return { kind: 'string', value: expression.value };
      case 'bool':
        return bool(expression.value);
      case 'none':
        return NONE;
      case 'name':
        return this.emission.now(this.names.name(expression, frame), expression.span);
      case 'list':
      case 'tuple':
        return list(expression.items.map((item) => this.expression(item, frame)));
      case 'comprehension':
        return list(this.comprehension(expression, frame, () => this.expression(expression.item, frame)));
      case 'unary':
        return unary(this, expression, this.expression(expression.operand, frame));
      case 'binary':
        return this.binary(expression, frame);
      case 'call':
        return this.call(expression, frame);
      case 'member':
        return this.emission.now(this.names.member(expression, frame), expression.span);
      case 'index':
        return indexed(this, expression, frame);
      case 'when':
        return this.when(expression, frame);
    }
  }

  private tooLarge({ span }: ast.NumberExpression, most: string): never {
    const text = span.source.text.slice(span.start, span.end);
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    return this.fail(diagnose('number_too_large', { text: shown, most }, span));
  }

  private binary(expression: ast.BinaryExpression, frame: Frame): Value {
    const left = this.expression(expression.left, frame);
    // `and` and `or` of compile-time values stop early
    if (left.kind === 'bool' && expression.operator === 'and' && !left.value) return left;
    if (left.kind === 'bool' && expression.operator === 'or' && left.value) return left;
    return binary(this, expression, left, this.expression(expression.right, frame));
  }

  private when(expression: ast.WhenExpression, frame: Frame): Value {
    if (this.condition(expression.condition, frame)) {
      return this.guarded(expression.condition, true, () => this.expression(expression.value, frame));
    }
    const { otherwise } = expression;
    if (!otherwise) {
      const secondary = [{ span: expression.condition.span, message: 'this is false' }];
      const notes = ['only a submodule (off: the identity) and a param (off: none) may leave the else out'];
      return this.fail(diagnose('missing_else', {}, expression.span, { ...this.here(), secondary, notes }));
    }
    return this.guarded(expression.condition, false, () => this.expression(otherwise, frame));
  }

  /** Work that only happens where a condition, known by its text, is true or false. */
  guarded<T>(condition: ast.Expression, holds: boolean, work: () => T): T {
    this.guards.push(guardOf(condition, holds));
    try {
      return work();
    } finally {
      this.guards.pop();
    }
  }

  condition(expression: ast.Expression, frame: Frame): boolean {
    const value = this.expression(expression, frame);
    if (value.kind === 'bool') return value.value;
    if (value.kind === 'tensor') {
      const notes = ['to choose between tensors element by element, write `where(condition, a, b)`'];
      return this.fail(diagnose('condition_is_tensor', {}, expression.span, { ...this.here(), notes }));
    }
    return this.fail(
      diagnose(
        'wrong_type',
        { what: 'a condition', expected: 'true or false', found: describe(value) },
        expression.span,
        this.here(),
      ),
    );
  }

  comprehension<T>(expression: ast.ComprehensionExpression, frame: Frame, item: (index: number) => T): T[] {
    const results: T[] = [];
    for (const value of this.iterate(this.expression(expression.over, frame), expression.over.span)) {
      this.effort.step(expression.span);
      this.destructure(expression.names, value, frame, expression.over.span);
      if (expression.filter && !this.condition(expression.filter, frame)) continue;
      results.push(item(results.length));
    }
    return results;
  }

  iterate(value: Value, at: Span): readonly Value[] {
    if (value.kind === 'list') return value.items;
    return this.fail(
      diagnose(
        'wrong_type',
        { what: 'what a loop goes over', expected: 'a list', found: describe(value) },
        at,
        this.here(),
      ),
    );
  }

  /** Gives a name of a body its value. */
  assign(name: ast.Name, value: Value, frame: Frame): void {
    frame.set(this.bindings.slotOf(name), value);
    this.observer?.see(this, name, value);
  }

  /** Binds names to a value: one name to all of it, several to the items of a list or the rows of a tensor's first axis. */
  destructure(names: readonly ast.Name[], value: Value, frame: Frame, at: Span): void {
    if (names.length === 1) {
      this.assign(names[0]!, value, frame);
      return;
    }
    if (value.kind === 'error') {
      for (const name of names) this.assign(name, value, frame);
      return;
    }
    let items: readonly Value[];
    if (value.kind === 'list') items = value.items;
    else if (value.kind === 'tensor') {
      const { shape } = this.emission.typeOf(value.id);
      if (shape[0] !== names.length)
        this.wrongCount(names, `a tensor of ${printShape(shape)}, which has ${printDim(shape[0] ?? 0)} rows`, at);
      items = names.map((_, row) =>
        indexTensor(this, { id: value.id, span: value.span }, [{ kind: 'at', index: row }], at),
      );
    } else items = this.wrongCount(names, describe(value), at);
    if (items.length !== names.length) this.wrongCount(names, describe(value), at);
    for (const [index, name] of names.entries()) this.assign(name, items[index]!, frame);
  }

  private wrongCount(names: readonly ast.Name[], found: string, at: Span): never {
    const all = joinSpans(names[0]!.span, names.at(-1)!.span);
    return this.fail(
      diagnose('destructuring', { names: names.length, found }, all, {
        ...this.here(),
        secondary: [{ span: at, message: `this is ${found}` }],
      }),
    );
  }

  private call(expression: ast.CallExpression, frame: Frame): Value {
    return this.callValue(this.expression(expression.callee, frame), expression, frame);
  }

  private callValue(callee: Value, expression: ast.CallExpression, frame: Frame): Value {
    switch (callee.kind) {
      case 'builtin': {
        const builtin = this.builtins.get(callee.name);
        if (!builtin) throw new Error(`${callee.name} is bound as a function of the language, and there is none`);
        return callBuiltin(this, builtin, expression, frame);
      }
      case 'instance':
        return this.effort.nested(CALL_WEIGHT, expression.span, () =>
          this.tracer.callInstance(callee, expression, frame),
        );
      case 'base':
        return this.effort.nested(CALL_WEIGHT, expression.span, () =>
          this.tracer.callBase(callee.instance, expression, frame),
        );
      case 'function':
        return this.effort.nested(CALL_WEIGHT, expression.span, () =>
          this.tracer.callFunction(callee, expression, frame),
        );
      case 'module':
        return this.fail(
          diagnose(
            'not_usable_here',
            {
              name: callee.declaration.name.text,
              what: `a ${callee.declaration.kind}`,
              use: 'created inside an expression',
            },
            expression.span,
            {
              ...this.here(),
              notes: ['a submodule is a member of its own: write `name = Module(…)` in the module, then call `name`'],
            },
          ),
        );
      case 'list':
        return callSequence(this, callee.items, expression, frame, (item, call) => this.callValue(item, call, frame));
      default:
        return this.fail(diagnose('not_callable', { found: describe(callee) }, expression.callee.span, this.here()));
    }
  }

  // ── conversions ─────────────────────────────────────────────────────────────────────────────
  intOf(value: Value, at: Span, what: string): number {
    const dim = this.dimOf(value, at, what);
    if (!isSymbolic(dim)) return dim;
    return this.fail(
      diagnose(
        'wrong_type',
        { what, expected: 'known at compile time', found: 'a dynamic dimension' },
        at,
        this.here(),
      ),
    );
  }

  /** An int or a dynamic dimension. */
  dimOf(value: Value, at: Span, what: string): Dim {
    if (value.kind === 'int') return value.value;
    if (value.kind === 'dim') {
      const unsafe = value.dim.terms.find(({ coefficient }) => !Number.isSafeInteger(coefficient));
      if (unsafe)
        return this.fail(
          diagnose(
            'wrong_type',
            { what, expected: 'a sum with factors below 2^53', found: `one with ${unsafe.coefficient}` },
            at,
            this.here(),
          ),
        );
      if (value.dim.terms.length <= MAX_TERMS) return value.dim;
      return this.fail(
        diagnose(
          'wrong_type',
          { what, expected: `a sum of at most ${MAX_TERMS} terms`, found: `one of ${value.dim.terms.length}` },
          at,
          this.here(),
        ),
      );
    }
    if (value.kind === 'error') throw new Reported();
    if (value.kind === 'float' && value.division) {
      const { left, right, span } = value.division;
      const secondary: Label[] = [{ span: at, message: 'this dimension needs it' }, ...this.creationAround(span)];
      const notes = ['round it with int(…) if that is meant'];
      return this.fail(
        diagnose('not_a_whole_number', { left, right, value: Number((left / right).toPrecision(8)) }, span, {
          secondary,
          notes,
        }),
      );
    }
    const here = { ...this.here(), notes: value.kind === 'list' ? [ONE_SIZE] : [] };
    return this.fail(diagnose('wrong_type', { what, expected: 'an int', found: describe(value) }, at, here));
  }

  /** Where the module whose declaration encloses a place was created, on the way to where we are. */
  private creationAround(place: Span): Label[] {
    const parts = (this.here().context ?? '').split('.');
    for (let length = parts.length; length > 0; length--) {
      const path = parts.slice(0, length).join('.');
      const instance = this.modules.instances.get(path);
      const around = instance?.declaration.span;
      if (
        !instance ||
        path === '' ||
        around?.source !== place.source ||
        around.start > place.start ||
        around.end < place.end
      )
        continue;
      return [{ span: instance.span, message: `${path} is created here` }];
    }
    return [];
  }
}
